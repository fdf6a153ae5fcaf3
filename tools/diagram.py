"""Draw docs/issues.md from the one table of moves: `python tools/diagram.py` writes it, a test holds it against the table."""

from __future__ import annotations

import sys
from pathlib import Path

from lingxiu.issues.lifecycle import LEVELS, MOVES, Level, Mark, Move, Rule, State

PAGE = Path(__file__).resolve().parents[1] / "docs" / "issues.md"
HEAD = """# How an issue moves

Drawn from `src/lingxiu/issues/lifecycle.py` by `python tools/diagram.py`; a test fails when the two differ. Buttons, the API and
the tests read the same table. Below, what changes the state; then every move, who may make it, and what stands in its way.

"""


def page() -> str:
    """The whole page."""
    return HEAD + _states() + "\n" + _table() + "\n" + _levels()


def _states() -> str:
    lines = [
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> received: report",
        "    [*] --> predicted: report (a forecast)",
    ]
    for state in State:
        by_target: dict[State, list[str]] = {}
        for rule in MOVES.values():
            if state in rule.come_from and rule.to is not None:
                by_target.setdefault(rule.to, []).append(rule.move.value.replace("_", " "))
        lines += [f"    {state} --> {to}: {', '.join(names)}" for to, names in by_target.items()]
    return "\n".join([*lines, "    closed --> [*]", "    dismissed --> [*]", "```", ""])


def _table() -> str:
    rows = ["| move | from | to | who | needs | only if | not while | room |", "|---|---|---|---|---|---|---|---|"]
    rows += [_row(rule) for rule in MOVES.values()]
    return "\n".join([*rows, ""])


def _row(rule: Rule) -> str:
    order = list(State)
    levels = "" if rule.levels == frozenset(Level) else f" ({', '.join(sorted(rule.levels))} level)"
    cells = [
        rule.move.value.replace("_", " ") + levels,
        ", ".join(state for state in order if state in rule.come_from),
        rule.to or "stays",
        ", ".join(sorted(rule.by)),
        ", ".join(sorted(need.value.replace("_", " ") for need in rule.needs)) or "–",
        (rule.only_if or "–").replace("_", " "),
        ", ".join(mark.value.replace("_", " ") for mark in Mark if mark in rule.unless) or "–",
        rule.room,
    ]
    return f"| {' | '.join(cells)} |"


def _levels() -> str:
    lines = ["## Levels", "", "| move | held by | from | to |", "|---|---|---|---|"]
    for (move, with_dispatcher, level), after in LEVELS.items():
        holder = "the dispatcher" if with_dispatcher else "whoever was given it"
        lines.append(f"| {Move(move)} | {holder} | {level} | {after} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} written\n")
