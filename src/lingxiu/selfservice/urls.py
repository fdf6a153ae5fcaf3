"""Addresses of the selfservice room."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "selfservice"
urlpatterns: list[URLPattern] = []
