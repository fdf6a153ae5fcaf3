"""Addresses of the notices room."""

from __future__ import annotations

from django.urls import URLPattern, path

from lingxiu.notices import views

app_name = "notices"

urlpatterns: list[URLPattern] = [
    path("notices/", views.show_notices, name="notices"),
    path("notices/read/", views.read_all, name="read_all"),
    path("notices/settings/", views.show_settings, name="settings"),
    path("notices/deliveries/", views.show_deliveries, name="deliveries"),
    path("notices/deliveries/<int:delivery_id>/again/", views.send_again, name="send_again"),
    path("notices/deliveries/texts/<int:text_id>/again/", views.send_text_again, name="send_text_again"),
    path("notices/<int:notice_id>/", views.open_notice, name="open"),
    path("n/<str:link>", views.open_link, name="link"),
]
