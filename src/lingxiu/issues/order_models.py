"""Orders from above (a leader's instruction, a campaign) and their items. What is done with them: `orders`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.authority import NOBODY, Authority
from lingxiu.accounts.models import Unit, User
from lingxiu.files.models import StoredFile
from lingxiu.merchants.models import Merchant
from lingxiu.policy.schema.roles import Sight

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class OrderKind(models.TextChoices):
    INSTRUCTION = "instruction", _("leader's instruction")
    CAMPAIGN = "campaign", _("campaign")


class OrderQuerySet(models.QuerySet["Order"]):
    """Orders, as far as somebody may see."""

    def visible_to(self, user: User | AnonymousUser) -> OrderQuerySet:
        """All of them for who sees the county; those with an item of theirs, made by them or given in their name, for everybody
        else in office."""
        authority: Authority = getattr(user, "authority", NOBODY)
        if not authority.is_officer:
            return self.none()
        if authority.farthest("issues") is Sight.COUNTY:
            return self
        towns = [post.town for post in authority.posts if post.town]
        units = Q(unit__in=authority.unit_ids) | Q(unit__town__in=towns)
        return self.filter(
            Q(pk__in=OrderItem.objects.filter(units).values("order")) | Q(made_by=user.pk) | Q(leader=user.pk)
        )


class Order(models.Model):
    """An instruction or a campaign. `number`: of the instruction's slip, or of the campaign's approval, without which there is
    none (国办发〔2024〕54号: campaigns need an approved, filed and published plan). `scan`: the paper it stands on, a PDF or a
    photo of it. `leader`: whose order it is, if they have an account: they are told how it goes, and may cross off.
    `about_issue`, `about_shop`: what the leader wrote it of, where it is of one."""

    kind = models.CharField(max_length=12, choices=OrderKind)
    number = models.CharField(max_length=60)
    title = models.CharField(max_length=120)
    words = models.TextField(max_length=2000, default="", blank=True)
    issued_by = models.CharField(max_length=60)
    issued_on = models.DateField()
    violation = models.CharField(max_length=30)
    leader = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    scan = models.ForeignKey(StoredFile, null=True, on_delete=models.PROTECT, related_name="+")
    about_issue = models.ForeignKey("issues.Issue", null=True, on_delete=models.PROTECT, related_name="orders")
    about_shop = models.ForeignKey(Merchant, null=True, on_delete=models.PROTECT, related_name="+")
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    submission = models.UUIDField(unique=True)
    synthetic = models.BooleanField(default=False)

    objects = OrderQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-made_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "number"], name="order_once_a_number"),
            models.CheckConstraint(condition=~Q(number="") & ~Q(title=""), name="order_has_number_and_title"),
        ]

    def __str__(self) -> str:
        return self.number


class OrderItem(models.Model):
    """What one unit has to do by a date: a part of an instruction, or a shop of a campaign's list.

    `changes`: what it was before each change, and why: {at, by, why, task, due_on}. `due_told_at`, `late_told_at`: when its
    unit was reminded; a new date is reminded of anew.
    """

    class State(models.TextChoices):
        OPEN = "open", _("to be done")
        ANSWERED = "answered", _("answered")
        CROSSED_OFF = "crossed_off", _("crossed off")
        WITHDRAWN = "withdrawn", _("withdrawn")

    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="items")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    merchant = models.ForeignKey(Merchant, null=True, on_delete=models.PROTECT, related_name="+")
    task = models.CharField(max_length=300)
    due_on = models.DateField()
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    answer = models.TextField(max_length=2000, default="", blank=True)
    photos_before = models.JSONField(default=list)
    photos_after = models.JSONField(default=list)
    answered_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True)
    crossed_off_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    crossed_off_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    changes = models.JSONField(default=list)
    due_told_at = models.DateTimeField(null=True)
    late_told_at = models.DateTimeField(null=True)
    issue = models.OneToOneField("issues.Issue", null=True, on_delete=models.PROTECT, related_name="order_item")

    class Meta:
        ordering: ClassVar = ["due_on", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["order", "merchant"],
                condition=Q(merchant__isnull=False, withdrawn_at=None),
                name="order_item_once_a_shop",
            ),
            models.CheckConstraint(
                condition=Q(state="open", answered_at=None, crossed_off_at=None, withdrawn_at=None)
                | Q(state="answered", answered_at__isnull=False, crossed_off_at=None, withdrawn_at=None)
                | Q(state="crossed_off", answered_at__isnull=False, crossed_off_at__isnull=False, withdrawn_at=None)
                | Q(state="withdrawn", crossed_off_at=None, withdrawn_at__isnull=False),
                name="order_item_has_its_times",
            ),
            models.CheckConstraint(
                condition=Q(crossed_off_by=None) | ~Q(crossed_off_by=F("answered_by")), name="order_item_two_people"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["unit", "state", "due_on"], name="order_item_of_unit")]

    def __str__(self) -> str:
        return f"{self.order_id} {self.task[:20]}"
