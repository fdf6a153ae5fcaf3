"""The morning of a joint inspection: the journal is told, once, that it is today. Who is told of that, `notices` decides."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from lingxiu.issues.joint_models import JointInspection, JointShop
from lingxiu.journal.actions import Scope, record
from lingxiu.policy.queries import in_force


def tell_of_today(at: datetime) -> int:
    """Write of each round of today that it is today: from policy's `rounds_at` on, late if nothing ran by then, and never on
    another day. One planned today was told of when it was planned. Returns how many were written."""
    local = timezone.localtime(at)
    if local.time() < in_force().catalogues.notices.rounds_at:
        return 0
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    due = JointInspection.objects.filter(
        day=local.date(), made_at__lt=midnight, withdrawn_at=None, told_today_at=None,
        pk__in=JointShop.objects.filter(walked_at=None, left_out_at=None).values("joint"),
    )  # fmt: skip
    with transaction.atomic():
        rows = list(due.select_for_update(skip_locked=True, of=("self",)).order_by("pk"))
        for row in rows:
            record("joint.today", "joint_inspection", row.pk, at=at, scope=Scope(unit_id=row.lead_id))
        JointInspection.objects.filter(pk__in=[row.pk for row in rows]).update(told_today_at=at)
    return len(rows)
