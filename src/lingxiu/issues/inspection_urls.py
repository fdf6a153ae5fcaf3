"""Addresses of inspections, for the room's `urls.py`."""

from __future__ import annotations

from django.urls import URLPattern, path

from lingxiu.issues import inspection_pages, joint_pages, paper_pages, signing_pages

INSPECTIONS: list[URLPattern] = [
    path("issues/joint/", joint_pages.rounds, name="rounds"),
    path("issues/joint/new/", joint_pages.new_round, name="new_round"),
    path("issues/joint/<int:joint_id>/", joint_pages.show_round, name="round"),
    path("issues/joint/<int:joint_id>/act/", joint_pages.act, name="act_on_round"),
    path("issues/joint/<int:joint_id>/<int:shop_id>/", joint_pages.walk_shop, name="walk_shop"),
    path("issues/inspections/<int:inspection_id>/", inspection_pages.show, name="inspection"),
    path("issues/inspections/<int:inspection_id>/record.pdf", paper_pages.inspection, name="inspection_record"),
    path("issues/inspections/<int:inspection_id>/amend/", inspection_pages.amend, name="amend_inspection"),
    path(
        "issues/inspections/<int:paper_id>/sign/", signing_pages.answer, {"kind": "inspection"}, name="sign_inspection"
    ),
    path("issues/rectifications/<int:rectification_id>/", paper_pages.show_notice, name="rectification"),
    path("issues/rectifications/<int:rectification_id>/notice.docx", paper_pages.draft_file, name="rectification_file"),
    path(
        "issues/rectifications/<int:paper_id>/sign/",
        signing_pages.answer,
        {"kind": "rectification"},
        name="sign_rectification",
    ),
    path("issues/to-sign/", signing_pages.to_sign, name="to_sign"),
    path("issues/<str:number>/inspection/", inspection_pages.on_issue, name="inspect"),
    path("merchants/<int:merchant_id>/inspection/", inspection_pages.on_shop, name="inspect_shop"),
]
