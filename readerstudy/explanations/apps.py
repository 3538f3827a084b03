"""App configuration of readerstudy.explanations."""

from django.apps import AppConfig


class ExplanationsConfig(AppConfig):
    name = "readerstudy.explanations"
