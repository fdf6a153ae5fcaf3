"""The notices room."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "lingxiu.notices"
    label = "notices"
