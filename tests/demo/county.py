"""The loaded demo county read back, as its makers know it: for tests that go on from there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from django.db import connection

from lingxiu.accounts.models import Bond, Post, Unit, User
from lingxiu.demo import scenario
from lingxiu.demo.shops import Shop, manner_of, number_of
from lingxiu.demo.staff import Staff
from lingxiu.demo.trades import TRADES
from lingxiu.issues.models import Assignment, Issue, MoveRow, Report
from lingxiu.merchants.models import CareRecord, Code, Facility, Licence, Merchant, Standing, Visit
from lingxiu.rating.models import FumeScore
from lingxiu.selfservice.models import SelfCheck
from lingxiu.sensing.models import Alarm, Device, Maintenance, UnknownDevice
from lingxiu.territory.models import Area, BaseLine

SYNTHETIC = [User, Merchant, Licence, CareRecord, Visit, Device, Alarm, Issue, Report, FumeScore, SelfCheck]

# What a row is, without the ids the database gives: columns, those of the rows it points to among them.
NATURAL: dict[type, list[str]] = {
    Area: ["code", "kind", "name", "parent__code", "unit__code", "shape", "synthetic"],
    BaseLine: ["kind", "width", "shape"],
    Unit: ["code", "kind", "name", "parent__code"],
    User: ["username", "name", "phone", "date_joined"],
    Post: ["user__username", "role", "unit__code", "certificate_no", "since"],
    Bond: ["user__username", "kind", "made_at"],
    Merchant: ["uscc", "name", "kind", "status", "licence_no", "phone", "address", "lng", "lat", "grid", "seats", "created_at"],
    Standing: ["merchant__uscc", "fume_level", "fume_score", "open_issues", "open_alarms", "device_state", "last_visit_at"],
    Code: ["merchant__uscc", "token", "issued_at"],
    Licence: ["number", "name", "merchant__uscc"],
    Facility: ["merchant__uscc", "kind", "maker", "model", "capacity"],
    CareRecord: ["merchant__uscc", "kind", "on", "by", "kg", "recorded_at"],
    Visit: ["merchant__uscc", "at", "by__username", "words"],
    SelfCheck: ["merchant__uscc", "month", "answers", "declared_at"],
    Device: ["mn", "merchant__uscc", "profile", "state", "observe_until", "last_reading_at"],
    Maintenance: ["device__mn", "since", "until", "note"],
    UnknownDevice: ["mn", "frames", "first_at", "last_frame"],
    Alarm: ["device__mn", "code", "raised_at", "last_at", "cleared_at", "peak", "evidence", "noticed_at", "issue_number"],
    Issue: ["number", "state", "level", "flow", "violation", "summary", "due_at", "step_due_at", "lead_unit__code",
            "lead_person__username", "result", "closed_at", "routing_why"],
    Assignment: ["issue__number", "unit__code", "person__username", "state", "step", "given_at", "due_at", "ended_at"],
    MoveRow: ["issue__number", "version", "move", "actor__username", "to_unit__code", "words", "result", "photos", "at"],
    Report: ["issue__number", "source", "own_number", "words", "reporter_name", "reporter_phone", "answer", "due_at", "token"],
    FumeScore: ["merchant__uscc", "day", "score", "level", "coverage", "facts", "dimensions", "held_by"],
}  # fmt: skip
POINTS = tuple(
    f"{step}_{what}" for step in ("window", "hour", "day") for what in ("grease", "gas", "power", "camera", "seen")
)
MEASURED = ("reading_fume", "window_fume", "hour_fume", "day_fume", "reading_grease", *POINTS)


def digest() -> dict[str, str]:
    """One hash a table: equal tables have equal ones, whatever their ids."""
    found = {}
    for model, columns in NATURAL.items():
        rows = sorted(json.dumps(row, default=str, sort_keys=True) for row in _rows(model, columns))
        found[model.__name__] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    with connection.cursor() as cursor:
        for table in MEASURED:
            cursor.execute(
                f"SELECT md5(string_agg(md5((d.mn, to_jsonb(t) - 'device_id')::text), '' ORDER BY d.mn, t.at, t::text)) "
                f"FROM {table} t JOIN sensing_device d ON d.id = t.device_id"
            )
            found[table] = cursor.fetchone()[0]
    return found


def _rows(model: type, columns: list[str]) -> Iterator[list[object]]:
    for row in model.objects.values_list(*columns):  # type: ignore[attr-defined]
        yield [bytes(value).hex() if isinstance(value, memoryview) else value for value in row]


def staff() -> Staff:
    """Units and people as they stand in the database."""
    people: dict[tuple[str, str], list[User]] = {}
    for post in Post.objects.select_related("user", "unit").order_by("user_id"):
        people.setdefault((post.role, post.unit.code), []).append(post.user)
    return Staff({unit.code: unit for unit in Unit.objects.all()}, people)


def shops() -> list[Shop]:
    """The merchants, and how each is run."""
    staged = set(Device.objects.filter(mn__in=scenario.DEVICES).values_list("merchant_id", flat=True))
    return [
        Shop(number_of(row), row, TRADES[row.kind], manner_of(number_of(row), row.pk in staged), row.pk in staged)
        for row in Merchant.objects.order_by("uscc")
    ]
