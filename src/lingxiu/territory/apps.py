"""The territory room."""

from django.apps import AppConfig


class TerritoryConfig(AppConfig):
    name = "lingxiu.territory"
    label = "territory"
