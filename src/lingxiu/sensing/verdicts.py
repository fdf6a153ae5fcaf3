"""How forecasts turned out: by readings and records, or by what a person did with the issue of one.

What people find wins over what readings say; a forecast is judged by what it first said, however it was revised since.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from lingxiu.issues.actions.moving import move_by_itself
from lingxiu.issues.lifecycle import Move, Result, State
from lingxiu.issues.models import Issue
from lingxiu.issues.writing import Brought
from lingxiu.journal.models import Entry
from lingxiu.journal.queries import follow
from lingxiu.sensing import foresight
from lingxiu.sensing.foresight import Numbers, Verdict
from lingxiu.sensing.foretelling import tell
from lingxiu.sensing.models import Device, Forecast
from lingxiu.sensing.past import Past

READER: Final = "sensing.forecasts"
Kind = Forecast.Kind
_NOT_SO: Final = frozenset({Result.NOT_FOUND, Result.DEVICE_FAULT})
CLOSED: Final = "issue.closed"
_HEARD: Final = {
    "issue.confirmed": Forecast.Outcome.RIGHT,
    "issue.dismissed": Forecast.Outcome.WRONG,
    CLOSED: Forecast.Outcome.RIGHT,
}
"""The moves of people that settle a forecast; a closed issue by its result."""


def verdict_of(forecast: Forecast, past: Past) -> Verdict | None:
    """What readings and records say of an open forecast. It is judged by what it first said."""
    said, rule, device = forecast.inputs["said"], past.rule(forecast.kind), forecast.device
    said_on = date.fromisoformat(said["on"])
    until = date.fromisoformat(said["due_to"]) + timedelta(days=rule.grace_days)
    figures = past.figures(device.pk, forecast.kind)
    passed = {
        past.day(int(place))
        for values, limit in figures.values()
        for place in np.flatnonzero(np.nan_to_num(values, nan=-np.inf) >= limit)
    }
    heard = {past.day(int(place)) for values, _limit in figures.values() for place in np.flatnonzero(~np.isnan(values))}
    alarms = past.alarm_days(device.pk, forecast.kind)
    if forecast.kind == Kind.DEVICE_FAILING:
        passed |= set(alarms)  # each of them is a failure by itself
    anew = {*past.anew[device.pk, forecast.kind], *_falls(forecast, past, figures)}
    if device.pk in past.arrived:
        anew.add(timezone.localdate(past.arrived[device.pk]))
    if device.state == Device.State.RETIRED:
        anew.add(past.today - timedelta(days=1))
    return foresight.judge(said_on, until, past.today, passed=passed, alarms=alarms, anew=anew, heard=heard)


def _falls(forecast: Forecast, past: Past, figures: Mapping[str, tuple[Numbers, float]]) -> Iterator[date]:
    """Cleanings and emptyings nobody wrote down, as the figures show them."""
    if "cooking" in figures:
        place = foresight.last_fall(figures["cooking"][0], past.ahead.fouling.drop_share)
    elif "level" in figures:
        drop = past.ahead.trap.emptied_drop_pct
        place = foresight.last_step_down(foresight.without_spikes(figures["level"][0], drop), drop)
    else:
        place = 0
    if place:
        yield past.day(place)


def end(
    forecast: Forecast,
    outcome: Forecast.Outcome,
    *,
    at: datetime,
    on: date | None = None,
    why: str,
    by: int | None = None,
) -> None:
    """It turned out so. Its issue, if nobody has looked at it yet and there is nothing left to look at, is let go."""
    with transaction.atomic():
        forecast.outcome, forecast.outcome_at, forecast.outcome_by = outcome, at, by
        forecast.inputs = {**forecast.inputs, "why": why, "came_on": str(on) if on else None}
        forecast.save(update_fields=["outcome", "outcome_at", "outcome_by", "inputs"])
        tell("forecast.ended", forecast, at, by)
        if by is None and outcome != Forecast.Outcome.RIGHT:
            _let_go(forecast, at)


def _let_go(forecast: Forecast, at: datetime) -> None:
    """The predicted issue is dismissed by itself when no other open forecast stands behind it."""
    others = Forecast.objects.filter(issue_number=forecast.issue_number, outcome=Forecast.Outcome.OPEN)
    if not forecast.issue_number or others.exists():
        return
    waiting = Issue.objects.filter(number=forecast.issue_number, state=State.PREDICTED)
    issue = waiting.select_for_update().first()
    if issue is not None:
        with translation.override(settings.LANGUAGE_CODE):
            words = _("The forecast is over: what was expected did not come, or was seen to first.")
        move_by_itself(issue, Move.DISMISS, at=at, brought=Brought(words=words))


def listen(at: datetime) -> int:
    """Read from the journal what people did with predicted issues. Returns: how many forecasts that settled. May run twice."""
    settled = 0

    def hear(entries: list[Entry]) -> None:
        nonlocal settled
        settled += settle(entries, at)

    while follow(READER, hear):
        pass
    return settled


def settle(entries: Iterable[Entry], at: datetime) -> int:
    """What these entries of the journal mean for forecasts. The person on the spot has the last word, after the desk's."""
    moves = [entry for entry in entries if entry.kind in _HEARD]
    numbers = {entry.subject_id for entry in moves}
    of_issue: dict[str, list[Forecast]] = defaultdict(list)
    for forecast in Forecast.objects.select_related("device", "device__merchant").filter(
        issue_number__in=numbers - {""}
    ):
        of_issue[forecast.issue_number].append(forecast)
    results = dict(Issue.objects.filter(number__in=of_issue).values_list("number", "result"))
    settled = 0
    for entry in moves:
        for forecast in of_issue[entry.subject_id]:
            outcome = _answer(entry.kind, forecast, results.get(entry.subject_id))
            if entry.actor_id is None or forecast.outcome == outcome:
                continue  # the system's own move is no answer
            if entry.kind != CLOSED and _was_over(forecast, entry.at):
                continue
            end(forecast, outcome, at=entry.at, why=entry.kind.removeprefix("issue."), by=entry.actor_id)
            settled += 1
    return settled


def _was_over(forecast: Forecast, at: datetime) -> bool:
    """Whether it had been settled by then: an answer given before readings ended it counts, however late it is heard of."""
    if forecast.outcome_at is None:
        return False
    return forecast.outcome_by is not None or forecast.outcome_at <= at


def _answer(kind: str, forecast: Forecast, result: str | None) -> Forecast.Outcome:
    """What a person's move says of a forecast; a closed issue by its result: a monitor that is ill was foretold by one kind only."""
    if kind == CLOSED and result in _NOT_SO and (forecast.kind, result) != (Kind.DEVICE_FAILING, Result.DEVICE_FAULT):
        return Forecast.Outcome.WRONG
    return _HEARD[kind]
