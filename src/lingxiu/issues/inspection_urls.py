"""Addresses of inspections, for the room's `urls.py`."""

from __future__ import annotations

from django.urls import URLPattern, path

from lingxiu.issues import inspection_pages, joint_pages

INSPECTIONS: list[URLPattern] = [
    path("issues/joint/", joint_pages.rounds, name="rounds"),
    path("issues/joint/new/", joint_pages.new_round, name="new_round"),
    path("issues/joint/<int:joint_id>/", joint_pages.show_round, name="round"),
    path("issues/joint/<int:joint_id>/act/", joint_pages.act, name="act_on_round"),
    path("issues/joint/<int:joint_id>/<int:shop_id>/", joint_pages.walk_shop, name="walk_shop"),
    path("issues/inspections/<int:inspection_id>/", inspection_pages.show, name="inspection"),
    path("issues/<str:number>/inspection/", inspection_pages.on_issue, name="inspect"),
    path("merchants/<int:merchant_id>/inspection/", inspection_pages.on_shop, name="inspect_shop"),
]
