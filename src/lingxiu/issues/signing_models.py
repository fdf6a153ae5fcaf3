"""Papers of two officers, and the word each of them gave to one version of the text. What is decided about them: `signing`."""

from __future__ import annotations

import hashlib
import json
from typing import ClassVar

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import User

WAITING = Q(signed_at=None, withdrawn_at=None, version__gt=0)
FINAL = Q(signed_at__isnull=False) | Q(version=0)
"""A `version` of 0 was written before each officer signed for himself: it counts as it did."""


class ByTwo(models.Model):
    """A paper of two officers: a draft until each of them has signed the same version of its text, himself.

    `written_at`: since when this version waits. `signed_at`: when the second signature came; the text stays from then on.
    `text_sha256`: of what this version says (`text`). `reminded_at`, `raised_at`: of this version, once each.
    """

    officer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    second_officer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    version = models.PositiveSmallIntegerField(default=1, db_default=0)
    text_sha256 = models.CharField(max_length=64, default="", db_default="", blank=True)
    written_at = models.DateTimeField(null=True)
    signed_at = models.DateTimeField(null=True)
    reminded_at = models.DateTimeField(null=True)
    raised_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_why = models.CharField(max_length=300, default="", db_default="", blank=True)

    class Meta:
        abstract = True

    @property
    def is_final(self) -> bool:
        """Whether it counts: both have signed what stands there."""
        return self.signed_at is not None or self.version == 0

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for a signature."""
        return not self.is_final and self.withdrawn_at is None

    @property
    def officer_ids(self) -> tuple[int, int]:
        """Both, whose signatures it needs."""
        return self.officer_id, self.second_officer_id

    def text(self) -> dict[str, object]:
        """All that is signed, as plain values."""
        raise NotImplementedError

    def digest(self) -> str:
        """SHA-256 of `text`, the same for the same words."""
        plain = json.dumps(self.text(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(plain.encode()).hexdigest()


class Signature(models.Model):
    """What one officer said to one version of one paper. Append-only; `text`: the whole of what was signed or refused."""

    class Verdict(models.TextChoices):
        SIGNED = "signed", _("signed")
        REFUSED = "refused", _("did not agree")

    inspection = models.ForeignKey("issues.Inspection", null=True, on_delete=models.PROTECT, related_name="signatures")
    rectification = models.ForeignKey(
        "issues.Rectification", null=True, on_delete=models.PROTECT, related_name="signatures"
    )
    officer = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    version = models.PositiveSmallIntegerField()
    text = models.JSONField()
    text_sha256 = models.CharField(max_length=64)
    verdict = models.CharField(max_length=10, choices=Verdict)
    words = models.CharField(max_length=300, default="", blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["at", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(inspection=None, rectification__isnull=False)
                | Q(inspection__isnull=False, rectification=None),
                name="signature_of_one_paper",
            ),
            models.CheckConstraint(condition=Q(verdict="signed") | ~Q(words=""), name="signature_refused_for_a_reason"),
            models.UniqueConstraint(fields=["inspection", "officer", "version"], name="signature_inspection_once"),
            models.UniqueConstraint(fields=["rectification", "officer", "version"], name="signature_notice_once"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.text_sha256[:8]}"


def waiting_for(user_id: int, paper: str) -> Q:
    """Papers of this kind (`inspection`, `rectification`) that wait for a word of this officer: he has signed this version
    neither nor refused it, or the other one refused it and it must be put right."""
    said = Signature.objects.filter(**{paper: OuterRef("pk")}, version=OuterRef("version"))
    not_by_him = ~Exists(said.filter(officer=user_id))
    refused_by_other = Exists(said.filter(verdict="refused").exclude(officer=user_id))
    own = Q(officer=user_id) | Q(second_officer=user_id)
    return WAITING & own & (Q(not_by_him) | Q(refused_by_other))
