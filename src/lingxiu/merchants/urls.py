"""Addresses of the merchants room."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "merchants"
urlpatterns: list[URLPattern] = []
