"""The rating room."""

from django.apps import AppConfig


class RatingConfig(AppConfig):
    name = "lingxiu.rating"
    label = "rating"
