"""Areas: the county down to its grids, as WGS84 shapes."""

from __future__ import annotations

from typing import ClassVar

import shapely
from django.db import models
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import Unit


class AreaKind(models.TextChoices):
    COUNTY = "county", _("county")
    TOWN = "town", _("town")
    COMMUNITY = "community", _("community")
    GRID = "grid", _("grid")


class Area(models.Model):
    """A piece of the county. `code` is the statistical code (330421 · 330421001 · 330421001001 · two digits more for a grid).

    `shape` is WKB in WGS84 (CGCS2000 differs by far less than a metre). `synthetic` shapes were made by us and say so.
    """

    code = models.CharField(max_length=20, unique=True)
    kind = models.CharField(max_length=12, choices=AreaKind)
    name = models.CharField(max_length=60)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    shape = models.BinaryField()
    centre_lng = models.FloatField()
    centre_lat = models.FloatField()
    synthetic = models.BooleanField(default=False)
    source = models.CharField(max_length=200, default="")

    class Meta:
        ordering: ClassVar = ["code"]
        indexes: ClassVar = [models.Index(fields=["kind", "code"], name="area_kind_code")]

    def __str__(self) -> str:
        return self.name

    @property
    def geometry(self) -> shapely.Geometry:
        """The shape as Shapely geometry, (lng, lat) in WGS84 degrees."""
        return shapely.from_wkb(bytes(self.shape))


class BaseLine(models.Model):
    """Roads and water under the map, where no base map is set. Lines as WKB in WGS84."""

    kind = models.CharField(max_length=12, choices=[("road", _("road")), ("water", _("water"))])
    shape = models.BinaryField()
    width = models.PositiveSmallIntegerField(default=1)
    synthetic = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
