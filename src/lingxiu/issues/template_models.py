"""Word templates that departments brought for their papers, every version kept. What makes one good, `word_templates` decides."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from lingxiu.accounts.models import Unit, User


class PaperTemplate(models.Model):
    """A version of a unit's template; `unit` None: the county's. `sha256`: of the file, which is never thrown away.

    `retired_at`: since when a newer one, or the shipped one, is used instead.
    """

    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    version = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    name = models.CharField(max_length=120)
    brought_at = models.DateTimeField()
    brought_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    retired_at = models.DateTimeField(null=True)
    retired_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering: ClassVar = ["-brought_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["unit", "version"], nulls_distinct=False, name="paper_template_version"),
            models.UniqueConstraint(
                fields=["unit"], nulls_distinct=False, condition=Q(retired_at=None), name="paper_template_one_in_use"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
