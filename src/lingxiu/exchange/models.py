"""Keys of other systems. The secret itself is shown once, when the key is made; only its hash is kept."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from lingxiu.accounts.models import User

EACH_MINUTE = 120
"""How many requests a key may make in a minute if nobody said otherwise."""


class Key(models.Model):
    """What lets another system in: as whom it acts, and for what (`keys.SCOPES`). It may never do what that person may not.

    A secret has 256 random bits, so its plain SHA-256 is as good as guarding it. `hint`: its beginning, by which people
    know it again. `minute` and `uses` count the requests of the present minute.
    """

    name = models.CharField(max_length=60)
    hint = models.CharField(max_length=12)
    secret_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    scopes = models.JSONField(default=list)
    each_minute = models.PositiveIntegerField(default=EACH_MINUTE)
    created_at = models.DateTimeField()
    created_by = models.BigIntegerField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    minute = models.DateTimeField(null=True)
    uses = models.PositiveIntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(revoked_at=None) | Q(revoked_at__gte=F("created_at")), name="key_revoked_after_it_was_made"
            ),
            models.CheckConstraint(condition=Q(each_minute__gt=0), name="key_may_be_used"),
        ]

    def __str__(self) -> str:
        return f"{self.hint} {self.name}"
