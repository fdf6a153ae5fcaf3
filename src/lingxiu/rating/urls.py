"""Addresses of the rating room."""

from __future__ import annotations

from django.urls import URLPattern, path

from lingxiu.rating.views import show_level

app_name = "rating"
urlpatterns: list[URLPattern] = [path("merchants/<int:merchant_id>/level/", show_level, name="level")]
