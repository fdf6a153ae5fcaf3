"""Key places, and the red and black lists of merchants. Neither is ever public."""

from __future__ import annotations

import math
from datetime import date
from typing import ClassVar

from django.db import models
from django.db.models import ExpressionWrapper, F, FloatField, Q, Value
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import User
from lingxiu.merchants.models import Merchant

METRES_A_DEGREE = 111_320.0
"""Of latitude, and of longitude at the equator (WGS84, mean)."""
LARGEST_RADIUS_M = 3_000


class KeyPlaceQuerySet(models.QuerySet["KeyPlace"]):
    """Key places, by where they are."""

    def in_use(self) -> KeyPlaceQuerySet:
        """Those nobody has taken off the list."""
        return self.filter(removed_at=None)

    def around(self, lng: float | models.OuterRef, lat: float | models.OuterRef) -> KeyPlaceQuerySet:
        """The places in whose circle a point (WGS84 degrees) lies. The box stands first, which is cheap; then the plane
        that touches the sphere there, right to a metre within the largest radius."""
        x, y = (Value(at) if isinstance(at, float) else at for at in (lng, lat))
        east = ExpressionWrapper((F("lng") - x) * F("metres_a_degree"), output_field=FloatField())
        north = ExpressionWrapper((F("lat") - y) * Value(METRES_A_DEGREE), output_field=FloatField())
        boxed = self.in_use().filter(west__lte=x, east__gte=x, south__lte=y, north__gte=y)
        away = ExpressionWrapper(east * east + north * north, output_field=FloatField())
        return boxed.alias(away=away).filter(away__lte=F("radius_m") * F("radius_m"))


class KeyPlace(models.Model):
    """A place where what goes wrong weighs more, as a circle in WGS84. Taken off the list, it stays to be looked up.

    `west` … `north`, degrees: the box around the circle, and `metres_a_degree` of longitude at its latitude; kept by `save`.
    """

    class Kind(models.TextChoices):
        SCHOOL = "school", _("school")
        OLD_TOWN = "old_town", _("old town")
        CARE_HOME = "care_home", _("care home")
        HOSPITAL = "hospital", _("hospital")

    kind = models.CharField(max_length=12, choices=Kind)
    name = models.CharField(max_length=80)
    lng = models.FloatField()
    lat = models.FloatField()
    radius_m = models.PositiveIntegerField(default=200)
    west = models.FloatField()
    south = models.FloatField()
    east = models.FloatField()
    north = models.FloatField()
    metres_a_degree = models.FloatField()
    synthetic = models.BooleanField(default=False)
    added_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    removed_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    removed_at = models.DateTimeField(null=True)

    objects = KeyPlaceQuerySet.as_manager()

    class Meta:
        app_label = "issues"
        ordering: ClassVar = ["kind", "name", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(radius_m__range=(1, LARGEST_RADIUS_M)), name="key_place_radius_within_reason"
            ),
            models.CheckConstraint(
                condition=Q(lng__range=(-180, 180), lat__range=(-85, 85)), name="key_place_on_the_earth"
            ),
            models.UniqueConstraint(
                fields=["kind", "name"], condition=Q(removed_at=None), name="key_place_one_of_a_name"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: object, **kwargs: object) -> None:
        self.metres_a_degree = METRES_A_DEGREE * math.cos(math.radians(self.lat))
        wide, high = self.radius_m / self.metres_a_degree, self.radius_m / METRES_A_DEGREE
        self.west, self.east = self.lng - wide, self.lng + wide
        self.south, self.north = self.lat - high, self.lat + high
        super().save(*args, **kwargs)  # type: ignore[arg-type]  # Django's own signature, passed through

    def holds(self, lng: float, lat: float) -> bool:
        """Whether a point (WGS84 degrees) lies in the circle: what `KeyPlaceQuerySet.around` asks of the table, of a row at hand."""
        if not (self.west <= lng <= self.east and self.south <= lat <= self.north):
            return False
        east, north = (self.lng - lng) * self.metres_a_degree, (self.lat - lat) * METRES_A_DEGREE
        return east * east + north * north <= self.radius_m**2


class ListingQuerySet(models.QuerySet["Listing"]):
    """Entries of the lists."""

    def in_force(self, day: date) -> ListingQuerySet:
        """Approved, begun, neither over nor taken back."""
        return self.filter(approved_at__isnull=False, ended_at=None, since__lte=day, until__gte=day)


class Listing(models.Model):
    """That a merchant stands on the red (exemplary) or the black list: proposed by one, approved by another, for a time.

    It counts from its approval, within `since` and `until` (days of the county, both included); `ended_at`: refused, or
    taken back. The merchant's objection, and what was said to it, are noted beside it.
    """

    class Colour(models.TextChoices):
        RED = "red", _("red list")
        BLACK = "black", _("black list")

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="+")
    colour = models.CharField(max_length=5, choices=Colour)
    reason = models.TextField(max_length=1000)
    document_number = models.CharField(max_length=80)
    since = models.DateField()
    until = models.DateField()
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    approved_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True)
    objection = models.TextField(max_length=2000, default="", blank=True)
    ended_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_why = models.TextField(max_length=1000, default="", blank=True)

    objects = ListingQuerySet.as_manager()

    class Meta:
        app_label = "issues"
        ordering: ClassVar = ["-proposed_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(approved_by=None, approved_at=None)
                | (Q(approved_by__isnull=False, approved_at__isnull=False) & ~Q(approved_by=F("proposed_by"))),
                name="listing_approved_by_another",
            ),
            models.CheckConstraint(condition=Q(since__lte=F("until")), name="listing_ends_after_it_begins"),
            models.CheckConstraint(
                condition=Q(ended_by=None, ended_at=None) | (Q(ended_at__isnull=False) & ~Q(ended_why="")),
                name="listing_ended_for_a_reason",
            ),
            models.CheckConstraint(
                condition=~Q(reason="") & ~Q(document_number=""), name="listing_has_reason_and_document"
            ),
            models.UniqueConstraint(
                fields=["merchant", "colour"], condition=Q(ended_at=None), name="listing_one_open_a_merchant_and_colour"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["merchant"], name="listing_merchant")]

    def __str__(self) -> str:
        return f"{self.merchant_id} {self.colour}"
