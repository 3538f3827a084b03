"""App configuration of readerstudy.accounts."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "readerstudy.accounts"
