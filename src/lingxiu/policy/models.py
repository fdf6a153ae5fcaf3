"""Editions: what was in force, immutable, so that every score, alarm and routing can be repeated years later."""

from __future__ import annotations

from django.db import models


class Edition(models.Model):
    """One whole body of policy. The one with the highest id is in force."""

    sha256 = models.CharField(max_length=64)
    body = models.JSONField()
    loaded_at = models.DateTimeField()
    loaded_by = models.BigIntegerField(null=True)
    note = models.CharField(max_length=200, default="")

    def __str__(self) -> str:
        return f"{self.pk} ({self.sha256[:8]})"
