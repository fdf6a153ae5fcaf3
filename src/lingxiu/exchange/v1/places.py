"""Where something is, as it comes in: a position that lies where it can."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from lingxiu.exchange.problems import wrong
from lingxiu.exchange.receiving import CHINA
from lingxiu.exchange.v1.shapes import Position


def in_china(location: Position | None) -> tuple[float | None, float | None]:
    """Longitude and latitude. Raises Problem where they are swapped, or are none."""
    if location is None:
        return None, None
    lng, lat = location
    west, east, south, north = CHINA
    if not (west <= lng <= east and south <= lat <= north):
        raise wrong("location", list(location), _("Send [longitude, latitude] in WGS84 degrees."))
    return lng, lat
