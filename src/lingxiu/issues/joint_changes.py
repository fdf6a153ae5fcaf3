"""A planned round is changed before anybody walked: another officer of the same body goes, or it is on another day; and whoever is
away on its day is stood in for. Its shops stay. Never takes a round back or a shop off it: `joint` does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time

from django.db import transaction
from django.utils import timezone

from lingxiu.accounts.models import Absence, Unit, User
from lingxiu.issues import joint
from lingxiu.issues.inspection_rules import Why
from lingxiu.issues.joint import JointRefused
from lingxiu.issues.joint_models import JointInspection, JointOfficer, JointShop
from lingxiu.journal.actions import Scope, record
from lingxiu.merchants.models import Merchant

MOST_NAMED = 3


def move_day(row: JointInspection, day: date, *, seen: date, by: User, at: datetime) -> None:
    """Put a round on another day. `seen`: the day it was on when whoever asks looked: of two who move it, one does.

    Raises: JointRefused; `none_that_day` names shops where no body may inspect on that day.
    """
    with transaction.atomic():
        one = _to_change(row, by, at)
        if one.day != seen:
            raise JointRefused("day", "changed")
        if day < timezone.localtime(at).date():
            raise JointRefused("day", "day")
        if day == one.day:
            raise JointRefused("day", "same_day")
        _refuse_closed_shops(one, day, at)
        one.day, one.told_today_at = day, None
        one.save(update_fields=["day", "told_today_at"])
        joint.tell("joint.moved", one, at, by, was=seen.isoformat(), now=day.isoformat())


def swap(row: JointInspection, went_id: int, came: User, *, by: User, at: datetime) -> None:
    """Another certified officer of the same body goes instead of one. Raises: JointRefused."""
    with transaction.atomic():
        one = _to_change(row, by, at)
        _swap(one, went_id, came, by, at)


def take_over(row: JointInspection, went_id: int, came: User, *, by: User, at: datetime) -> None:
    """The same where all that is somebody's is handed over: asked by who sees to their unit. Raises: JointRefused."""
    with transaction.atomic():
        one = _still_planned(row, at)
        _swap(one, went_id, came, by, at)


def _swap(one: JointInspection, went_id: int, came: User, by: User, at: datetime) -> None:
    seat = one.officers.select_related("user", "unit").filter(user=went_id).first()
    if seat is None:
        raise JointRefused("officer", "changed")
    if one.officers.filter(user=came).exists():
        raise JointRefused("officer", "goes_already")
    if came not in joint.certified(seat.unit, at):
        raise JointRefused("officer", "certificate", came.name)
    if came.pk in away_on([came], one.day):
        raise JointRefused("officer", "away_then", came.name)
    _give_seat(one, seat, came, None, at, by)


def may_go_instead(one: JointInspection, at: datetime) -> dict[int, list[User]]:
    """Unit → its certified officers who are there on the day of the round, and not on it."""
    goes = set(one.officers.values_list("user_id", flat=True))
    able = {unit.pk: joint.certified(unit, at) for unit in joint.units_of(one)}
    away = away_on([user for people in able.values() for user in people], one.day)
    return {unit: [user for user in people if user.pk not in goes | set(away)] for unit, people in able.items()}


def _to_change(row: JointInspection, by: User, at: datetime) -> JointInspection:
    """The round, which nobody else changes meanwhile. Raises: JointRefused."""
    one = _still_planned(row, at)
    if not joint.may_withdraw(one, by):
        raise JointRefused("", "planner")
    return one


def _still_planned(row: JointInspection, at: datetime) -> JointInspection:
    one = JointInspection.objects.select_for_update(of=("self",)).select_related("lead", "made_by").get(pk=row.pk)
    if one.withdrawn_at is not None:
        raise JointRefused("", "withdrawn")
    if one.shops.exclude(walked_at=None).exists():
        raise JointRefused("", "begun_so_stays")
    if one.day < timezone.localtime(at).date():
        raise JointRefused("", "over")
    return one


def _refuse_closed_shops(one: JointInspection, day: date, at: datetime) -> None:
    """A round keeps its shops; one where nothing may be inspected on the new day is left out first, by who decides that."""
    units, why = joint.units_of(one), Why(one.why)
    to_walk = one.shops.filter(left_out_at=None).values("merchant")
    # As in planning: of two rounds after the last place of a shop's cap, the second waits here.
    shops = list(Merchant.objects.select_for_update(no_key=True).filter(pk__in=to_walk).order_by("pk"))
    closed = [
        shop.name
        for shop in shops
        if not any(part.may for part in joint.parts_at(shop, units, why, day, at, joint=one.pk))
    ]
    if closed:
        raise JointRefused("day", "none_that_day", ", ".join(closed[:MOST_NAMED]))


def _give_seat(
    one: JointInspection, seat: JointOfficer, came: User, stands_in_for: User | None, at: datetime, by: User | None
) -> None:
    went = seat.user
    seat.user, seat.deputy_for, seat.missing_since = came, stands_in_for, None
    seat.save(update_fields=["user", "deputy_for", "missing_since"])
    joint.tell("joint.officer_came", one, at, by, people=[came.pk], came=came.pk, went=went.pk)
    joint.tell("joint.officer_went", one, at, by, people=[went.pk], came=came.pk, went=went.pk)


# ── who is away on the day ───────────────────────────────────────────────────────────────────────────────────────


def away_on(people: Iterable[User], day: date) -> dict[int, Absence]:
    """Of these people, those who are away on a day at noon: id → their absence."""
    noon = datetime.combine(day, time(12), timezone.get_current_timezone())
    rows = Absence.objects.filter(Absence.at(noon), user__in=[user.pk for user in people]).select_related("deputy")
    return {row.user_id: row for row in rows}


@dataclass
class _Able:
    """Who may go for a body, asked once."""

    at: datetime
    known: dict[int, set[int]] = field(default_factory=dict)

    def __call__(self, user: User | None, unit: Unit) -> bool:
        if unit.pk not in self.known:
            self.known[unit.pk] = {one.pk for one in joint.certified(unit, self.at)}
        return user is not None and user.pk in self.known[unit.pk]


def cover_seats(at: datetime) -> int:
    """In rounds that nobody has walked yet, the deputy of who is away on the day takes their seat, and gives it back if they are
    there after all. Where nobody can stand in, who planned it is told, once. May run twice.

    Returns: how many seats changed hands.
    """
    begun = JointShop.objects.exclude(walked_at=None).values("joint")
    to_come = JointInspection.objects.filter(withdrawn_at=None, day__gte=timezone.localtime(at).date())
    able = _Able(at)
    return sum(_cover(pk, able, at) for pk in list(to_come.exclude(pk__in=begun).values_list("pk", flat=True)))


def _cover(pk: int, able: _Able, at: datetime) -> int:
    with transaction.atomic():
        one = JointInspection.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=pk).first()
        if one is None or one.withdrawn_at is not None or one.shops.exclude(walked_at=None).exists():
            return 0
        seats = list(one.officers.select_related("user", "unit", "deputy_for"))
        people = [user for seat in seats for user in (seat.user, seat.deputy_for) if user is not None]
        away = away_on(people, one.day)
        there = _There(one.day, {seat.user_id for seat in seats}, away, able)
        return sum(_cover_seat(one, seat, there, at) for seat in seats)


@dataclass
class _There:
    """Who sits already, who is away on the day, who may go."""

    day: date
    sits: set[int]
    away: dict[int, Absence]
    able: _Able

    def goes(self, user: User, unit: Unit) -> bool:
        return user.pk not in self.away and self.able(user, unit)

    def could_come(self, user: User | None, unit: Unit) -> bool:
        return user is not None and user.pk not in self.sits and self.able(user, unit) and not away_on([user], self.day)


def _cover_seat(one: JointInspection, seat: JointOfficer, there: _There, at: datetime) -> bool:
    """Whether the seat changed hands."""
    owner = seat.deputy_for or seat.user
    if seat.deputy_for is not None and there.could_come(owner, seat.unit):
        return _sit(one, seat, owner, there, at)
    if there.goes(seat.user, seat.unit):
        if seat.missing_since is not None:
            JointOfficer.objects.filter(pk=seat.pk).update(missing_since=None)
        return False
    absence = there.away.get(seat.user_id) or there.away.get(owner.pk)
    deputy = absence.deputy if absence else None
    if deputy is not None and there.could_come(deputy, seat.unit):
        return _sit(one, seat, deputy, there, at)
    if seat.missing_since is None:
        JointOfficer.objects.filter(pk=seat.pk).update(missing_since=at)
        scope = Scope(unit_id=one.lead_id)
        said = {"people": [one.made_by_id], "missing": seat.user_id}
        record("joint.seat_empty", "joint_inspection", one.pk, at=at, scope=scope, reference=said)
    return False


def _sit(one: JointInspection, seat: JointOfficer, user: User, there: _There, at: datetime) -> bool:
    owner = seat.deputy_for or seat.user
    there.sits = (there.sits - {seat.user_id}) | {user.pk}
    _give_seat(one, seat, user, None if user == owner else owner, at, None)
    return True
