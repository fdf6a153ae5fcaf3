"""The merchants room."""

from django.apps import AppConfig


class MerchantsConfig(AppConfig):
    name = "lingxiu.merchants"
    label = "merchants"
