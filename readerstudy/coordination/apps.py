"""App configuration of readerstudy.coordination."""

from django.apps import AppConfig


class CoordinationConfig(AppConfig):
    name = "readerstudy.coordination"
