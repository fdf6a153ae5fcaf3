"""Addresses of the dispatcher's desk, for the room's `urls.py`."""

from __future__ import annotations

from django.urls import URLPattern, path

from lingxiu.issues import desk, paper_pages, roster_pages, routing_pages, sheet_pages, template_pages

DESK: list[URLPattern] = [
    path("issues/bulk/", desk.many, name="bulk"),
    path("issues/bulk/done/", desk.many_done, name="bulk_done"),
    path("issues/views/", desk.views, name="views"),
    path("issues/digest/", desk.morning, name="digest"),
    path("issues/sheet.xlsx", sheet_pages.out, name="sheet_out"),
    path("issues/sheet/", sheet_pages.back, name="sheet"),
    path("issues/sheet/apply/", sheet_pages.apply, name="sheet_apply"),
    path("issues/roster/", roster_pages.roster_import, name="roster"),
    path("issues/roster/duty/", roster_pages.duty_import, name="roster_duty"),
    path("issues/routing/", routing_pages.rules, name="routing"),
    path("issues/routing/routing.yaml", routing_pages.text, name="routing_text"),
    path("issues/routing/rules/<str:rule_id>/", routing_pages.of_rule, name="routing_rule"),
    path("issues/routing/try/", routing_pages.attempt, name="routing_try"),
    path("issues/routing/propose/", routing_pages.propose, name="routing_propose"),
    path("issues/routing/drafts/<int:draft_id>/", routing_pages.draft, name="routing_draft"),
    path("issues/routing/drafts/<int:draft_id>/decide/", routing_pages.decide, name="routing_decide"),
    path("issues/templates/", template_pages.templates, name="templates"),
    path("issues/templates/shipped.docx", template_pages.shipped, name="template_shipped"),
    path("issues/templates/<int:template_id>/file.docx", template_pages.file, name="template_file"),
    path("issues/templates/<int:template_id>/preview.docx", template_pages.previewed, name="template_preview"),
    path("issues/templates/<int:template_id>/use/", template_pages.again, name="template_again"),
    path("issues/assignments.pdf", paper_pages.slips, {"kind": "assignment"}, name="assignments"),
    path("issues/receipts.pdf", paper_pages.slips, {"kind": "receipt"}, name="receipts"),
    path("issues/<str:number>/record.pdf", paper_pages.record, name="record"),
    path("issues/<str:number>/assignment.pdf", paper_pages.slip, {"kind": "assignment"}, name="assignment"),
    path("issues/<str:number>/receipt.pdf", paper_pages.slip, {"kind": "receipt"}, name="receipt"),
    path("issues/<str:number>/notice/", paper_pages.notice, name="notice"),
    path("issues/<str:number>/notice.docx", paper_pages.notice_file, name="notice_file"),
    path("issues/<str:number>/private/", desk.note, name="private_note"),
]
