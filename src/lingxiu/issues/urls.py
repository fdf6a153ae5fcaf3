"""Addresses of the issues room."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "issues"
urlpatterns: list[URLPattern] = []
