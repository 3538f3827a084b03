# The application as two images: `web` without torch, `worker` with it.
#   docker build --target web -t readerstudy-web .
#   docker build --target worker -t readerstudy-worker .
# Both expect DATABASE_URL, CELERY_BROKER_URL and SECRET_KEY; docker-compose.yml shows them together.

FROM python:3.11-slim AS base
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=readerstudy.settings \
    READERSTUDY_DATA=/data \
    STATIC_ROOT=/app/staticfiles
# A user of its own, and a data folder that is its alone; a new volume mounted there takes over owner and mode.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin readerstudy \
 && install --directory --owner readerstudy --group readerstudy --mode 0750 /data
WORKDIR /app

# Dependencies before sources, so that a change of code does not install them anew. Editable: the templates, static files
# and model weights are used where they lie, in /app.
FROM base AS web-build
RUN python -m venv /opt/venv
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN mkdir readerstudy explainer analysis \
 && touch readerstudy/__init__.py explainer/__init__.py analysis/__init__.py \
 && pip install --no-cache-dir --constraint constraints.txt --editable '.[web]'

FROM web-build AS worker-build
RUN pip install --no-cache-dir --constraint constraints.txt --editable '.[worker]'

FROM base AS web
COPY --from=web-build /opt/venv /opt/venv
COPY . .
# The key signs nothing: it only lets the settings load while static files are collected.
RUN SECRET_KEY=while-building python manage.py collectstatic --noinput
USER readerstudy
VOLUME /data
EXPOSE 8000
# Any answer below 500 will do: a redirect to HTTPS or the refusal of this host name shows a living process too.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
  CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/'); sys.exit(c.getresponse().status >= 500)"]
CMD ["gunicorn", "readerstudy.wsgi:application", "--bind", "0.0.0.0:8000", "--workers", "3", "--worker-tmp-dir", "/dev/shm", "--access-logfile", "-"]

FROM base AS worker
COPY --from=worker-build /opt/venv /opt/venv
COPY . .
USER readerstudy
VOLUME /data
# No check of its own: a worker shows that it lives by its heartbeat in the database, which the coordinator's pages show.
HEALTHCHECK NONE
CMD ["celery", "-A", "readerstudy", "worker", "-Q", "gpu,cpu", "-c", "1", "--loglevel", "INFO"]
