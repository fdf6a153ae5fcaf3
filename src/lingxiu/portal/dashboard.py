"""The county, or as much of it as the reader sees, in numbers; each is the count of the list it opens. Queries only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, Q
from django.db.models.functions import TruncDate
from django.utils import timezone

from lingxiu.issues import resting
from lingxiu.issues.models import OPEN_STATES, WAITING_STATES, Issue, IssueQuerySet
from lingxiu.merchants.models import Licence, Merchant, MerchantQuerySet, Standing
from lingxiu.policy.schema.roles import Sight
from lingxiu.sensing.models import Alarm, Mute
from lingxiu.sensing.noted import Counted, Folded, count_open, mute_among, mutes_of, storms_in
from lingxiu.sensing.telling import part_of_storm
from lingxiu.territory.queries import town_names

if TYPE_CHECKING:
    from lingxiu.accounts.models import User

TREND_DAYS = 14
SHARE_DAYS = 90


@dataclass(frozen=True, slots=True)
class Today:
    """Today's numbers, and how issues came and went over the last fortnight."""

    merchants: int
    licences: int
    without_dossier: int
    levels: dict[int | None, int]
    devices: dict[str, int]
    alarms: Counted
    received: int
    open: int
    late: int
    closed: int
    waiting: int
    quick_share: float | None
    reported_by_day: list[int] = field(default_factory=list)
    closed_by_day: list[int] = field(default_factory=list)

    @property
    def coverage(self) -> float | None:
        """Share of the register's licences that have a dossier, in per cent; none without a register."""
        return 100 * (1 - self.without_dossier / self.licences) if self.licences else None

    @property
    def level_1(self) -> int:
        return self.levels.get(1, 0)

    @property
    def level_2(self) -> int:
        return self.levels.get(2, 0)

    @property
    def level_3(self) -> int:
        return self.levels.get(3, 0)

    @property
    def devices_installed(self) -> int:
        return sum(count for state, count in self.devices.items() if state != "none")


def today(user: User, now: datetime) -> Today:
    """The numbers this reader sees now, in a fixed number of queries."""
    midnight = timezone.localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
    issues = Issue.objects.visible_to(user)
    counts = issues.aggregate(
        received=Count("id", filter=Q(reported_at__gte=midnight)),
        closed=Count("id", filter=Q(closed_at__gte=midnight, state="closed")),
        ended=Count("id", filter=Q(closed_at__gte=now - timedelta(days=SHARE_DAYS), state="closed")),
        quick=Count(
            "id",
            filter=Q(
                closed_at__gte=now - timedelta(days=SHARE_DAYS),
                state="closed",
                flow="quick",
                level__in=["grid", "town"],
            ),
        ),
    )
    held = issues.filter(closed_at=None).aggregate(
        open=Count("id"),
        late=Count("id", filter=Q(step_due_at__lt=now) & resting.running()),
        waiting=Count("id", filter=Q(state__in=WAITING_STATES)),
    )
    merchants = Merchant.objects.visible_to(user)
    licences = _register(user)
    days = [(midnight - timedelta(days=n)).date() for n in reversed(range(TREND_DAYS))]
    return Today(
        merchants=merchants.count(),
        licences=licences["all"],
        without_dossier=licences["bare"],
        levels=_standing(merchants, "fume_level"),
        devices=_standing(merchants, "device_state"),
        alarms=count_open(Alarm.objects.visible_to(user)),
        received=counts["received"],
        closed=counts["closed"],
        open=held["open"],
        late=held["late"],
        waiting=held["waiting"],
        quick_share=100 * counts["quick"] / counts["ended"] if counts["ended"] else None,
        reported_by_day=_by_day(issues.filter(reported_at__date__gte=days[0]), "reported_at", days),
        closed_by_day=_by_day(issues.filter(closed_at__date__gte=days[0], state="closed"), "closed_at", days),
    )


@dataclass(frozen=True, slots=True)
class TownRow:
    """A town in the comparison; counts of lists, never a person's."""

    code: str
    name: str
    merchants: int
    level_3: int
    open: int
    late: int
    closed_30_days: int
    on_time_share: float | None


def towns(user: User, now: datetime) -> list[TownRow]:
    """The towns this reader sees, worst first: most late, then most open."""
    month = now - timedelta(days=30)
    by_town = {
        row["town"]: row
        for row in Issue.objects.visible_to(user)
        .values("town")
        .annotate(
            open=Count("id", filter=Q(closed_at=None)),
            late=Count("id", filter=Q(closed_at=None, step_due_at__lt=now) & resting.running()),
            closed=Count("id", filter=Q(closed_at__gte=month, state="closed")),
            on_time=Count("id", filter=Q(closed_at__gte=month, state="closed", closed_at__lte=F("due_at"))),
        )
    }
    shops = {
        row["town"]: row
        for row in Merchant.objects.visible_to(user)
        .values("town")
        .annotate(merchants=Count("id"), level_3=Count("id", filter=Q(standing__fume_level=3)))
    }
    rows = [_town(code, name, by_town.get(code), shops[code]) for code, name in town_names().items() if code in shops]
    return sorted(rows, key=lambda row: (-row.late, -row.open, row.code))


def _town(code: str, name: str, issues: Mapping[str, Any] | None, shops: Mapping[str, Any]) -> TownRow:
    found = issues or {"open": 0, "late": 0, "closed": 0, "on_time": 0}
    share = 100 * found["on_time"] / found["closed"] if found["closed"] else None
    return TownRow(
        code, name, shops["merchants"], shops["level_3"], found["open"], found["late"], found["closed"], share
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """An open alarm of the dashboard; `mute`: under which it is, so that nobody is told of it."""

    alarm: Alarm
    mute: Mute | None


def latest_alarms(user: User, now: datetime, limit: int = 6) -> list[Shown]:
    """The newest open alarms this reader sees, without those of a storm that lasts."""
    found = Alarm.objects.visible_to(user).filter(cleared_at=None).exclude(part_of_storm())
    alarms = list(found.select_related("device__merchant").order_by("-raised_at", "-id")[:limit])
    mutes = mutes_of({alarm.device_id for alarm in alarms}, now)
    return [Shown(alarm, mute_among(mutes[alarm.device_id], alarm.code)) for alarm in alarms]


def storms(user: User) -> list[Folded]:
    """The storms that last, as far as this reader sees their devices."""
    return storms_in(Alarm.objects.visible_to(user).filter(withdrawn_at=None))


def most_urgent(user: User, now: datetime, limit: int = 8) -> Iterable[Issue]:
    """Open issues whose step is due first; the late ones lead."""
    return (
        Issue.objects.visible_to(user)
        .filter(state__in=OPEN_STATES)
        .select_related("merchant", "lead_unit", "lead_person")
        .order_by("step_due_at")[:limit]
    )


def waiting(user: User, limit: int = 8) -> Iterable[Issue]:
    """What came in and is with nobody yet, as far as this reader sees it; the first due first."""
    return (
        Issue.objects.visible_to(user)
        .filter(state__in=WAITING_STATES)
        .select_related("merchant", "lead_unit", "lead_person")
        .order_by("step_due_at")[:limit]
    )


def _register(user: User) -> dict[str, int]:
    """Licences of the county's register, and those without a dossier: none to whoever sees less than the county."""
    if user.authority.farthest("merchants") != Sight.COUNTY:
        return {"all": 0, "bare": 0}
    return Licence.objects.aggregate(all=Count("id"), bare=Count("id", filter=Q(merchant=None)))


def _standing(merchants: MerchantQuerySet, column: str) -> dict[Any, int]:
    rows = Standing.objects.filter(merchant__in=merchants).values_list(column).annotate(count=Count("merchant_id"))
    return dict(rows.order_by())


def _by_day(issues: IssueQuerySet, column: str, days: list[date]) -> list[int]:
    counted = dict(issues.order_by().annotate(day=TruncDate(column)).values_list("day").annotate(Count("id")))
    return [counted.get(day, 0) for day in days]
