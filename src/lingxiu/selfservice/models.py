"""Self-checks of merchants."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from lingxiu.merchants.models import Merchant


class SelfCheck(models.Model):
    """An owner went through the list of a month and says what is in order.

    `answers`: item id → in order? (true, false; null: the shop has no such thing). `edition`: of the list they answered.
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="+")
    month = models.DateField()
    answers = models.JSONField(default=dict)
    edition = models.PositiveIntegerField(null=True)
    declared_at = models.DateTimeField()
    declared_by = models.BigIntegerField(null=True)
    submission = models.UUIDField(null=True, unique=True)
    synthetic = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["merchant", "month"], name="self_check_once_a_month")]

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.month:%Y-%m}"
