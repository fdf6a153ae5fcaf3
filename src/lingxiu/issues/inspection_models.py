"""Inspections that were made, with the code of the administrative act (行政行为码). What is decided about them: `inspections`."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.authority import NOBODY, Authority
from lingxiu.accounts.models import Unit, User
from lingxiu.issues.signing_models import FINAL, WAITING, ByTwo
from lingxiu.journal.actions import Scope
from lingxiu.merchants.models import Merchant
from lingxiu.policy.schema.roles import Sight

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class WhyChoice(models.TextChoices):
    """`inspection_rules.Why` with the words pages show."""

    PLAN = "plan", _("the year's plan")
    COMPLAINT = "complaint", _("a complaint")
    ORDER = "order", _("an order from above")
    CAMPAIGN = "campaign", _("an approved campaign")


class OutcomeChoice(models.TextChoices):
    """`inspection_rules.Outcome` with the words pages show."""

    IN_ORDER = "in_order", _("all in order")
    PUT_RIGHT = "put_right", _("put right while the officers were there")
    ORDERED = "ordered", _("ordered to correct")
    CASE = "case", _("to become a case")


class InspectionQuerySet(models.QuerySet["Inspection"]):
    """Inspections, as far as somebody may see."""

    def visible_to(self, user: User | AnonymousUser) -> InspectionQuerySet:
        """Records are for officers who see the shop and further than a grid; never of a shop one answers for."""
        authority: Authority = getattr(user, "authority", NOBODY)
        if not authority.is_officer or authority.farthest("issues") in (Sight.GRID, Sight.NONE):
            return self.none()
        seen = self.filter(merchant__in=Merchant.objects.visible_to(user))
        return seen.exclude(merchant_id__in=authority.merchant_ids) if authority.merchant_ids else seen


class Inspection(ByTwo):
    """检查笔录: what two certified officers of one enforcing body checked at a shop, why, and what came of it.

    `move_version`: which move of the issue wrote it down. `joint_shop`: of which joint inspection it is a body's part.
    A draft until both have signed (`ByTwo`): no code is asked for before. `act_code` is None while it is outstanding;
    `act_error` says why.
    `act_simulated`: the code is a simulator's and stands for nothing.
    """

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="+")
    issue = models.ForeignKey("issues.Issue", null=True, on_delete=models.PROTECT, related_name="inspections")
    move_version = models.PositiveIntegerField(null=True)
    joint_shop = models.ForeignKey("issues.JointShop", null=True, on_delete=models.PROTECT, related_name="inspections")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    items = models.JSONField(default=list)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    why = models.CharField(max_length=10, choices=WhyChoice)
    why_number = models.CharField(max_length=60, default="", blank=True)
    outcome = models.CharField(max_length=10, choices=OutcomeChoice)
    words = models.TextField(max_length=2000)
    photos = models.JSONField(default=list)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    act_code = models.CharField(max_length=60, null=True, unique=True)
    act_simulated = models.BooleanField(default=False)
    act_asked_at = models.DateTimeField(null=True)
    act_error = models.CharField(max_length=200, default="", blank=True)
    edition = models.PositiveIntegerField()
    submission = models.UUIDField(unique=True)
    synthetic = models.BooleanField(default=False)

    objects = InspectionQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-started_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(officer=F("second_officer")), name="inspection_two_officers"),
            models.CheckConstraint(condition=Q(ended_at__gte=F("started_at")), name="inspection_ends_after_it_began"),
            models.CheckConstraint(condition=Q(why="plan") | ~Q(why_number=""), name="inspection_why_has_number"),
            models.CheckConstraint(condition=~Q(words=""), name="inspection_has_words"),
            models.CheckConstraint(condition=~Q(act_code=""), name="inspection_code_is_none_or_one"),
            models.CheckConstraint(condition=FINAL | Q(act_code=None), name="inspection_coded_is_signed"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["merchant", "-started_at"], name="inspection_of_shop"),
            models.Index(fields=["issue"], name="inspection_of_issue"),
            models.Index(fields=["id"], name="inspection_code_wanted", condition=Q(act_code=None)),
            models.Index(fields=["written_at"], name="inspection_unsigned", condition=WAITING),
        ]

    def __str__(self) -> str:
        return self.act_code or f"inspection {self.pk}"

    def text(self) -> dict[str, object]:
        """All that is signed."""
        return {
            "shop": self.merchant_id,
            "unit": self.unit_id,
            "officers": list(self.officer_ids),
            "items": list(self.items),
            "started_at": self.started_at.astimezone(UTC).isoformat(),
            "ended_at": self.ended_at.astimezone(UTC).isoformat(),
            "why": str(self.why),
            "number": self.why_number,
            "outcome": str(self.outcome),
            "words": self.words,
            "photos": list(self.photos),
        }

    def scope(self) -> Scope:
        """The shop knows that it was inspected; of an issue it is not told of, it is not told by this either."""
        told = self.issue is None or self.issue.is_told_to_shop
        shop = self.merchant
        return Scope(town=shop.town, grid=shop.grid, unit_id=self.unit_id, merchant_id=shop.pk if told else None)
