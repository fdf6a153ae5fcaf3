"""Addresses of inspections, for the room's `urls.py`."""

from __future__ import annotations

from django.urls import URLPattern, path

from lingxiu.issues import inspection_pages

INSPECTIONS: list[URLPattern] = [
    path("issues/inspections/<int:inspection_id>/", inspection_pages.show, name="inspection"),
    path("issues/<str:number>/inspection/", inspection_pages.on_issue, name="inspect"),
    path("merchants/<int:merchant_id>/inspection/", inspection_pages.on_shop, name="inspect_shop"),
]
