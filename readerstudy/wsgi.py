"""WSGI entry point of the web process."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "readerstudy.settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from readerstudy.lib.postgres import ensure_running

ensure_running(settings.DATA_DIR)
application = get_wsgi_application()
