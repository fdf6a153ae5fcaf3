"""The ui room."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "lingxiu.ui"
    label = "ui"
