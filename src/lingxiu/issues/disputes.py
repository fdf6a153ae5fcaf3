"""What of the joint flow pages and papers show: each objection beside the lead's reply and the county's decision; units and
days that a move names. Reads what it is given, and decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Assignment, MoveRow

OBJECTED = frozenset({Assignment.Outcome.OBJECTED, Assignment.Outcome.UPHELD, Assignment.Outcome.RELEASED})
NAMING = frozenset({Move.INVOLVE, Move.SET_DUE, Move.REPLY, Move.SETTLE, Move.HAND_BACK, Move.RELEASE})
"""Moves of the joint flow that somebody makes who is of another unit than those it is about."""


@dataclass(frozen=True, slots=True)
class Dispute:
    """An objection (`part.words`), the lead's reply (`part.answer`), and what the county decided, if it has."""

    part: Assignment
    decision: MoveRow | None

    @property
    def is_open(self) -> bool:
        """Whether the county has not settled it."""
        return self.part.outcome == Assignment.Outcome.OBJECTED


def disputes(parts: Iterable[Assignment], moves: Iterable[MoveRow]) -> list[Dispute]:
    """All objections of an issue, in the order in which the parts were given."""
    settled = sorted((row for row in moves if row.move == Move.SETTLE), key=lambda row: row.version)
    objected = [part for part in parts if part.state == Assignment.State.DONE and part.outcome in OBJECTED]
    return [Dispute(part, _decision(part, settled)) for part in objected]


def _decision(part: Assignment, settled: Iterable[MoveRow]) -> MoveRow | None:
    """The first one on this unit since it objected."""
    if part.outcome == Assignment.Outcome.OBJECTED or part.ended_at is None:
        return None
    at = part.ended_at
    return next((row for row in settled if row.at >= at and part.unit_id in row.data.get("units", ())), None)


def told_lines(row: MoveRow, names: Mapping[int, str]) -> list[tuple[str, str]]:
    """Which units a move of the joint flow is about, what was decided of them, and by when their parts are due, by label."""
    if row.move not in NAMING:
        return []
    units = [names[unit] for unit in row.data.get("units", ()) if unit in names]
    outcome = row.data.get("outcome", "") if row.move == Move.SETTLE else ""
    due = row.data.get("due", "")
    lines = [
        (_("Units working along"), " · ".join(units)),
        (_("Decision"), str(dict(Assignment.Outcome.choices).get(outcome, ""))),
        (_("Their part due"), _clock(due) if due else ""),
    ]
    return [line for line in lines if line[1]]


def names_of(parts: Sequence[Assignment]) -> dict[int, str]:
    """Unit id → name, of the units that have or had a part."""
    return {part.unit_id: part.unit.name for part in parts}


def _clock(text: str) -> str:
    return f"{timezone.localtime(datetime.fromisoformat(text)):%Y-%m-%d %H:%M}"
