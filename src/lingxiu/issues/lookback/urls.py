"""Addresses of looking back, below those of the list."""

from __future__ import annotations

from django.urls import URLPattern, path

from lingxiu.issues.lookback import views

LOOKBACK: list[URLPattern] = [
    path("issues/export.csv", views.export_csv, name="export_csv"),
    path("issues/export.geojson", views.export_geojson, name="export_geojson"),
    path("issues/lookback/", views.lookback, name="lookback"),
    path("issues/lookback/units/", views.units, name="lookback_units"),
    path("issues/lookback/map/", views.over_time, name="over_time"),
    path("issues/lookback/report.docx", views.report, name="lookback_report"),
    path("issues/lookback/places/", views.places, name="places"),
    path("issues/lookback/places/<int:place_id>/remove/", views.remove_place, name="remove_place"),
    path("issues/lookback/listings/", views.listings, name="listings"),
    path("issues/lookback/listings/<int:listing_id>/", views.decide, name="decide_listing"),
]
