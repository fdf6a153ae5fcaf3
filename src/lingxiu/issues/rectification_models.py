"""整改通知书: what two officers of one body ask a shop to put right, by when. Who may make one: `papers`."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import F, Q

from lingxiu.accounts.models import Unit, User
from lingxiu.issues.signing_models import WAITING, ByTwo
from lingxiu.journal.actions import Scope

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class RectificationQuerySet(models.QuerySet["Rectification"]):
    """Notices, as far as somebody may see."""

    def visible_to(self, user: User | AnonymousUser) -> RectificationQuerySet:
        """Who sees the issue, in office; never a shop's own people."""
        from lingxiu.issues.models import Issue

        authority = getattr(user, "authority", None)
        if authority is None or not authority.is_officer:
            return self.none()
        return self.filter(issue__in=Issue.objects.visible_to(user))


class Rectification(ByTwo):
    """A notice to the merchant: first a draft (`draft`, a Word file that says so), after both signatures the paper (`file`).

    `template`: sha256 of the Word template it was and will be filled into, kept with it. `fields`: what stood in for its
    fields when this version was written; signed with the rest.
    """

    issue = models.ForeignKey("issues.Issue", on_delete=models.PROTECT, related_name="rectifications")
    inspection = models.ForeignKey("issues.Inspection", on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    demands = models.TextField(max_length=2000)
    until = models.DateField()
    template = models.CharField(max_length=64)
    fields = models.JSONField()
    draft = models.CharField(max_length=64, default="", blank=True)
    file = models.CharField(max_length=64, default="", blank=True)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    objects = RectificationQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-made_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(officer=F("second_officer")), name="rectification_two_officers"),
            models.CheckConstraint(
                condition=Q(file="") | Q(signed_at__isnull=False), name="rectification_file_is_signed"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["written_at"], name="rectification_unsigned", condition=WAITING),
        ]

    def __str__(self) -> str:
        return f"notice {self.pk}"

    def text(self) -> dict[str, object]:
        """All that is signed."""
        return {
            "issue": self.issue_id,
            "inspection": self.inspection_id,
            "unit": self.unit_id,
            "officers": list(self.officer_ids),
            "demands": self.demands,
            "until": self.until.isoformat(),
            "template": self.template,
            "fields": self.fields,
            "made_at": self.made_at.astimezone(UTC).isoformat(),
        }

    def scope(self) -> Scope:
        """Whom an entry about it concerns: not the shop, before it is handed over on paper."""
        return Scope(town=self.issue.town, grid=self.issue.grid, unit_id=self.unit_id)
