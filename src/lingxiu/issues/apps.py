"""The issues room."""

from django.apps import AppConfig


class IssuesConfig(AppConfig):
    name = "lingxiu.issues"
    label = "issues"
