"""The selfservice room."""

from django.apps import AppConfig


class SelfserviceConfig(AppConfig):
    name = "lingxiu.selfservice"
    label = "selfservice"
