"""What is known of merchants, read for all of them in six statements however many there are; and their scores. Writes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from lingxiu.issues.lifecycle import FOUND_TRUE, OPEN, State
from lingxiu.merchants.models import Merchant, Status
from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.rating.models import FumeScore
from lingxiu.rating.scoring import Facts, Heard

SQL = Path(__file__).parent / "sql"
DAY_BEGINS = timedelta(minutes=20)
"""After midnight, until the last windows of the day before are complete (end + 60 s) and its statistics are written."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A merchant to rate: where it lies, and what is known of it."""

    merchant_id: int
    town: str
    grid: str
    synthetic: bool
    facts: Facts


def rating_day(at: datetime) -> date:
    """The day a score computed now belongs to, in the county's zone."""
    return (at.astimezone(_zone()) - DAY_BEGINS).date()


def gather(day: date, merchants: Collection[int], *, at: datetime, catalogues: Catalogues) -> list[Subject]:
    """All that was known by `at` of these merchants, as of the end of `day`; those closed for good are left out.

    Measured are the `window_days` complete days before `day`, so that what a score saw stays as it was; what people did
    counts up to now. Always six SQL statements.
    """
    asked = Asked(day, merchants, at, catalogues)
    care = asked.care()
    heard = asked.heard()
    listed = asked.issues()
    declared = dict(asked.rows("self_checks"))
    before = dict(asked.rows("before"))
    tasks = asked.tasks()
    subjects = []
    for merchant_id, scale, paused, town, grid, synthetic in asked.rows("merchants"):
        cleaned_on, emptied_on, first_handover_on, handovers = care.get(merchant_id, (None, None, None, 0))
        counted = listed.get(merchant_id, {})
        facts = Facts(
            day=day,
            scale=scale,
            devices=tuple(asked.monitors(heard.get(merchant_id, ()), paused)),
            cleaned_on=cleaned_on,
            emptied_on=emptied_on,
            first_handover_on=first_handover_on,
            handovers=handovers,
            findings={task: tuple(counted[task]) for task in tasks if task in counted},
            complaints=tuple(counted.get("complaint", ())),
            self_checked=declared.get(merchant_id),
            vetoes=tuple(counted.get("veto", ())),
            previous_level=before.get(merchant_id),
        )
        subjects.append(Subject(merchant_id, town, grid, synthetic, facts))
    return subjects


def unrated_on(day: date) -> list[int]:
    """Merchants that have no score of this day yet."""
    scored = FumeScore.objects.filter(day=day).values("merchant_id")
    return list(Merchant.objects.exclude(status=Status.CLOSED).exclude(pk__in=scored).values_list("pk", flat=True))


def latest_score(merchant_id: int) -> FumeScore | None:
    """The newest score of a merchant."""
    return FumeScore.objects.filter(merchant_id=merchant_id).order_by("-day").first()


def history(merchant_id: int, days: int) -> QuerySet[FumeScore]:
    """The newest scores of a merchant, newest first."""
    return FumeScore.objects.filter(merchant_id=merchant_id).order_by("-day")[:days]


class Asked:
    """One question: the parameters all statements share, and how their rows become facts."""

    def __init__(self, day: date, merchants: Collection[int], at: datetime, catalogues: Catalogues) -> None:
        self.day, self.index = day, catalogues.indicators
        rules = self.index
        today, tomorrow = beginning(day), beginning(day + timedelta(days=1))
        self.parameters: dict[str, Any] = {
            "merchants": list(merchants),
            "day": day,
            "at": at,
            "today": today,
            "until": min(at, tomorrow),
            "window": rules.window_days,
            "since": day - timedelta(days=rules.window_days),
            "findings_since": tomorrow - timedelta(days=rules.window_days),
            "complaints_since": tomorrow - timedelta(days=rules.complaints.within_days),
            "heard_minutes": rules.dark.heard_minutes_a_day,
            "excused_days": rules.dark.excused_days,
            "zone": settings.TIME_ZONE,
            "vetoes": list(rules.veto_violations),
            "sources": list(rules.complaints.sources),
            "found_true": [str(result) for result, true in FOUND_TRUE.items() if true],
            "unfixed": [str(state) for state in OPEN - {State.PREDICTED}],
            "violations": [violation.id for violation in catalogues.violations],
            "tasks": [violation.task for violation in catalogues.violations],
        }

    def rows(self, name: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement(name), self.parameters)
            return list(cursor.fetchall())

    def tasks(self) -> list[str]:
        """The tasks whose findings cost points."""
        return [self.index.cleaning.task, self.index.drains.task, self.index.waste.task]

    def care(self) -> dict[int, Sequence[Any]]:
        return {row[0]: row[1:] for row in self.rows("care")}

    def issues(self) -> dict[int, dict[str, list[str]]]:
        found: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for merchant_id, number, counts_as in self.rows("issues"):
            found[merchant_id][counts_as].append(number)
        return found

    def heard(self) -> dict[int, list[tuple[Any, ...]]]:
        found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
        for row in self.rows("heard"):
            found[row[0]].append(row[1:])
        return found

    def monitors(self, rows: Iterable[tuple[Any, ...]], paused: bool) -> Iterable[Heard]:
        """A monitor counts once it was heard, or once it should have been: `hold_days` after it was installed.

        A paused shop's silence is explained by the pause, for as long as a maintenance note would explain it. One that stands
        elsewhere by now counts with what it measured here, as long as that is enough to go by, and is not missed.
        """
        for mn, last_at, since_at, unnoted, stands, measured, high, fan, linked in rows:
            if not stands:
                if (
                    measured >= self.index.concentration.least_fan_minutes
                    and fan >= self.index.linkage.least_fan_minutes
                ):
                    yield Heard(mn, float(measured), float(high), float(fan), float(linked), 0, 0)
                continue
            if since_at is None:
                continue
            silent_days = max(0, (self.day - _local(since_at)).days - 1)
            if last_at is None and silent_days <= self.index.dark.hold_days:
                continue
            unexplained_days = max(0, silent_days - self.index.dark.excused_days) if paused else unnoted
            yield Heard(mn, float(measured), float(high), float(fan), float(linked), silent_days, unexplained_days)


@cache
def statement(name: str) -> str:
    """A named statement of this room."""
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.TIME_ZONE)


def beginning(day: date) -> datetime:
    """When the day begins in the county."""
    return datetime.combine(day, time(), _zone()).astimezone(UTC)


def _local(moment: datetime) -> date:
    return moment.astimezone(_zone()).date()
