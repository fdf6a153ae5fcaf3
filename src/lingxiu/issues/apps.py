"""The issues room."""

from __future__ import annotations

from django.apps import AppConfig
from django.http import HttpRequest


class IssuesConfig(AppConfig):
    name = "lingxiu.issues"
    label = "issues"

    def ready(self) -> None:
        """Tell `files` who may see the pictures of issues and of reports: officers who see the issue, nobody else.

        Owners do not: officers' pictures carry their names, and reporters' may show where they live; for the same
        reason a grid member does not see the reporters'.
        """
        from lingxiu.files.access import answers_for
        from lingxiu.issues.models import Inspection, Issue, Order, Rectification, Report

        def sees_issue(request: HttpRequest, number: str) -> bool:
            authority = getattr(request.user, "authority", None)
            officer = authority is not None and authority.is_officer
            return officer and Issue.objects.visible_to(request.user).filter(number=number).exists()

        def sees_report(request: HttpRequest, report_id: str) -> bool:
            return Report.objects.visible_to(request.user).filter(pk=int(report_id)).exists()

        def sees_order(request: HttpRequest, order_id: str) -> bool:
            return Order.objects.visible_to(request.user).filter(pk=int(order_id)).exists()

        def sees_inspection(request: HttpRequest, inspection_id: str) -> bool:
            return Inspection.objects.visible_to(request.user).filter(pk=int(inspection_id)).exists()

        def sees_rectification(request: HttpRequest, rectification_id: str) -> bool:
            return Rectification.objects.visible_to(request.user).filter(pk=int(rectification_id)).exists()

        answers_for("order", sees_order)
        answers_for("rectification", sees_rectification)
        answers_for("inspection", sees_inspection)
        answers_for("issue", sees_issue)
        answers_for("report", sees_report)
