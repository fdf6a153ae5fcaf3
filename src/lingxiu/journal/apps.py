"""The journal room."""

from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "lingxiu.journal"
    label = "journal"
