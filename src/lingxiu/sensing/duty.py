"""Whom an alarm calls that cannot wait: the first on the duty roster at once, after some minutes the next.

A chain stands in the database (`DutyCall`): any watch may drive it, after any crash, and nobody is called twice for one step. It
ends when somebody acknowledges, when readings clear the alarm, or after as many calls as the rule has. A call is an entry of the
journal; how it reaches a person is the notices room's. Members of a grid are never called by it: nobody goes alone to a gas leak.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Max
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from lingxiu.accounts.absences import deputies
from lingxiu.accounts.duty import DISPATCHES, callable_people, turns
from lingxiu.accounts.models import Bond, Post, Unit, UnitKind
from lingxiu.journal.actions import record
from lingxiu.merchants.actions import scope_of
from lingxiu.merchants.models import Merchant
from lingxiu.policy.alarm_rules import Duty, PointLevel
from lingxiu.policy.queries import InForce, in_force
from lingxiu.sensing.models import Alarm, DutyCall
from lingxiu.sensing.muting import mute_of

log = structlog.get_logger(__name__)

CALLED: Final = "alarm.called"
TELLING: Final = "lingxiu.notices.jobs.tell_people"
"""The job of the room above that reads the journal; asked for by name, so that nobody waits for its minute."""


# ── calling ──────────────────────────────────────────────────────────────────────────────────────────────────────


def call_on(policy: InForce, at: datetime) -> int:
    """Call whoever is next for each alarm that nobody has acknowledged. Returns: how many alarms called somebody."""
    duties = duties_of(policy)
    waiting = Alarm.objects.filter(code__in=duties, cleared_at=None, withdrawn_at=None, acknowledged_at=None)
    called = 0
    for alarm_id in waiting.order_by("raised_at").values_list("pk", flat=True):
        with transaction.atomic():
            alarm = waiting.select_for_update(of=("self",), skip_locked=True).filter(pk=alarm_id).first()
            if alarm is not None and _is_due(alarm, duties[alarm.code], at):
                called += _call(alarm, at)
    return called


def duties_of(policy: InForce) -> dict[str, Duty]:
    """Code of an alarm → how it calls, of those that do."""
    rules = policy.catalogues.alarms.rules
    return {rule.id: rule.duty for rule in rules if isinstance(rule, PointLevel) and rule.duty is not None}


def _is_due(alarm: Alarm, duty: Duty, at: datetime) -> bool:
    """Whether its next step is due. After a standstill there is one step at once, and the next in its own time."""
    said = alarm.calls.aggregate(steps=Max("step"), last=Max("called_at"))
    if said["last"] is None:
        return at - alarm.last_at <= timedelta(minutes=duty.within_minutes) and mute_of(alarm, at) is None
    over = at - said["last"] >= timedelta(minutes=duty.next_after_minutes)
    return over and said["steps"] + 1 < duty.most_calls and mute_of(alarm, at) is None


def _call(alarm: Alarm, at: datetime) -> bool:
    """Call the next of the chain, and with the first call the shop's owner. Returns: whether there is anybody."""
    merchant = Merchant.objects.get(pk=alarm.device.merchant_id)
    chain = whom(merchant, at)
    if not chain:
        log.error("duty.nobody", alarm=alarm.pk)
        return False
    last = alarm.calls.aggregate(step=Max("step"))["step"]
    step = 0 if last is None else last + 1
    people = [chain[step % len(chain)], *(owners(merchant) if step == 0 else [])]
    DutyCall.objects.bulk_create(
        DutyCall(alarm=alarm, step=step, person_id=person, called_at=at) for person in dict.fromkeys(people)
    )
    scope = scope_of(merchant)
    said = {"code": alarm.code, "rule": alarm.code, "step": step, "people": people}
    record(CALLED, "alarm", alarm.pk, at=at, scope=scope, reference=said)
    transaction.on_commit(_tell_now)
    return True


def _tell_now() -> None:
    """Have the journal read at once, not at the next minute."""
    with suppress(AlreadyEnqueued):
        app.configure_task(TELLING, lock="notices.tell", queueing_lock="notices.tell").defer(timestamp=int(time.time()))


def owners(merchant: Merchant) -> list[int]:
    """Who answers for the shop."""
    bonds = Bond.objects.filter(merchant_id=merchant.pk, kind=Bond.Kind.OWNER, ended_at=None, user__is_active=True)
    return list(bonds.order_by("pk").values_list("user_id", flat=True))


def whom(merchant: Merchant, at: datetime) -> list[int]:
    """Whom an alarm of this shop calls, in order: the town's roster, the county's, then whoever dispatches there."""
    units = [*units_of(UnitKind.TOWN, merchant.town), *units_of(UnitKind.COUNTY_OFFICE)]
    on_duty = [turn.person_id for unit in units for turn in turns(unit, at)]
    people = dict.fromkeys([*on_duty, *(person for unit in units for person in _dispatchers(unit, at))])
    away = deputies(people, at)
    there = dict.fromkeys(deputy for person in people if (deputy := away.get(person, person)) is not None)
    able = set(callable_people(at).filter(pk__in=there).values_list("pk", flat=True))
    return [person for person in there if person in able]


def units_of(kind: UnitKind, town: str = "") -> list[Unit]:
    """The units of this kind, of this town if one is named."""
    found = Unit.objects.filter(kind=kind, active=True).order_by("id")
    return list(found.filter(town=town) if town else found if kind == UnitKind.COUNTY_OFFICE else found.none())


def _dispatchers(unit: Unit, at: datetime) -> list[int]:
    roles = [role.id for role in in_force().catalogues.roles if DISPATCHES in role.may]
    posts = Post.objects.filter(Post.held_at(at), unit=unit, role__in=roles, user__is_active=True)
    return list(posts.order_by("since", "id").values_list("user_id", flat=True))
