"""How often forecasts were right, by kind and by the quarter they were first said in. Counts, and changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np

from lingxiu.sensing.models import Forecast

Kind = Forecast.Kind


@dataclass(frozen=True, slots=True)
class HitRate:
    """How forecasts of a kind turned out. `warning`: median days from the first word to the day it came."""

    kind: str
    open: int
    right: int
    wrong: int
    lapsed: int
    warning: float | None

    @property
    def share(self) -> float | None:
        """Right ones of those that can be told, in per cent."""
        told = self.right + self.wrong
        return 100 * self.right / told if told else None

    @property
    def all(self) -> int:
        return self.open + self.right + self.wrong + self.lapsed


@dataclass(frozen=True, slots=True)
class Turned:
    """How one forecast turned out. `warning`: days from the first word to the day it came, where readings saw it come."""

    kind: str
    outcome: str
    said_on: date
    warning: int | None

    @property
    def quarter(self) -> tuple[int, int]:
        """Year and quarter it was first said in."""
        return self.said_on.year, (self.said_on.month + 2) // 3


def turned_out(device_ids: Collection[int] | Any, since: datetime) -> list[Turned]:
    """The forecasts of these devices made since then."""
    rows = Forecast.objects.filter(device__in=device_ids, made_at__gte=since)
    found = []
    for kind, outcome, said, came in rows.values_list("kind", "outcome", "inputs__said__on", "inputs__came_on"):
        said_on = date.fromisoformat(said)
        warned = outcome == Forecast.Outcome.RIGHT and came
        found.append(Turned(kind, outcome, said_on, (date.fromisoformat(came) - said_on).days if warned else None))
    return found


def rates_of(rows: Iterable[Turned]) -> list[HitRate]:
    """By kind."""
    counted: dict[tuple[str, str], int] = defaultdict(int)
    warnings: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        counted[row.kind, row.outcome] += 1
        if row.warning is not None:
            warnings[row.kind].append(row.warning)
    return [
        HitRate(
            kind, counted[kind, "open"], counted[kind, "right"], counted[kind, "wrong"], counted[kind, "lapsed"],
            float(np.median(warnings[kind])) if warnings[kind] else None,
        )
        for kind in Kind.values
    ]  # fmt: skip


def rates_by_quarter(rows: Iterable[Turned]) -> list[tuple[tuple[int, int], list[HitRate]]]:
    """By the quarter they were first said in, the newest first."""
    of_quarter: dict[tuple[int, int], list[Turned]] = defaultdict(list)
    for row in rows:
        of_quarter[row.quarter].append(row)
    return [(quarter, rates_of(of_quarter[quarter])) for quarter in sorted(of_quarter, reverse=True)]


def hit_rates(device_ids: Collection[int] | Any, since: datetime) -> list[HitRate]:
    """By kind, of the forecasts of these devices made since then."""
    return rates_of(turned_out(device_ids, since))
