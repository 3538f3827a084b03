"""WSGI entry point of the web process."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "readerstudy.settings")

from django.core.wsgi import get_wsgi_application

from readerstudy.startup import ensure_services

ensure_services()
application = get_wsgi_application()
