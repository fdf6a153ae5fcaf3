"""Editions: what was in force, immutable, so that every score, alarm and routing can be repeated years later. And drafts: a
catalogue somebody wants otherwise, until another person puts it into force or refuses it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q


class Edition(models.Model):
    """One whole body of policy. The one with the highest id is in force.

    `drafted`: part of it was put into force on a page, and stands in no folder.
    """

    sha256 = models.CharField(max_length=64)
    body = models.JSONField()
    loaded_at = models.DateTimeField()
    loaded_by = models.BigIntegerField(null=True)
    note = models.CharField(max_length=200, default="")
    drafted = models.BooleanField(default=False, db_default=False)

    def __str__(self) -> str:
        return f"{self.pk} ({self.sha256[:8]})"


class Draft(models.Model):
    """One catalogue as somebody wants it, as the text they wrote: kept, whatever came of it.

    `base`: the edition it was written against. Decided: either put into force, as `edition`, or refused (`refused_why`); who
    proposed it never puts it into force, but may take it back.
    """

    catalogue = models.CharField(max_length=30)
    text = models.TextField()
    why = models.CharField(max_length=200)
    base = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="+")
    proposed_by = models.BigIntegerField()
    proposed_at = models.DateTimeField()
    decided_by = models.BigIntegerField(null=True)
    decided_at = models.DateTimeField(null=True)
    edition = models.ForeignKey(Edition, null=True, on_delete=models.PROTECT, related_name="+")
    refused_why = models.CharField(max_length=200, default="")

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(decided_at=None, decided_by=None, edition=None, refused_why="")
                | (Q(decided_at__isnull=False, decided_by__isnull=False) & ~Q(edition=None, refused_why="")),
                name="policy_draft_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(edition=None) | ~Q(decided_by=F("proposed_by")), name="policy_draft_takes_two"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} ({self.catalogue})"
