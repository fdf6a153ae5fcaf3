"""Addresses of the dispatcher's desk, for the room's `urls.py`."""

from __future__ import annotations

from django.urls import URLPattern, path

from lingxiu.issues import desk

DESK: list[URLPattern] = [
    path("issues/bulk/", desk.many, name="bulk"),
    path("issues/bulk/done/", desk.many_done, name="bulk_done"),
    path("issues/views/", desk.views, name="views"),
    path("issues/digest/", desk.morning, name="digest"),
    path("issues/<str:number>/private/", desk.note, name="private_note"),
]
