"""Addresses of the merchants room. The portrait, `/merchants/<id>/`, is portal's."""

from __future__ import annotations

from django.urls import URLPattern, path

from lingxiu.merchants.views import codes, dossier, listing, lists, upkeep

app_name = "merchants"
urlpatterns: list[URLPattern] = [
    path("merchants/", listing.merchant_list, name="list"),
    path("merchants/new/", dossier.new_merchant, name="new"),
    path("merchants/import/", lists.take_list, name="import"),
    path("merchants/import/template.xlsx", lists.list_template, name="template"),
    path("merchants/labels/", codes.print_labels, name="labels"),
    path("merchants/<int:merchant_id>/dossier/", dossier.dossier, name="dossier"),
    path("merchants/<int:merchant_id>/dossier/person/", dossier.reveal, name="reveal"),
    path("merchants/<int:merchant_id>/care/", upkeep.record_care, name="care"),
    path("merchants/<int:merchant_id>/facilities/", upkeep.add_facility, name="add_facility"),
    path(
        "merchants/<int:merchant_id>/facilities/<int:facility_id>/remove/",
        upkeep.remove_facility,
        name="remove_facility",
    ),
    path("merchants/<int:merchant_id>/people/", upkeep.bind_person, name="bind"),
    path("merchants/<int:merchant_id>/people/<int:bond_id>/end/", upkeep.unbind_person, name="unbind"),
    path("merchants/<int:merchant_id>/visit/", upkeep.visit, name="visit"),
    path("merchants/<int:merchant_id>/code/", codes.code, name="code"),
]
