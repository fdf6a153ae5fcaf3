"""Addresses of the sensing room."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "sensing"
urlpatterns: list[URLPattern] = []
