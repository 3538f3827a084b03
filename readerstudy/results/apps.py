"""App configuration of readerstudy.results."""

from django.apps import AppConfig


class ResultsConfig(AppConfig):
    name = "readerstudy.results"
