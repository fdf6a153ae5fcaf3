"""权力事项 as the county's own list (权责清单) has them: a table of codes brought into `powers.yaml`, each mistake by row and field.

Never guesses a code, a level or what was given to the towns: what a cell does not say stays as the law book has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import yaml

from lingxiu.policy.schema.violations import Violation

HEADINGS: dict[str, str] = {
    "id": "编号",
    "code": "权力事项编码",
    "name": "权力事项名称",
    "level": "行使层级",
    "given": "赋权镇街",
    "since": "赋权起始日",
    "until": "赋权截止日",
}
"""The columns, as the template has them; `id` is the law book's number, the others as the county's list prints them."""
LEVELS = {"县": "county", "县级": "county", "镇": "town", "镇街": "town", "乡镇（街道）": "town", "乡镇": "town"}
YES_NO = {"是": True, "否": False}
LABEL = "问题"
"""A column of the template for the reader's eye; what stands in it is not read."""
LONGEST = {"code": 60, "name": 200}


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong in a cell, and what mends it."""

    row: int
    field: str
    words: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.field}: {self.words}"


class PowersRefused(Exception):
    """A table that cannot be brought in. `mistakes`: all of them."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = list(mistakes)


def with_power(violations: Iterable[Violation]) -> list[Violation]:
    """Those that are handled under an item of the list of powers."""
    return [row for row in violations if row.kind == "finding" and row.power is not None]


def template(violations: Iterable[Violation]) -> list[list[str]]:
    """The table to fill in: every item, with what is known of it."""
    return [[LABEL, *HEADINGS.values()], *(_line(row) for row in with_power(violations))]


def _line(row: Violation) -> list[str]:
    power = row.power
    assert power is not None  # `with_power`
    given = power.to_town
    days = [day.isoformat() if day else "" for day in (given.since, given.until)]
    return [
        row.label.zh,
        row.id,
        power.code,
        power.name,
        "县" if power.level == "county" else "镇",
        "是" if given.given else "否",
        *days,
    ]


def read(table: Sequence[Sequence[str]], violations: Iterable[Violation]) -> list[dict[str, Any]]:
    """The rows of `powers.yaml`. A row without a code says nothing, and is passed over. Raises: PowersRefused."""
    known = {row.id for row in with_power(violations)}
    if not table:
        raise PowersRefused([Mistake(1, HEADINGS["id"], "the table is empty: fill in the template")])
    columns = {name: table[0].index(head) for name, head in HEADINGS.items() if head in table[0]}
    missing = [HEADINGS[name] for name in ("id", "code") if name not in columns]
    if missing:
        raise PowersRefused(
            [Mistake(1, head, "there is no such column: keep the headings of the template") for head in missing]
        )
    mistakes: list[Mistake] = []
    found: dict[str, dict[str, Any]] = {}
    for number, cells in enumerate(table[1:], start=2):
        said = {name: cells[place].strip() if place < len(cells) else "" for name, place in columns.items()}
        if not said.get("code"):
            continue
        row = _row(number, said, known, mistakes)
        if row["id"] in found:
            mistakes.append(Mistake(number, HEADINGS["id"], f"{row['id']} stands above already: keep one row of it"))
        found[row["id"]] = row
    if mistakes:
        raise PowersRefused(mistakes)
    return list(found.values())


def _row(number: int, said: Mapping[str, str], known: set[str], mistakes: list[Mistake]) -> dict[str, Any]:
    def wrong(name: str, words: str) -> None:
        mistakes.append(Mistake(number, HEADINGS[name], f"{words} (found {said.get(name, '')[:40]!r})"))

    if said["id"] not in known:
        wrong("id", "the law book has no item of this number that is handled under a power: take it from the template")
    for name, most in LONGEST.items():
        if len(said.get(name, "")) > most:
            wrong(name, f"longer than {most} characters: write what the list prints")
    row: dict[str, Any] = {"id": said["id"], "code": said["code"], "confidence": "S"}
    if said.get("name"):
        row["name"] = said["name"]
    if said.get("level"):
        row["level"] = _one_of(LEVELS, "level", said, wrong)
    if given := _to_town(said, wrong):
        row["to_town"] = given
    return row


def _to_town(said: Mapping[str, str], wrong: Callable[[str, str], None]) -> dict[str, Any]:
    if not said.get("given"):
        for name in ("since", "until"):
            if said.get(name):
                wrong(name, f"a day needs {HEADINGS['given']}: write 是 or 否 there")
        return {}
    given: dict[str, Any] = {"given": _one_of(YES_NO, "given", said, wrong), "confidence": "S"}
    since, until = (_day(name, said[name], wrong) if said.get(name) else None for name in ("since", "until"))
    if since and until and since > until:
        wrong("until", "lies before the day it begins")
    return given | ({"since": since} if since else {}) | ({"until": until} if until else {})


def _one_of(words: Mapping[str, Any], name: str, said: Mapping[str, str], wrong: Callable[[str, str], None]) -> Any:
    if said[name] not in words:
        wrong(name, f"write one of {'、'.join(words)}")
    return words.get(said[name])


def _day(name: str, text: str, wrong: Callable[[str, str], None]) -> date | None:
    try:
        return date.fromisoformat(text[:10].replace("/", "-"))
    except ValueError:
        wrong(name, "no day: write it as 2026-03-05")
        return None


def written(rows: Sequence[Mapping[str, Any]], source: str) -> str:
    """`powers.yaml` of these rows; `source`: which list they are from."""
    head = f"# 权力事项 of the county's own list, by the law book's numbers; brought in from {source}.\n"
    return head + yaml.safe_dump(list(rows), allow_unicode=True, sort_keys=False)


def merged(violations: Any, powers: Any) -> Any:
    """What the violations' rows say, with the county's own items in place of what they say of the power. Plain values, unchecked:
    what is no list of rows stays as it is, for the checker to name."""
    if not isinstance(violations, list) or not isinstance(powers, list):
        return violations
    own = {str(row.get("id")): row for row in powers if isinstance(row, dict)}
    return [_with(row, own.get(str(row.get("id")))) if isinstance(row, dict) else row for row in violations]


def _with(violation: dict[str, Any], power: dict[str, Any] | None) -> dict[str, Any]:
    if power is None or not isinstance(violation.get("power"), dict):
        return violation
    said = {name: value for name, value in power.items() if name != "id"}
    return {**violation, "power": {**violation["power"], **said}}


def without_code(violations: Iterable[Violation]) -> Iterator[str]:
    """Items whose code nobody has entered."""
    return (row.id for row in with_power(violations) if row.power and not row.power.code)
