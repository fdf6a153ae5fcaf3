"""Addresses of the selfservice room."""

from __future__ import annotations

from django.urls import URLPattern, path

from lingxiu.selfservice import views
from lingxiu.selfservice.agenda import CARE

app_name = "selfservice"
urlpatterns: list[URLPattern] = [
    path("shop/", views.front_door, name="front_door"),
    path("shop/<int:merchant_id>/", views.shop, name="shop"),
    path("shop/<int:merchant_id>/check/", views.check, name="check"),
    *(path(f"shop/<int:merchant_id>/{what}/", views.care, {"what": str(what)}, name=str(what)) for what in CARE),
]
