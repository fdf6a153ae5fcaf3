"""The filtered list as CSV and as GeoJSON. The same filter, the same sight as the sheet; never who reported something."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime

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
    """A FeatureCollection in pieces: codes and times, no words of anybody. Issues without a position have no geometry."""
    yield '{"type": "FeatureCollection", "features": ['
    for number, issue in enumerate(_rows(issues)):
        yield (",\n" if number else "\n") + json.dumps(_feature(issue), ensure_ascii=False)
    yield "\n]}\n"


def _feature(issue: Issue) -> dict[str, object]:
    return {
        "type": "Feature",
        "id": issue.number,
        "geometry": _point(issue),
        "properties": {
            "number": issue.number,
            "violation": issue.violation,
            "state": issue.state,
            "level": issue.level,
            "flow": issue.flow,
            "source": issue.source,
            "town": issue.town,
            "grid": issue.grid,
            "merchant_id": issue.merchant_id,
            "merchant": issue.merchant.name if issue.merchant else None,
            "reported_at": _iso(issue.reported_at),
            "due_at": _iso(issue.due_at),
            "closed_at": _iso(issue.closed_at),
            "result": issue.result or None,
            "found_true": issue.found_true,
            "synthetic": issue.synthetic,
        },
    }


def _point(issue: Issue) -> dict[str, object] | None:
    """Where it is, WGS84; where only people's words say so, no nearer than some 100 m."""
    if issue.lng is None or issue.lat is None:
        return None
    place = [issue.lng, issue.lat]
    if issue.merchant_id is None and issue.source in PEOPLE:
        place = [round(degrees, COARSE_DIGITS) for degrees in place]
    return {"type": "Point", "coordinates": place}


def _iso(at: datetime | None) -> str | None:
    return timezone.localtime(at).isoformat() if at else None


def _rows(issues: IssueQuerySet) -> Iterator[Issue]:
    found = issues.select_related("merchant", "lead_unit", "lead_person").order_by("-reported_at", "-id")
    kept = found.defer("routing_why", "merchant__legal_person", "merchant__phone", "lead_person__phone")
    return kept[:MOST_ROWS].iterator(chunk_size=2000)
