"""What happened at a merchant, in a line each: cared for, complained of, found, heard, silent."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from lingxiu.accounts.models import Unit
from lingxiu.issues.models import Assignment, Issue, MoveRow, Report
from lingxiu.merchants.models import CareRecord, Merchant
from lingxiu.policy.queries import in_force
from lingxiu.selfservice.models import SelfCheck
from lingxiu.sensing.models import Device, Maintenance

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 3, 5)
NIGHT = datetime(2026, 3, 5, 1, 0, tzinfo=ZONE).astimezone(UTC)
NOON = datetime(2026, 3, 5, 12, 0, tzinfo=ZONE).astimezone(UTC)
_numbers = count(1)


def days_ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def noon_of(day: date) -> datetime:
    return datetime.combine(day, time(12), ZONE).astimezone(UTC)


def cared(merchant: Merchant, kind: str, on: date, *, recorded_at: datetime | None = None) -> CareRecord:
    """`kind`: purifier_cleaned, trap_emptied or waste_handed_over."""
    return CareRecord.objects.create(merchant=merchant, kind=kind, on=on, recorded_at=recorded_at or noon_of(on))


def does_everything(merchant: Merchant) -> None:
    """Cleaned, emptied, handed over and declared as it should be."""
    cared(merchant, "purifier_cleaned", days_ago(10))
    cared(merchant, "trap_emptied", days_ago(10))
    for week in range(6):
        cared(merchant, "waste_handed_over", days_ago(2 + 7 * week))
    SelfCheck.objects.create(merchant=merchant, month=date(2026, 3, 1), declared_at=noon_of(date(2026, 3, 2)))


def issue(
    merchant: Merchant,
    violation: str,
    source: str,
    on: date,
    *,
    result: str = "",
    closed: bool = False,
    people: int = 0,
) -> Issue:
    """An issue with its moves: reported, fed back with a result if there is one, closed a day later if it is."""
    reported_at, ended_at = noon_of(on), noon_of(on) + timedelta(days=1) if closed else None
    state = "closed" if closed else "recheck" if result else "handling"
    holder = Unit.objects.get(grid=merchant.grid)
    with transaction.atomic():
        made = Issue.objects.create(
            number=f"{on:%Y%m%d}{next(_numbers):05}",
            state=state,
            level="grid",
            source=source,
            violation=violation,
            violation_kind=in_force().catalogues.violation(violation).kind,
            responsible="dept-ecology",
            merchant=merchant,
            town=merchant.town,
            grid=merchant.grid,
            summary="…",
            act_at=reported_at,
            reported_at=reported_at,
            clock_from=reported_at,
            due_at=reported_at + timedelta(days=3),
            step_due_at=reported_at + timedelta(days=1),
            lead_unit=None if closed else holder,
            closed_at=ended_at,
            result=result,
            edition=in_force().id,
            routing_rule="R-70-GRID",
        )
        Assignment.objects.create(
            issue=made,
            unit=holder,
            state="done" if closed else "accepted",
            step="handling",
            given_at=reported_at,
            due_at=reported_at + timedelta(days=1),
            ended_at=ended_at,
        )
        moves = [(what, to, "", reported_at) for what, to in SENT_ON]
        if result:
            moves.append(("feed_back", "recheck", result, reported_at + timedelta(hours=1)))
        if ended_at:
            moves.append(("close", "closed", "", ended_at))
        for version, (move, to_state, came, at) in enumerate(moves, 1):
            MoveRow.objects.create(
                issue=made, version=version, move=move, to_state=to_state, to_level="grid", result=came, at=at
            )
        for _ in range(people):
            Report.objects.create(
                issue=made, source="public", merchant=merchant, words="…", seen_at=reported_at, reported_at=reported_at,
                due_at=reported_at + timedelta(days=5),
            )  # fmt: skip
    return made


SENT_ON = [("report", "received"), ("dispatch", "dispatched"), ("accept", "handling")]


def true_complaint(merchant: Merchant, on: date) -> Issue:
    return issue(merchant, "P-SMOKE", "public", on, result="fixed", closed=True, people=1)


def monitor(merchant: Merchant, mn: str = "LX0001", **fields: object) -> Device:
    values: dict[str, object] = {"profile": "plain-2017", "kind": "fume_monitor", **fields}
    return Device.objects.create(mn=mn, merchant=merchant, **values)


def maintained(device: Device, since: date, until: date | None = None) -> None:
    """A maintenance note from noon to noon."""
    Maintenance.objects.create(device=device, since=noon_of(since), until=until and noon_of(until), note="换风机")


def heard(device: Device, first: date, last: date, *, fan: int = 300, high: int = 0, unlinked: int = 0) -> None:
    """Whole days of readings from `first` to `last`; `fan`, `high` (above 2.0) and `unlinked` are minutes a day."""
    with connection.cursor() as cursor:
        for n in range((last - first).days + 1):
            at = datetime.combine(first + timedelta(days=n), time(), ZONE)
            cursor.execute(
                "INSERT INTO day_fume (device_id, at, count, valid, minutes, fume_mean, fan_on_minutes, purifier_on_minutes,"
                " fan_without_purifier_minutes, minutes_over_1, minutes_over_2, minutes_over_4)"
                " VALUES (%s, %s, 1440, 1440, 1440, 0.8, %s, %s, %s, %s, %s, 0)",
                [device.pk, at, fan, fan - unlinked, unlinked, high, high],
            )
