"""The portal room."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "lingxiu.portal"
    label = "portal"
