"""Joint inspections (联合检查, 综合查一次): planned, walked shop by shop, with what was found. What is decided: `joint`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.authority import NOBODY, Authority
from lingxiu.accounts.models import Unit, User
from lingxiu.issues.inspection_models import WhyChoice
from lingxiu.merchants.models import Merchant
from lingxiu.policy.schema.roles import Sight

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class JointQuerySet(models.QuerySet["JointInspection"]):
    """Joint inspections, as far as somebody may see."""

    def visible_to(self, user: User | AnonymousUser) -> JointQuerySet:
        """All for who sees the county; else those with a unit of theirs, a shop of their town, or planned by them. What is
        planned is for officers who see further than a grid: a shop is not told by whoever calls there every day."""
        authority: Authority = getattr(user, "authority", NOBODY)
        if not authority.is_officer or authority.farthest("issues") in (Sight.GRID, Sight.NONE):
            return self.none()
        if authority.farthest("issues") is Sight.COUNTY:
            return self
        towns = [post.town for post in authority.posts if post.town]
        of_unit = JointOfficer.objects.filter(unit__in=authority.unit_ids).values("joint")
        of_town = JointShop.objects.filter(merchant__town__in=towns).values("joint")
        return self.filter(Q(pk__in=of_unit) | Q(pk__in=of_town) | Q(made_by=user.pk) | Q(lead__in=authority.unit_ids))


class JointInspection(models.Model):
    """One round on one day by officers of several bodies, led by one of them. `number`: of the order or campaign it rests on."""

    title = models.CharField(max_length=120)
    day = models.DateField()
    lead = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    why = models.CharField(max_length=10, choices=WhyChoice)
    number = models.CharField(max_length=60, default="", blank=True)
    words = models.TextField(max_length=2000, default="", blank=True)
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField()
    withdrawn_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_why = models.CharField(max_length=500, default="", blank=True)
    told_today_at = models.DateTimeField(null=True)
    """When the journal was told, in the morning, that it is on this day."""
    submission = models.UUIDField(unique=True)
    synthetic = models.BooleanField(default=False)

    objects = JointQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-day", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(why="plan") | ~Q(number=""), name="joint_why_has_number"),
            models.CheckConstraint(
                condition=Q(withdrawn_at=None, withdrawn_by=None, withdrawn_why="")
                | (Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False) & ~Q(withdrawn_why="")),
                name="joint_withdrawn_for_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return self.title


class JointOfficer(models.Model):
    """A certified officer who goes along, and for which body. `deputy_for`: who is away that day, so that `user` has the seat
    (代). `missing_since`: since when it is known that the officer is away and nobody stands in.
    """

    joint = models.ForeignKey(JointInspection, on_delete=models.CASCADE, related_name="officers")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    deputy_for = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    missing_since = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["unit", "id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["joint", "user"], name="joint_officer_once")]

    def __str__(self) -> str:
        return f"{self.joint_id} {self.user_id}"


class JointShop(models.Model):
    """A shop of the round: to be walked, walked, or left out for a reason. `nothing_found` is recorded as much as a find."""

    joint = models.ForeignKey(JointInspection, on_delete=models.CASCADE, related_name="shops")
    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="+")
    walked_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    walked_at = models.DateTimeField(null=True)
    words = models.TextField(max_length=2000, default="", blank=True)
    left_out_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    left_out_at = models.DateTimeField(null=True)
    left_out_why = models.CharField(max_length=500, default="", blank=True)
    submission = models.UUIDField(null=True, unique=True)

    class Meta:
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["joint", "merchant"], name="joint_shop_once"),
            models.CheckConstraint(
                condition=Q(walked_at=None, walked_by=None) | Q(walked_at__isnull=False, walked_by__isnull=False),
                name="joint_shop_walked_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(left_out_at=None, left_out_by=None, left_out_why="")
                | (Q(left_out_at__isnull=False, left_out_by__isnull=False, walked_at=None) & ~Q(left_out_why="")),
                name="joint_shop_left_out_for_a_reason",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["merchant"], name="joint_shop_of_merchant")]

    def __str__(self) -> str:
        return f"{self.joint_id} {self.merchant_id}"


class JointFinding(models.Model):
    """What was found at a shop of the round: an issue of the list, which walks the same road as any other."""

    shop = models.ForeignKey(JointShop, on_delete=models.CASCADE, related_name="findings")
    issue = models.OneToOneField("issues.Issue", on_delete=models.PROTECT, related_name="joint_finding")

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"{self.shop_id} {self.issue_id}"


STATES = {
    "withdrawn": _("withdrawn"),
    "planned": _("planned"),
    "under_way": _("under way"),
    "done": _("done"),
    "lapsed": _("day has passed"),
}
