"""The accounts room."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "lingxiu.accounts"
    label = "accounts"
