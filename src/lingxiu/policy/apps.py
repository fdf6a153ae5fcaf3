"""The policy room."""

from django.apps import AppConfig


class PolicyConfig(AppConfig):
    name = "lingxiu.policy"
    label = "policy"
