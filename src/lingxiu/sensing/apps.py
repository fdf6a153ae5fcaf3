"""The sensing room."""

from django.apps import AppConfig


class SensingConfig(AppConfig):
    name = "lingxiu.sensing"
    label = "sensing"
