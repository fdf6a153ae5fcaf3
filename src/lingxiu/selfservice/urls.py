"""Addresses of the selfservice room."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from lingxiu.selfservice import issue, views
from lingxiu.selfservice.agenda import CARE

app_name = "selfservice"
urlpatterns: list[URLPattern] = [
    path("shop/", views.front_door, name="front_door"),
    re_path(r"^shop/issues/(?P<number>\d{13})/$", issue.issue, name="issue"),
    path("shop/<int:merchant_id>/", views.shop, name="shop"),
    path("shop/<int:merchant_id>/check/", views.check, name="check"),
    *(path(f"shop/<int:merchant_id>/{what}/", views.care, {"what": str(what)}, name=str(what)) for what in CARE),
]
