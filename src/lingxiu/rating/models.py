"""Scores as they were computed: facts, rule edition and time, so that each can be explained and repeated."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from lingxiu.merchants.models import Merchant


class FumeScore(models.Model):
    """The fume level of a merchant on a day. The newest one is in `Standing`.

    facts: what was known, whole, so that `scoring.rate` gives the same again (`records.facts_from`) · dimensions: one object
    a dimension: `id, rule, weight, points, why, inputs` · held_by: what holds the level down: `by, inputs`.
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="+")
    day = models.DateField()
    computed_at = models.DateTimeField()
    scheme = models.CharField(max_length=16)
    score = models.FloatField(null=True)
    level = models.PositiveSmallIntegerField(null=True)
    coverage = models.FloatField()
    facts = models.JSONField(default=dict)
    dimensions = models.JSONField()
    held_by = models.JSONField(default=list)
    edition = models.PositiveIntegerField()
    synthetic = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["merchant", "day"], name="fume_score_once_a_day"),
            models.CheckConstraint(
                condition=Q(score=None) | Q(score__gte=0, score__lte=100), name="fume_score_0_to_100"
            ),
            models.CheckConstraint(condition=Q(level=None) | Q(level__gte=1, level__lte=3), name="fume_level_1_to_3"),
        ]

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.day}"
