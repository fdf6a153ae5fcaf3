"""A report another system brings, by its own number: taken once; the same again is known, other words are refused.

API, Open311 and the 12345 sheet all come through here. What becomes of a report, `issues.actions` decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID, uuid4, uuid5

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import User
from lingxiu.exchange.problems import Text
from lingxiu.issues.actions.reports import OwnNumberKnown, Said, take_report
from lingxiu.issues.brought_again import NOTHING_CHANGED, Again, Changed, bring_again, last_words
from lingxiu.issues.models import PEOPLE, Report
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.terms import ReportSource
from lingxiu.policy.schema.violations import Violation

BROUGHT = UUID("0f0b2f8e-9d7c-4d1e-8f1b-0a3f5f8f6b52")
"""Name space of the submissions of brought reports: from one, it can be seen which violation was named with a number."""
BROUGHT_VERSION = 5  # of UUIDs made of a name
SOURCES: tuple[str, ...] = tuple(source.value for source in PEOPLE)
OWN_NUMBER = re.compile(r"[^\s/\\?#%&\x00-\x1f]{1,60}")
LONGEST_WORDS = 4000
"""As Open311 GeoReport v2 has it for a description."""
LONGEST_PLACE = 160
LONGEST_NAME = 40
PHONE = re.compile(r"[0-9+ -]{5,20}")
UNKNOWN = "P-OTHER"
FUTURE = timedelta(minutes=10)
PAST = timedelta(days=180)
CHINA = (73.0, 136.0, 3.0, 54.0)
"""West, east, south, north, degrees: a position outside has its two numbers swapped, or is none."""


class Wrong(Exception):
    """A report that cannot be taken as it is: `field`, what it said, and what mends it."""

    def __init__(self, field: str, value: object, mend: Text) -> None:
        super().__init__(field)
        self.field, self.value, self.mend = field, value, mend


class SaidOtherwise(Exception):
    """This number is known, and was brought with another value of `field`. Carries the report that is kept."""

    def __init__(self, field: str, value: object, kept: Report) -> None:
        super().__init__(field)
        self.field, self.value, self.kept = field, value, kept


def offered(day: datetime) -> list[Violation]:
    """What people may complain of on this day."""
    return [row for row in in_force().catalogues.violations if row.public and row.holds(day.date())]


def receive(said: Said, *, at: datetime, by: User | None) -> tuple[Report, bool]:
    """Take it, once for each number of its source.

    Returns: the report, and whether it is new.
    Raises: Wrong, SaidOtherwise.
    """
    said = replace(said, words=said.words or _label(said.violation))
    _refuse_wrong(said, at)
    if (known := _known(said)) is not None:
        return _same(said, known), False
    with transaction.atomic():
        _alone_with(said)
        if (known := _known(said)) is not None:
            return _same(said, known), False
        try:
            with transaction.atomic():
                return take_report(said, at=at, recorded_by=by, submission=_submission(said)), True
        except (OwnNumberKnown, IntegrityError):
            if (known := _known(said)) is None:
                raise
            return _same(said, known), False  # it was entered by somebody else at this very moment


def _alone_with(said: Said) -> None:
    """Who else brings this number waits until this transaction has ended, and then finds it known: it is new to one of them."""
    if said.own_number:
        name = f"exchange.report\n{said.source}\n{said.own_number}"
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a report of a list. `changed`: what of a known one was taken over; `differs`: fields that were not."""

    report: Report
    is_new: bool
    changed: Changed = NOTHING_CHANGED
    differs: tuple[str, ...] = ()


def receive_again(said: Said, *, at: datetime, by: User | None) -> Taken:
    """Take it as `receive` does; of a number that is known, take over by when it is wanted now and what it says now.

    Raises: Wrong.
    """
    said = replace(said, words=said.words or _label(said.violation))
    try:
        report, new = receive(said, at=at, by=by)
    except SaidOtherwise as otherwise:
        report, new = otherwise.kept, False
    if new:
        return Taken(report, is_new=True)
    differs = tuple(field for field in _differing(said, report) if field != "words")
    return Taken(report, False, bring_again(report, Again(said.words, said.due_at), at=at, by=by), differs)


def known_by(source: str, own_number: str) -> Report | None:
    """The report with this number of its own system."""
    rows = Report.objects.select_related("issue", "issue__lead_unit", "merchant")
    return rows.filter(source=source, own_number=own_number).exclude(own_number="").first()


def _known(said: Said) -> Report | None:
    return known_by(said.source, said.own_number)


def _label(violation: str) -> str:
    """What is wrong, in words: all that is said where nobody said more."""
    return next((row.label.zh for row in in_force().catalogues.violations if row.id == violation), "")


def _submission(said: Said) -> UUID:
    if not said.own_number:
        return uuid4()
    return uuid5(BROUGHT, f"{said.source}\n{said.own_number}\n{said.violation}")


# ── what is wrong with it ────────────────────────────────────────────────────────────────────────────────────────

SHAPES: list[tuple[str, Callable[[Said, datetime], bool], Text]] = [
    ("source", lambda said, at: said.source in SOURCES, _("Name one of the sources that people report by.")),
    ("own_number", lambda said, at: not said.own_number or bool(OWN_NUMBER.fullmatch(said.own_number)),
     _("1 to 60 letters, digits and dashes, without blanks.")),
    ("violation", lambda said, at: said.violation in {row.id for row in offered(at)},
     _("Name something people may complain of: GET /open311/v2/services.json lists them.")),
    ("words", lambda said, at: len(said.words) <= LONGEST_WORDS, _("At most 4000 characters.")),
    ("place", lambda said, at: len(said.place) <= LONGEST_PLACE, _("At most 160 characters.")),
    ("place", lambda said, at: bool(said.merchant or said.place or said.lng is not None),
     _("Say where it is: a merchant, a place in words, or a position.")),
    ("location", lambda said, at: _in_china(said.lng, said.lat), _("Send [longitude, latitude] in WGS84 degrees.")),
    ("name", lambda said, at: len(said.name) <= LONGEST_NAME, _("At most 40 characters.")),
    ("phone", lambda said, at: not said.phone or bool(PHONE.fullmatch(said.phone)),
     _("A phone number has 5 to 20 digits, such as 13800000000.")),
    ("seen_at", lambda said, at: said.seen_at <= at + FUTURE, _("This lies in the future.")),
    ("seen_at", lambda said, at: said.seen_at >= at - PAST, _("This is more than half a year ago.")),
]  # fmt: skip
"""Field, whether it is as it must be, and what mends it otherwise; in this order."""


def _refuse_wrong(said: Said, at: datetime) -> None:
    for field, holds, mend in SHAPES:
        if not holds(said, at):
            raise Wrong(field, _value(said, field), mend)


def _in_china(lng: float | None, lat: float | None) -> bool:
    if lng is None or lat is None:
        return lng is lat
    west, east, south, north = CHINA
    return west <= lng <= east and south <= lat <= north


def _value(said: Said, field: str) -> object:
    if field == "location":
        return None if said.lng is None else [said.lng, said.lat]
    value = getattr(said, field)
    return value.isoformat() if isinstance(value, datetime) else value


# ── whether it is the same ───────────────────────────────────────────────────────────────────────────────────────


def _same(said: Said, kept: Report) -> Report:
    """The kept report, if this is the same once more. Raises SaidOtherwise with the first field that differs."""
    if differing := _differing(said, kept):
        field = differing[0]
        value = said.merchant and said.merchant.pk if field == "merchant" else _value(said, field)
        raise SaidOtherwise(field, value, kept)
    return kept


def _differing(said: Said, kept: Report) -> list[str]:
    """The fields in which it is not what is kept; its words may be those it was brought with last."""
    pairs: list[tuple[str, object, object]] = [
        ("words", said.words, kept.words if said.words == kept.words else last_words(kept)),
        ("seen_at", said.seen_at, kept.seen_at),
        ("merchant", said.merchant and said.merchant.pk, kept.merchant_id),
        ("place", said.place, kept.place),
        ("location", (said.lng, said.lat), (kept.lng, kept.lat)),
        ("name", said.name, kept.reporter_name),
        ("phone", said.phone, kept.reporter_phone),
        ("violation", _submission(said), kept.submission if _was_brought(kept) else _submission(said)),
    ]
    return [field for field, new, old in pairs if new != old]


def _was_brought(kept: Report) -> bool:
    """Whether it came by a system; of one that a person entered, nobody can tell any more what it first was about."""
    return kept.submission is not None and kept.submission.version == BROUGHT_VERSION


def source_of(name: str) -> ReportSource:
    """A source's name as the type that policy knows it by. Raises ValueError."""
    if name not in SOURCES:
        raise ValueError(name)
    return cast("ReportSource", name)
