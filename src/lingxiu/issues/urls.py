"""Addresses of the issues room. One issue (`/issues/<number>/`) is the portal's: it shows several rooms at once."""

from __future__ import annotations

from django.urls import URLPattern, path, re_path

from lingxiu.issues import handing_over, lawbook, looking_pages, order_asked_pages, order_views, public, views
from lingxiu.issues.desk_urls import DESK
from lingxiu.issues.inspection_urls import INSPECTIONS
from lingxiu.issues.lookback.urls import LOOKBACK

app_name = "issues"
GIVEN_OUT = r"(?P<token>[A-Za-z0-9_-]{1,32})"
"""What `secrets.token_urlsafe` writes; anything else is no token, and never reaches the database."""

urlpatterns: list[URLPattern] = [
    path("issues/", views.issue_list, name="list"),
    path("issues/export.xlsx", views.export, name="export"),
    path("issues/hand-over/", handing_over.hand_over, name="hand_over"),
    path("issues/new/", views.new_find, name="new"),
    *DESK,
    *INSPECTIONS,
    *LOOKBACK,
    path("issues/orders/", order_views.order_list, name="orders"),
    path("issues/orders/new/", order_views.new_order, name="new_order"),
    path("issues/orders/<int:order_id>/", order_views.show_order, name="order"),
    path("issues/orders/<int:order_id>/add/", order_views.add_items, name="add_items"),
    path("issues/orders/<int:order_id>/<int:item_id>/", order_views.act_on_item, name="act_on_item"),
    path("issues/asked/", order_asked_pages.asked, name="asked"),
    path("issues/asked/new/", order_asked_pages.instruct, name="instruct"),
    path("issues/<str:number>/look/", looking_pages.look, name="look"),
    path("issues/law/", lawbook.book, name="lawbook"),
    path("issues/law/<str:violation_id>/", lawbook.law, name="law"),
    path("complain/", public.complain, name="complain"),
    path("complain/find/", public.find_report, name="find_report"),
    re_path(rf"^m/{GIVEN_OUT}/complain/$", public.complain_about, name="complain_about"),
    re_path(rf"^r/{GIVEN_OUT}$", public.fate, name="fate"),
]
