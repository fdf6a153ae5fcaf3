"""Addresses of the issues room. One issue (`/issues/<number>/`) is the portal's: it shows several rooms at once."""

from __future__ import annotations

from django.urls import URLPattern, path

from lingxiu.issues import views

app_name = "issues"
urlpatterns: list[URLPattern] = [
    path("issues/", views.issue_list, name="list"),
    path("issues/export.xlsx", views.export, name="export"),
    path("issues/new/", views.new_find, name="new"),
    path("complain/", views.complain, name="complain"),
    path("m/<str:token>/complain/", views.complain_about, name="complain_about"),
    path("r/<str:token>", views.fate, name="fate"),
]
