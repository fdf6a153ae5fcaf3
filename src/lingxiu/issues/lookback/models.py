"""Key places, and the red and black lists of merchants. Neither is ever public."""

from __future__ import annotations

import math
from datetime import date
from typing import Any, ClassVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, ExpressionWrapper, F, FloatField, Func, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import User
from lingxiu.merchants.models import Merchant

METRES_A_DEGREE = 111_320.0
"""Of latitude, and of longitude at the equator (WGS84, mean)."""
CELLS_A_DEGREE = 100
"""Of the net by which points and circles meet: about a kilometre, as wide as most circles."""
LARGEST_RADIUS_M = 3_000


class KeyPlaceQuerySet(models.QuerySet["KeyPlace"]):
    """Key places, by where they are."""

    def in_use(self) -> KeyPlaceQuerySet:
        """Those nobody has taken off the list."""
        return self.filter(removed_at=None)

    def around(self, lng: float, lat: float) -> KeyPlaceQuerySet:
        """The places in whose circle a point (WGS84 degrees) lies. The box stands first, which is cheap; then the plane
        that touches the sphere there, right to a metre within the largest radius."""
        x, y = Value(lng), Value(lat)
        east = ExpressionWrapper((F("lng") - x) * F("metres_a_degree"), output_field=FloatField())
        north = ExpressionWrapper((F("lat") - y) * Value(METRES_A_DEGREE), output_field=FloatField())
        boxed = self.in_use().filter(west__lte=x, east__gte=x, south__lte=y, north__gte=y)
        away = ExpressionWrapper(east * east + north * north, output_field=FloatField())
        return boxed.alias(away=away).filter(away__lte=F("radius_m") * F("radius_m"))

    def any_holds(self, lng: str, lat: str) -> Combinable:
        """Whether a point of these two columns (WGS84 degrees) lies in the circle of a place. Looks up the places, now."""
        near = [
            (x, y, place.lng, place.lat, place.metres_a_degree, place.radius_m)
            for place in self.in_use()
            for x in range(_cell(place.west), _cell(place.east) + 1)
            for y in range(_cell(place.south), _cell(place.north) + 1)
        ]
        return InACircle(lng, lat, [list(column) for column in zip(*near, strict=True)] or [[]] * 6)


class InACircle(Func):
    """Points and circles meet by the cells of a net, so that the database compares a point with the places of its own cell:
    each with all of them took 80 ms for 25,000 issues."""

    output_field = BooleanField()

    def __init__(self, lng: str, lat: str, columns: list[list[float]]) -> None:
        super().__init__(F(lng), F(lat))
        self.arrays = ["{" + ",".join(map(str, column)) + "}" for column in columns]

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *_: Any, **__: Any
    ) -> tuple[str, tuple[str, ...]]:
        """The points are columns, which bring no parameters."""
        (lng, _no), (lat, _none) = (compiler.compile(point) for point in self.get_source_expressions())
        return (
            f"""EXISTS (
                SELECT FROM unnest(%s::int[], %s::int[], %s::float[], %s::float[], %s::float[], %s::float[])
                    AS place (x, y, lng, lat, metres_a_degree, radius_m)
                WHERE x = floor({lng} * {CELLS_A_DEGREE})::int AND y = floor({lat} * {CELLS_A_DEGREE})::int
                    AND ((place.lng - {lng}) * metres_a_degree) ^ 2 + ((place.lat - {lat}) * {METRES_A_DEGREE}) ^ 2
                        <= radius_m ^ 2
            )""",
            tuple(self.arrays),
        )


def _cell(degrees: float) -> int:
    return math.floor(degrees * CELLS_A_DEGREE)


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
