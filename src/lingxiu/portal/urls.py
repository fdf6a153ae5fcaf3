"""Addresses of the portal."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from lingxiu.portal import calling, collect, health, issue, map, merchant, pane, pulse, views

app_name = "portal"
urlpatterns: list[URLPattern] = [
    path("", views.front_door, name="front_door"),
    path("collect/", collect.my_round, name="collect"),
    path("map/", map.show_map, name="map"),
    path("map/merchants.geojson", map.merchants_geojson, name="map_merchants"),
    path("map/alarms.geojson", map.alarms_geojson, name="map_alarms"),
    path("map/areas.geojson", map.areas_geojson, name="map_areas"),
    path("map/ground.geojson", map.ground_geojson, name="map_ground"),
    path("map/card/<int:merchant_id>/", map.merchant_card, name="map_card"),
    re_path(r"^issues/(?P<number>\d{13})/$", issue.show, name="issue"),
    re_path(r"^issues/(?P<number>\d{13})/pane/$", pane.show, name="pane"),
    re_path(r"^issues/(?P<number>\d{13})/moves/$", issue.make_move, name="move"),
    re_path(r"^issues/(?P<number>\d{13})/call/$", calling.call_shop, name="call"),
    re_path(
        r"^issues/(?P<number>\d{13})/reports/(?P<report_id>\d{1,18})/call/$",
        calling.call_reporter,
        name="call_reporter",
    ),
    re_path(r"^issues/(?P<number>\d{13})/elsewhere/$", issue.number_elsewhere, name="elsewhere"),
    re_path(r"^issues/(?P<number>\d{13})/case/$", issue.case_result, name="case_result"),
    re_path(r"^m/(?P<token>[\w-]{1,64})$", merchant.open_code, name="code"),
    path("merchants/<int:merchant_id>/", merchant.portrait, name="merchant"),
    path("pulse", pulse.pulse, name="pulse"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
