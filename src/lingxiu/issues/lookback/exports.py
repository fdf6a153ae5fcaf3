"""The filtered list as CSV and as GeoJSON. The same filter, the same sight as the sheet; never who reported something."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any

from django.utils import timezone

from lingxiu.issues.export import COLUMNS, MOST_ROWS, cells_in_words
from lingxiu.issues.models import PEOPLE, Issue, IssueQuerySet

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection)."""
COARSE_DIGITS = 3
"""Of degrees, some 100 m: where people said they smelled it may be where they live."""


def write_csv(issues: IssueQuerySet, now: datetime) -> Iterator[str]:
    """Lines of a CSV file that Excel reads: UTF-8 with a mark, the newest first, at most `MOST_ROWS`."""
    words = cells_in_words()
    yield "\ufeff" + _line([str(title) for title, _width in COLUMNS])
    for issue in _rows(issues):
        yield _line([_cell(value) for value in words(issue, now)])


def _line(cells: list[str]) -> str:
    file = io.StringIO()
    csv.writer(file).writerow(cells)
    return file.getvalue()


def _cell(value: str | datetime | None) -> str:
    """A value as text; what looks like a formula gets an apostrophe, which makes it text."""
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M}"
    text = value or ""
    return f"'{text}" if text.startswith(FORMULA) else text


def write_geojson(issues: IssueQuerySet) -> Iterator[str]:
    """A FeatureCollection in pieces: codes and times, no words of anybody. Issues without a position have no geometry.

    Read as plain columns, and written so many at a time: twenty thousand points are no work for a model each.
    """
    yield '{"type": "FeatureCollection", "features": ['
    zone, before = timezone.get_current_timezone(), "\n"
    found = issues.order_by("-reported_at", "-id").values_list(*_PLACED, *_TOLD, *_TIMES)[:MOST_ROWS]
    rows = found.iterator(chunk_size=2000)
    while some := list(islice(rows, FEATURES_AT_ONCE)):
        yield before + ",\n".join(_WRITE(_feature(row, zone)) for row in some)
        before = ",\n"
    yield "\n]}\n"


FEATURES_AT_ONCE = 500
_WRITE = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode
_PLACED = ("lng", "lat")
_TOLD = (
    "number", "violation", "state", "level", "flow", "source", "town", "grid", "merchant_id", "merchant__name", "result",
    "found_true", "synthetic",
)  # fmt: skip
_TIMES = ("reported_at", "due_at", "closed_at")
_NAMES = tuple("merchant" if name == "merchant__name" else name for name in _TOLD)


def _feature(row: tuple[Any, ...], zone: tzinfo) -> dict[str, object]:
    """One issue. `row`: the columns of `_PLACED`, `_TOLD` and `_TIMES`."""
    lng, lat, *told = row[: -len(_TIMES)]
    properties = dict(zip(_NAMES, told, strict=True))
    properties["result"] = properties["result"] or None
    for name, at in zip(_TIMES, row[-len(_TIMES) :], strict=True):
        properties[name] = at.astimezone(zone).isoformat() if at else None
    said_only = properties["merchant_id"] is None and properties["source"] in PEOPLE
    return {
        "type": "Feature", "id": properties["number"], "geometry": _point(lng, lat, said_only), "properties": properties,
    }  # fmt: skip


def _point(lng: float | None, lat: float | None, said_only: bool) -> dict[str, object] | None:
    """Where it is, WGS84; where only people's words say so, no nearer than some 100 m."""
    if lng is None or lat is None:
        return None
    place = [round(degrees, COARSE_DIGITS) for degrees in (lng, lat)] if said_only else [lng, lat]
    return {"type": "Point", "coordinates": place}


def _rows(issues: IssueQuerySet) -> Iterator[Issue]:
    found = issues.select_related("merchant", "lead_unit", "lead_person").order_by("-reported_at", "-id")
    kept = found.defer("routing_why", "merchant__legal_person", "merchant__phone", "lead_person__phone")
    return kept[:MOST_ROWS].iterator(chunk_size=2000)
