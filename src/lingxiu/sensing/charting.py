"""A device's readings as a chart and as a table: a day, a week, a month or a year. Reads stored statistics, changes nothing.

What is drawn is never more than some hundreds of steps, whatever the span: ten-minute windows of a day, hours of a week or a
month, days of a year. A step without readings is None and stays a gap.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from lingxiu.accounts.models import User
from lingxiu.issues.models import Issue
from lingxiu.policy.queries import in_force
from lingxiu.policy.rows import Label
from lingxiu.sensing.models import Alarm, Device, Maintenance
from lingxiu.sensing.queries import Window, day_bounds
from lingxiu.ui import addresses

FEWEST_PEERS: Final = 5
"""A median of fewer devices would tell one kitchen's values to another's owner."""
MOST_PEERS: Final = 200
MOST_MARKS: Final = 300
BESIDE: Final = ("before", "year", "kind")


class Step(NamedTuple):
    """A length of time the statistics are kept in."""

    table: str
    minutes: int


WINDOWS: Final = Step("window_fume", 10)
HOURS: Final = Step("hour_fume", 60)
DAYS: Final = Step("day_fume", 1440)
STEPS: Final[dict[str, Step]] = {"day": WINDOWS, "week": HOURS, "month": HOURS, "year": DAYS}
PEER_STEPS: Final[dict[str, Step]] = {"day": HOURS, "week": HOURS, "month": DAYS, "year": DAYS}
"""In which steps the median of many devices is taken: coarser, because it reads all of theirs."""


@dataclass(frozen=True, slots=True)
class Span:
    """A calendar day, week (from Monday), month or year of the county. `first` is its first day, `after` the day after it."""

    name: str
    first: date
    after: date

    @classmethod
    def of(cls, name: str, day: date) -> Span:
        """The span of this name (a key of STEPS) the day lies in."""
        first = _first(name, day)
        return cls(name, first, _next(name, first))

    @property
    def step(self) -> Step:
        return STEPS[self.name]

    @property
    def since(self) -> datetime:
        return day_bounds(self.first)[0]

    @property
    def until(self) -> datetime:
        return day_bounds(self.after)[0]

    @property
    def previous(self) -> Span:
        return Span.of(self.name, self.first - timedelta(days=1))

    def earlier(self, which: str) -> Span:
        """The same span a week (`before`) or a year (`year`) ago; of a month or a year the one before. Weekdays stay weekdays."""
        if self.name in ("day", "week"):
            back = timedelta(days=7 if which == "before" else 364)
            return Span.of(self.name, self.first - back)
        if self.name == "month" and which == "year":
            return Span.of("month", self.first.replace(year=self.first.year - 1))
        return self.previous

    def moments(self, until: datetime) -> Iterator[datetime]:
        """The beginnings of its steps before `until`."""
        end = min(until, self.until)
        if self.step is DAYS:
            days = (day_bounds(self.first + timedelta(days=n))[0] for n in range((self.after - self.first).days))
            yield from (moment for moment in days if moment < end)
            return
        moment = self.since.astimezone(UTC)
        while moment < end:
            yield moment
            moment += timedelta(minutes=self.step.minutes)


def _first(name: str, day: date) -> date:
    return {
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "year": day.replace(month=1, day=1),
    }[name]


def _next(name: str, first: date) -> date:
    if name in ("day", "week"):
        return first + timedelta(days=1 if name == "day" else 7)
    return _first(name, first + timedelta(days=31 if name == "month" else 366))


def rows_of(device_id: int, span: Span, since: datetime | None = None) -> list[Window]:
    """The stored steps of a device in this span, in order; nothing before `since`."""
    return _rows(span.step.table, device_id, max(span.since, since or span.since), span.until)


def _rows(table: str, device_id: int, since: datetime, until: datetime) -> list[Window]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(Window._fields)} FROM {table}"  # noqa: S608 (our own names)
            " WHERE device_id = %s AND at >= %s AND at < %s ORDER BY at",
            [device_id, since, until],
        )
        return [Window(*row) for row in cursor.fetchall()]


# ── the chart ────────────────────────────────────────────────────────────────────────────────────────────────────


def chart(
    device: Device,
    span: Span,
    at: datetime,
    language: str,
    *,
    user: User | None = None,
    beside: Collection[str] = (),
    since: datetime | None = None,
) -> dict[str, Any]:
    """What the chart island draws (docs/frontend.md).

    Args:
        user: whose issues are marked; None marks none.
        beside: of BESIDE, what it is compared with.
        since: nothing before this moment is told (the device stood at somebody else's).
    """
    rows = {row.at: row for row in rows_of(device.pk, span, since)}
    return {
        "step": span.step.minutes,
        "from": local(span.since),
        "until": local(span.until),
        "thresholds": thresholds(fume_limits(), language),
        "windows": [_point(moment, rows.get(moment)) for moment in span.moments(at)] if rows else [],
        "beside": [one for which in BESIDE if which in beside and (one := _beside(device, span, which, since))],
        **marks(device, span, at, language, user=user, since=since),
    }


def marks(
    device: Device, span: Span, at: datetime, language: str, *, user: User | None, since: datetime | None
) -> dict[str, Any]:
    """What happened in this span: alarms, issues, times in which nothing counts."""
    return {
        "alarms": _alarms(device, span, language, since),
        "issues": _issues(device, span, user, language) if user is not None and user.authority.is_officer else [],
        "held": _held(device, span, at, since),
    }


def fume_limits() -> dict[float, Label]:
    """The values of fume the alarm rules look at, mg/m³, lowest first, each with what the first rule of it is called."""
    rules = in_force().catalogues.alarms.rules
    return first_named(
        (rule.limit, rule.label) for rule in rules if rule.type == "sustained_value" and rule.factor == "fume_mg_m3"
    )


def first_named(limits: Iterable[tuple[float, Label]]) -> dict[float, Label]:
    """Limits from the lowest up, each with the first of its names."""
    named: dict[float, Label] = {}
    for limit, label in limits:
        named.setdefault(limit, label)
    return dict(sorted(named.items()))


def thresholds(limits: Mapping[float, Label], language: str) -> list[dict[str, float | str]]:
    """Limits as the chart draws them: a line alone does not say what begins there."""
    return [{"value": limit, "label": f"{label.text(language)} {limit:g}"} for limit, label in limits.items()]


def _point(moment: datetime, row: Window | None) -> list[object]:
    if row is None:
        return [local(moment), None, None, None, None]
    return [local(moment), _short(row.fume_mean), _short(row.fume_max), row.fan_on_minutes, row.purifier_on_minutes]


def _short(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def local(moment: datetime) -> str:
    """A moment by the county's clock, as the chart reads it."""
    return timezone.localtime(moment).isoformat()


# ── what it is compared with ──


def beside_words(span: Span) -> dict[str, str]:
    """What may be drawn beside this span, in words."""
    before = {
        "day": _("a week before"),
        "week": _("the week before"),
        "month": _("the month before"),
        "year": _("the year before"),
    }[span.name]
    words = {"before": before, "year": _("a year before"), "kind": _("median of its kind")}
    return words if span.name != "year" else {key: words[key] for key in ("before", "kind")}


def _beside(device: Device, span: Span, which: str, since: datetime | None) -> dict[str, Any] | None:
    words = beside_words(span)
    if which not in words:
        return None
    if which == "kind":
        found, others = medians(device, span)
        label = of_so_many(words[which], others)
        points = [[local(at), _short(value)] for at, value in found]
        return {"name": which, "label": label, "step": PEER_STEPS[span.name].minutes, "points": points}
    earlier = span.earlier(which)
    shift = span.since - earlier.since
    points = [
        [local(moment), _short(row.fume_mean)]
        for row in rows_of(device.pk, earlier, since)
        if (moment := row.at + shift) < span.until
    ]
    return {"name": which, "label": words[which], "step": span.step.minutes, "points": points}


_MEDIANS: Final = """
    SELECT s.at, percentile_cont(0.5) WITHIN GROUP (ORDER BY s.fume_mean), count(*)
    FROM {table} s WHERE s.device_id = ANY (%s) AND s.at >= %s AND s.at < %s AND s.fume_mean IS NOT NULL
    GROUP BY s.at HAVING count(*) >= %s ORDER BY s.at
"""


def peers(device: Device) -> list[int]:
    """The other devices of its kind at merchants of the same kind, MOST_PEERS of them."""
    others = Device.objects.filter(kind=device.kind, merchant__kind=device.merchant.kind).exclude(pk=device.pk)
    serving = others.exclude(state=Device.State.RETIRED).order_by("pk")
    return list(serving.values_list("pk", flat=True)[:MOST_PEERS])


def of_so_many(word: str, devices: int) -> str:
    """What is compared with, and how many there are of it."""
    return _("%(what)s (%(n)s devices)") % {"what": word, "n": devices}


def medians(device: Device, span: Span) -> tuple[list[tuple[datetime, float]], int]:
    """The median mean of the other devices at merchants of the same kind, by step of PEER_STEPS; and of how many at most.

    Steps with fewer than FEWEST_PEERS devices have none.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _MEDIANS.replace("{table}", PEER_STEPS[span.name].table),
            [peers(device), span.since, span.until, FEWEST_PEERS],
        )
        found = cursor.fetchall()
    return [(at, value) for at, value, _n in found], max((n for _at, _value, n in found), default=0)


# ── what happened ──


def _alarms(device: Device, span: Span, language: str, since: datetime | None) -> list[dict[str, Any]]:
    """What lasted into this span, oldest first; the newest MOST_MARKS."""
    found = Alarm.objects.filter(device=device, withdrawn_at=None, raised_at__lt=span.until)
    if since is not None:
        found = found.filter(raised_at__gte=since)
    overlapping = found.filter(Q(cleared_at=None) | Q(cleared_at__gt=span.since)).order_by("-raised_at")[:MOST_MARKS]
    labels = {rule.id: rule.label.text(language) for rule in in_force().catalogues.alarms.rules}
    return [
        {
            "code": alarm.code,
            "label": labels.get(alarm.code, alarm.code),
            "from": local(max(alarm.raised_at, span.since)),
            "to": local(min(alarm.cleared_at, span.until)) if alarm.cleared_at else None,
            "url": f"/sensing/alarms/{alarm.pk}/",
        }
        for alarm in reversed(overlapping)
    ]


def _issues(device: Device, span: Span, user: User, language: str) -> list[dict[str, Any]]:
    """The issues of its merchant that were reported in this span, as far as the reader sees them."""
    found = Issue.objects.visible_to(user).filter(
        merchant_id=device.merchant_id, reported_at__gte=span.since, reported_at__lt=span.until
    )
    rows = found.order_by("-reported_at").values_list("number", "violation", "reported_at")[:MOST_MARKS]
    labels = {row.id: row.label.text(language) for row in in_force().catalogues.violations}
    return [
        {
            "number": number,
            "label": labels.get(violation, violation),
            "from": local(reported_at),
            "url": addresses.issue(number),
        }
        for number, violation, reported_at in reversed(rows)
    ]


def _held(device: Device, span: Span, at: datetime, since: datetime | None) -> list[dict[str, str]]:
    """The times of maintenance and calibration, in which readings judge nobody."""
    found = Maintenance.objects.filter(Q(until=None) | Q(until__gt=max(span.since, since or span.since)))
    return [
        {
            "label": str(Maintenance.Kind(row.kind).label),
            "from": local(max(row.since, span.since)),
            "to": local(min(row.until or max(at, row.since), span.until)),
        }
        for row in found.filter(device=device, since__lt=span.until).order_by("since")
    ]
