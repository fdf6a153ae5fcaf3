"""Who is told of what happened, by which ways, and when: plain functions over the catalogue `notices`. No ORM, no clock.

Quiet hours, the morning's digest and the bound of an hour are one mechanism: each says from when a message may go, and what
may go to one person by one way at the same time goes as one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from lingxiu.policy.schema.notices import Audience, Notices, Telling, TellingCondition

HOUR = timedelta(hours=1)


class Way(StrEnum):
    """How a notice leaves the program. The page of notices is no way: everything stands there."""

    ZHEZHENGDING = "zhezhengding"
    SMS = "sms"
    EMAIL = "email"
    ROBOT = "robot"
    TODO = "todo"  # a line of 浙政钉's own list
    TODO_DONE = "todo_done"


MESSAGES = (Way.ZHEZHENGDING, Way.SMS, Way.EMAIL, Way.ROBOT)
"""The ways a person chooses among; several notices go as one message. To-dos are a list kept in step, one line an issue."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An entry of the journal as far as rules go. The rest is that of the issue, where it is about one."""

    kind: str
    level: str = ""
    flow: str = ""
    severity: int = 0
    violation: str = ""
    tells: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a person wants of a topic: by these ways, and if nothing is urgent only in the morning."""

    ways: frozenset[Way]
    digest: bool = False


@dataclass(frozen=True, slots=True)
class Manner:
    """When a person may be disturbed, and how often. Times of the county's day."""

    quiet_from: time
    quiet_until: time
    digest_at: time
    most_an_hour: int


# ── who ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def rules_for(rules: Iterable[Telling], what: Happened, day: date) -> list[Telling]:
    """The rules by which somebody is told of this, in their order."""
    return [rule for rule in rules if what.kind in rule.kinds and rule.holds(day) and _meets(rule.when, what)]


def _meets(when: TellingCondition, what: Happened) -> bool:
    return (
        (not when.level or what.level in when.level)
        and (when.flow is None or what.flow == when.flow)
        and (when.severity_at_least is None or what.severity >= when.severity_at_least)
        and (not when.violation or what.violation in when.violation)
        and (when.tells is None or when.tells in what.tells)
    )


def whom(
    rules: Iterable[Telling], people: Callable[[Audience], Iterable[int]], actor_id: int | None
) -> dict[int, Telling]:
    """Person → the first rule that names them. Who did it knows already."""
    told: dict[int, Telling] = {}
    for rule in rules:
        for audience in rule.tell:
            for person in people(audience):
                if person != actor_id:
                    told.setdefault(person, rule)
    return told


# ── by which ways ────────────────────────────────────────────────────────────────────────────────────────────────


def ways(rule: Telling, chosen: Chosen | None, reached_by: Iterable[Way]) -> list[Way]:
    """The ways this goes to somebody: those chosen, else the rule's; of what is urgent always the rule's as well.

    `reached_by`: the ways this installation has and this person has an address for.
    """
    by_rule = {Way(way) for way in rule.ways}
    wanted = by_rule if chosen is None else chosen.ways | (by_rule if rule.urgent else frozenset())
    if rule.todo:
        wanted = wanted | {Way.TODO}
    reached = set(reached_by)
    return [way for way in Way if way in wanted and way in reached]


# ── when ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def send_at(at: datetime, manner: Manner, zone: ZoneInfo, *, urgent: bool, digest: bool = False) -> datetime:
    """From when it may go: at once if urgent, else not in quiet hours; of a digest's topic, in the morning."""
    if urgent:
        return at
    local = at.astimezone(zone)
    if digest:
        local = _next(local, manner.digest_at)
    if is_quiet(local.time(), manner.quiet_from, manner.quiet_until):
        local = _next(local, manner.quiet_until)
    return local.astimezone(at.tzinfo)


def is_quiet(clock: time, quiet_from: time, quiet_until: time) -> bool:
    """Whether this time of the day lies in the quiet hours, which may go past midnight; equal ends mean there are none."""
    if quiet_from <= quiet_until:
        return quiet_from <= clock < quiet_until
    return clock >= quiet_from or clock < quiet_until


def _next(local: datetime, clock: time) -> datetime:
    """The next time the clock shows this, today if it has not yet."""
    today = local.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return today if today >= local else today + timedelta(days=1)


def free_from(sent: Sequence[datetime], at: datetime, most: int) -> datetime | None:
    """From when one more message may go, if `most` went within the hour; None: now. `sent`: when they went, in any order."""
    lately = sorted(time for time in sent if time > at - HOUR)
    return lately[-most] + HOUR if len(lately) >= most else None


def most_now(manner: Manner, policy: Notices, *, urgent: bool) -> int:
    """How many messages an hour count against this one: some of the hour's are kept for what is urgent."""
    return manner.most_an_hour if urgent else max(1, manner.most_an_hour - policy.kept_for_urgent)


def try_again_at(at: datetime, tries: int, minutes: Sequence[int]) -> datetime | None:
    """When to try again after so many tries; None: no more, somebody must look at it."""
    return at + timedelta(minutes=minutes[tries - 1]) if tries <= len(minutes) else None
