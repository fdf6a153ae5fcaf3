"""The demo's issues are what the verbs of the list would have made: the same courses played by both, every row compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from lingxiu.accounts.models import Unit, UnitKind
from lingxiu.demo.book import AlarmTold, Book
from lingxiu.demo.courses import Scene
from lingxiu.demo.desk import Begin, Desk, Record, Step
from lingxiu.demo.finders import Finders
from lingxiu.demo.issues import write_issues
from lingxiu.demo.shops import Shop
from lingxiu.demo.trades import TRADES, Manner
from lingxiu.files.models import StoredFile
from lingxiu.issues.actions import moving, opening, reports
from lingxiu.issues.inspection_rules import Inspecting
from lingxiu.issues.lifecycle import Move, Result
from lingxiu.issues.lookback.actions import Place, add_place
from lingxiu.issues.lookback.models import KeyPlace
from lingxiu.issues.models import Assignment, Inspection, Issue, MoveRow, Report
from lingxiu.issues.writing import NOTHING, Brought, calendar
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from tests.cast import Cast, make_merchant, person, unit
from tests.demo import county
from tests.issues.world import all_signed

AT = datetime(2026, 9, 24, 16, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
ISSUES = 70
BEFORE, AFTER = "b" * 64, "a" * 64

ISSUE = ("state", "version", "flow", "level", "source", "violation", "violation_kind", "severity", "responsible", "merchant_id",
         "town", "grid", "lng", "lat", "place", "summary", "act_at", "reported_at", "found_by_id", "alarm_id", "clock_from",
         "due_at", "step_due_at", "due_provisional", "lead_unit_id", "lead_person_id", "closed_at", "result", "found_true",
         "edition", "routing_rule", "routing_why", "moved_at", "suspended_at", "suspended_until", "suspended_for",
         "extension_asked_days", "supervised_at", "supervised_due_at", "supervised_by_id", "more_days")  # fmt: skip
ASSIGNMENT = (
    "unit_id", "person_id", "part", "state", "step", "given_at", "due_at", "due_provisional", "ended_at", "outcome", "words",
    "more_days", "clock_from", "answer", "answered_by_id", "answered_at", "answer_due_at",
)  # fmt: skip
MOVE = ("version", "move", "actor_id", "actor_unit_id", "on_behalf_of_id", "from_state", "to_state", "from_level", "to_level",
        "to_unit_id", "to_person_id", "words", "result", "photos", "lng", "lat", "at", "submission")  # fmt: skip
INSPECTION = ("merchant_id", "move_version", "unit_id", "officer_id", "second_officer_id", "items", "started_at", "ended_at",
              "why", "outcome", "words", "photos", "recorded_at", "recorded_by_id", "edition")  # fmt: skip
REPORT = ("source", "own_number", "merchant_id", "words", "place", "lng", "lat", "seen_at", "reported_at", "reporter_name",
          "reporter_phone", "phone_index", "photos", "due_at", "due_provisional", "answer", "answered_at",
          "recorded_by_id")  # fmt: skip


@pytest.fixture
def shops(cast: Cast) -> list[Shop]:
    """Two towns with all that courses need: a second dispatcher each, every department, a dozen shops."""
    for town in (cast.town, cast.other_town):
        person(f"second-{town.code}", "town_dispatcher", town)
        team = Unit.objects.get(code=f"{town.code}-team")
        person(f"officer-{town.code}", "town_officer", team)
        person(f"officer2-{town.code}", "town_officer", team)
    for department in in_force().catalogues.departments:
        at = Unit.objects.filter(code=department.id).first()
        at = at or unit(department.id, UnitKind.DEPARTMENT, department.label.zh, cast.county_office)
        person(f"officer-{department.id}", "department_officer", at)
        person(f"officer2-{department.id}", "department_officer", at)
    person("second-county", "county_officer", cast.county_office)
    here = Merchant.objects.get(pk=cast.merchant.pk).area
    there = Merchant.objects.get(pk=cast.other_merchant.pk).area
    assert here and there
    made = [cast.merchant, cast.other_merchant]
    for number in range(10):
        area, lng, lat = (here, 120.93, 30.85) if number % 2 else (there, 120.87, 30.94)
        small = "small_eatery_registration" if number % 3 == 0 else "food_licence"
        made.append(make_merchant(f"店{number}", area, lng + number / 1000, lat, licence_kind=small))
    return [Shop(number, row, TRADES["restaurant"], Manner.POOR, False) for number, row in enumerate(made)]


@dataclass
class Replay:
    """The same events, one by one, through the verbs."""

    numbers: dict[int, str] = field(default_factory=dict)

    def open(self, record: Record) -> None:
        begin = record.begin
        if begin.alarm:
            assert begin.merchant
            number = self._alarm(begin.alarm, begin.merchant, begin.violation, begin.act_at, begin.summary, begin.at)
        elif begin.reporter:
            number = self._report(begin)
        else:
            found = opening.Found(begin.source, begin.violation, begin.summary, begin.act_at, begin.merchant,
                                  found_by=begin.found_by, photos=begin.photos)  # fmt: skip
            number = opening.report(found, at=begin.at).number
        self.numbers[id(record)] = number

    def move(self, record: Record, step: Step, into: Record | None) -> None:
        if step.alarm:
            begin = record.begin
            assert begin.merchant
            self._alarm(step.alarm, begin.merchant, begin.violation, step.at, step.words, step.at)
            return
        assert step.actor
        brought = Brought(
            words=step.words, unit=step.unit, person=step.person, result=step.result, photos=step.photos, answer=step.answer,
            inspection=self._inspection(record, step), on_behalf_of=step.behalf, merchant=step.merchant,
            into=self.numbers[id(into)] if into else "", units=step.units, days=step.days, until=step.until, reason=step.reason,
            told=step.told, measured=step.measured, part_due=step.part_due, upheld=step.upheld,
        )  # fmt: skip
        moving.move(self.numbers[id(record)], step.what, actor=step.actor, at=step.at, brought=brought or NOTHING)
        if step.inspection:
            all_signed(at=step.at)  # by both who were there

    def _inspection(self, record: Record, step: Step) -> Inspecting | None:
        """The verbs number issues in the order they come in: the complaint's number is theirs."""
        said = step.inspection
        if said is None or said.number != record.issue.number:
            return said
        return replace(said, number=self.numbers[id(record)])

    @staticmethod
    def _alarm(
        alarm: tuple[int, str], merchant: Merchant, violation: str, act_at: datetime, summary: str, at: datetime
    ) -> str:
        return opening.report_alarm(device_mn=alarm[1], merchant_id=merchant.pk, alarm_id=alarm[0], violation_id=violation,
                                    act_at=act_at, summary=summary, at=at)  # fmt: skip

    @staticmethod
    def _report(begin: Begin) -> str:
        who = begin.reporter
        assert who
        said = reports.Said(
            source=begin.source.value, violation=begin.violation, words=who.words, seen_at=begin.act_at, merchant=begin.merchant,
            place=begin.place, lng=begin.lng, lat=begin.lat, name=who.name, phone=who.phone, own_number=who.own_number,
            photos=begin.photos,
        )  # fmt: skip
        return reports.take_report(said, at=begin.at, recorded_by=who.recorded_by).issue.number


def _book(shops: list[Shop]) -> Book:
    staff, policy = county.staff(), in_force()
    for sha in (BEFORE, AFTER):
        StoredFile.objects.create(sha256=sha, content_type="image/jpeg", size_bytes=1, stored_at=AT)
    subjects = ("hood", "purifier", "device", "fan", "trap", "bin", "paper", "street")
    scene = Scene(staff, {name: {"before": BEFORE, "after": AFTER} for name in subjects}, AT)
    add_place(Place(KeyPlace.Kind.SCHOOL, "实验小学", 120.93, 30.85, 300), by=None, at=AT)
    desk = Desk(staff, policy, calendar(), list(KeyPlace.objects.in_use()))
    who = Finders(scene, desk, shops, {})
    alarms = [
        _alarm(number, shops[number % 3], (AT - timedelta(hours=11 * number + 1)).astimezone(UTC))
        for number in range(14)
    ]
    book = Book(scene, desk)
    book.fill(who.found(ISSUES, joint=6), alarms)
    return book


def _alarm(number: int, shop: Shop, at: datetime) -> AlarmTold:
    return AlarmTold(
        9_000 + number, f"MN{number % 3}", shop.merchant, "L-FUME", at, at + timedelta(minutes=1), "油烟持续高值"
    )


def _replay(book: Book) -> dict[int, str]:
    """Every begin and every move, in the order in which they happened."""
    by_issue = {id(record.issue): record for record in book.records}
    events: list[tuple[datetime, int, Record, Step | None]] = []
    for record in book.records:
        events.append((record.begin.at, -1, record, None))
        events += [(step.at, n, record, step) for n, step in enumerate(record.steps)]
    replay = Replay()
    for _, _, record, step in sorted(events, key=lambda event: event[:2]):
        if step is None:
            replay.open(record)
        else:
            joined = record.issue.joined_into if step.what is Move.JOIN else None
            replay.move(record, step, by_issue[id(joined)] if joined else None)
    return replay.numbers


def _rows(number: str) -> dict[str, Any]:
    issue = Issue.objects.get(number=number)
    return {
        "issue": [getattr(issue, name) for name in ISSUE],
        "assignments": list(Assignment.objects.filter(issue=issue).order_by("id").values_list(*ASSIGNMENT)),
        "moves": list(MoveRow.objects.filter(issue=issue).order_by("version").values_list(*MOVE)),
        "reports": list(Report.objects.filter(issue=issue).order_by("reported_at").values_list(*REPORT)),
        "inspections": list(Inspection.objects.filter(issue=issue).order_by("move_version").values_list(*INSPECTION)),
        "told": [_told(row) for row in MoveRow.objects.filter(issue=issue).order_by("version")],
    }


def _told(row: MoveRow) -> dict[str, Any]:
    """What a move keeps beside its columns, without the ids of reports and the numbers of issues."""
    data = dict(row.data)
    if "answers" in data:
        data["answers"] = sorted(data["answers"].values())
    if "reports" in data:
        data["reports"] = len(data["reports"])
    return {name: value for name, value in data.items() if name not in ("into", "joined")}


def test_what_the_desk_makes_is_what_the_verbs_make(shops: list[Shop]) -> None:
    book = _book(shops)
    with transaction.atomic():
        by_verbs = {key: _rows(number) for key, number in _replay(book).items()}
        transaction.set_rollback(True)

    write_issues(book.records)

    for record in book.records:
        assert _rows(record.issue.number) == by_verbs[id(record)], record.begin
    made = {step.what for record in book.records for step in record.steps}
    assert {Move.INVOLVE, Move.CONTRIBUTE, Move.HAND_BACK, Move.OBJECT, Move.REPLY, Move.SETTLE} <= made
    assert any(step.part_due for record in book.records for step in record.steps)
    assert {Move.DISPATCH, Move.ACCEPT, Move.HANDLE, Move.FEED_BACK, Move.CLOSE, Move.NOTE, Move.JOIN} <= made
    assert {record.issue.result for record in book.records} >= {Result.FIXED, Result.REMINDED}
    assert any(record.inspections for record in book.records)
    assert any("KEY-PLACE" in record.issue.routing_rule for record in book.records)
