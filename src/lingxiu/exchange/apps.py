"""The exchange room."""

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "lingxiu.exchange"
    label = "exchange"
