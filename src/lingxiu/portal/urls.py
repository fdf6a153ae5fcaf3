"""Addresses of the portal."""

from __future__ import annotations

from django.urls import URLPattern, path

from lingxiu.portal import collect, health, merchant, pulse, views

app_name = "portal"
urlpatterns: list[URLPattern] = [
    path("", views.front_door, name="front_door"),
    path("collect/", collect.my_round, name="collect"),
    path("m/<str:token>", merchant.open_code, name="code"),
    path("merchants/<int:merchant_id>/", merchant.portrait, name="merchant"),
    path("pulse", pulse.pulse, name="pulse"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
