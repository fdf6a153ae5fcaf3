"""Facts and ratings as they stand in the database, there and back. Decides nothing."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeAlias

from lingxiu.rating.scoring import Facts, Heard, Hold, Inputs, Part

Json: TypeAlias = dict[str, Any]


def facts_as_json(facts: Facts) -> Json:
    """Facts as JSON: dates as text, tuples as lists."""
    return {
        "day": facts.day.isoformat(),
        "scale": facts.scale,
        "devices": [_heard_as_json(heard) for heard in facts.devices],
        "cleaned_on": _text(facts.cleaned_on),
        "emptied_on": _text(facts.emptied_on),
        "first_handover_on": _text(facts.first_handover_on),
        "handovers": facts.handovers,
        "findings": {task: list(numbers) for task, numbers in (facts.findings or {}).items()},
        "complaints": list(facts.complaints),
        "self_checked": _text(facts.self_checked),
        "vetoes": list(facts.vetoes),
        "previous_level": facts.previous_level,
    }


def facts_from(kept: Json) -> Facts:
    """The facts a score was computed from."""
    return Facts(
        day=date.fromisoformat(kept["day"]),
        scale=kept["scale"],
        devices=tuple(Heard(**heard) for heard in kept["devices"]),
        cleaned_on=_date(kept["cleaned_on"]),
        emptied_on=_date(kept["emptied_on"]),
        first_handover_on=_date(kept["first_handover_on"]),
        handovers=kept["handovers"],
        findings={task: tuple(numbers) for task, numbers in kept["findings"].items()},
        complaints=tuple(kept["complaints"]),
        self_checked=_date(kept["self_checked"]),
        vetoes=tuple(kept["vetoes"]),
        previous_level=kept["previous_level"],
    )


def part_as_json(part: Part) -> Json:
    """A dimension as the page explains it."""
    return {
        "id": part.id,
        "rule": part.rule,
        "weight": part.weight,
        "points": part.points,
        "why": part.why,
        "inputs": _plain(part.inputs),
    }


def hold_as_json(hold: Hold) -> Json:
    """What holds a level down, as the page explains it."""
    return {"by": hold.by, "inputs": _plain(hold.inputs)}


def _heard_as_json(heard: Heard) -> Json:
    return {name: getattr(heard, name) for name in Heard.__slots__}


def _plain(inputs: Inputs) -> Json:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in inputs.items()}


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
