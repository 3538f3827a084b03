"""App configuration of readerstudy.studies."""

from django.apps import AppConfig


class StudiesConfig(AppConfig):
    name = "readerstudy.studies"
