"""App configuration of readerstudy.work."""

from django.apps import AppConfig


class WorkConfig(AppConfig):
    name = "readerstudy.work"
