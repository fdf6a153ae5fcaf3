"""Merchants from a list, row by row: each is made, changed, found unchanged, or refused with field, value and mend.

One bad row never blocks the others; a second run of the same list changes nothing. `lingxiu import merchants` and the
import page call `import_file` and `import_table`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lingxiu.china.identifiers import normalise
from lingxiu.merchants import sheets
from lingxiu.merchants.forms import FOOD_LICENCE, DossierForm, choices, initial_of
from lingxiu.merchants.models import Merchant, Scale, Source, Status
from lingxiu.merchants.sheets import Cells, FileRefused, Table
from lingxiu.merchants.words import listed
from lingxiu.policy.queries import in_force

__all__ = [
    "FileRefused",
    "Outcome",
    "Report",
    "Row",
    "import_file",
    "import_table",
    "read_list",
    "refused_sheet",
    "template",
    "write_refused",
]

CHUNK = 100
Advance = Callable[[int, int], None]


class Outcome(StrEnum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


OUTCOMES: dict[Outcome, str | Promise] = {
    Outcome.CREATED: gettext_lazy("new"),
    Outcome.UPDATED: gettext_lazy("changed"),
    Outcome.UNCHANGED: gettext_lazy("unchanged"),
    Outcome.REFUSED: gettext_lazy("refused"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the list and what became of it: `details` are the changed fields, or the mistakes."""

    number: int
    name: str
    outcome: Outcome
    details: tuple[str, ...] = ()
    cells: tuple[Any, ...] = ()

    @property
    def word(self) -> str:
        return str(OUTCOMES[self.outcome])

    def line(self) -> str:
        """As the command line prints it."""
        where, told = _("row %d") % self.number, "; ".join(self.details)
        return f"{where}: {self.word} {self.name} — {told}" if told else f"{where}: {self.word} {self.name}"


@dataclass(slots=True)
class Report:
    """What became of a list."""

    table: Table
    dry_run: bool
    rows: list[Row] = field(default_factory=list)

    def of(self, outcome: Outcome) -> list[Row]:
        return [row for row in self.rows if row.outcome == outcome]

    @property
    def refused(self) -> list[Row]:
        return self.of(Outcome.REFUSED)

    @property
    def summary(self) -> list[tuple[str, int]]:
        """How many of each, in words."""
        return [(str(word), len(self.of(outcome))) for outcome, word in OUTCOMES.items()]

    def lines(self) -> list[str]:
        """Every row of a dry run, else the refused ones; then the columns nobody read; then the sums."""
        told = self.rows if self.dry_run else self.refused
        lines = [row.line() for row in told]
        if self.table.unused:
            lines.append(_("Columns not used: %s") % listed(self.table.unused))
        lines.append(" · ".join(f"{word} {count}" for word, count in self.summary))
        if self.dry_run:
            lines.append(_("Nothing was written: this was a dry run."))
        return lines


def import_file(
    path: Path,
    *,
    dry_run: bool,
    coordinates: str,
    at: datetime,
    advance: Advance | None = None,
    by: int | None = None,
) -> Report:
    """Take a list in from a file. Raises FileRefused.

    Args:
        coordinates: the system the list's positions are in: wgs84, gcj02, bd09.
        advance: told (done, total) after every chunk.
    """
    return import_table(sheets.read(path), dry_run=dry_run, coordinates=coordinates, at=at, advance=advance, by=by)


def read_list(data: bytes, name: str) -> Table:
    """An uploaded list. Raises FileRefused."""
    return sheets.read_bytes(data, name)


def import_table(
    table: Table,
    *,
    dry_run: bool,
    coordinates: str,
    at: datetime,
    advance: Advance | None = None,
    by: int | None = None,
    towns: frozenset[str] | None = None,
) -> Report:
    """Take a list in. `towns`: where this person may enter merchants; None: anywhere in the county.

    A dry run does everything and takes it back, so that its report is what would happen.
    """
    report = Report(table, dry_run)
    taker = _Taker(table, coordinates, at, by, towns)
    rows = iter(table.rows)
    while chunk := list(islice(rows, CHUNK)):
        with transaction.atomic():
            report.rows += [taker.take(number, cells) for number, cells in chunk]
            transaction.set_rollback(dry_run)
        if advance is not None:
            advance(len(report.rows), len(table.rows))
    return report


class _Taker:
    """Takes rows in, one after the other, and remembers which merchants the list has named already."""

    def __init__(
        self, table: Table, coordinates: str, at: datetime, by: int | None, towns: frozenset[str] | None
    ) -> None:
        self.table, self.coordinates, self.at, self.by, self.towns = table, coordinates, at, by, towns
        self.named: dict[tuple[str, str], int] = {}
        self.ids = _ids_of_words()

    def take(self, number: int, cells: Cells) -> Row:
        """One row. What it writes is taken back if it is refused half-way."""
        values = self._understood(self.table.values(cells))
        name = values.get("name", "")
        earlier = self._earlier_row(values, number)
        if earlier is not None:
            return _refused(number, name, [_("names the same merchant as row %d") % earlier], cells)
        merchant = _existing(values)
        form = DossierForm(_filled(merchant, values, self.coordinates), instance=merchant)
        changed: list[str] | None = None
        if form.is_valid():
            changed = form.enter(source=Source.IMPORT, at=self.at, by=self.by, towns=self.towns)
        if changed is None:
            return _refused(number, name, list(_mistakes(form, values)), cells)
        if merchant is None:
            return Row(number, name, Outcome.CREATED)
        outcome = Outcome.UPDATED if changed else Outcome.UNCHANGED
        return Row(number, name, outcome, tuple(str(form.fields[column].label) for column in changed))

    def _understood(self, values: dict[str, str]) -> dict[str, str]:
        """Words of the list in ours: kinds by their label in either language, scales, yes and no."""
        return {column: self.ids.get(column, {}).get(said.lower(), said) for column, said in values.items()}

    def _earlier_row(self, values: dict[str, str], number: int) -> int | None:
        """The row that named this merchant before. One without licence and address is no merchant yet: it is refused later."""
        licence = normalise(values.get("licence_no", ""))
        key = (licence, "") if licence else (values.get("name", ""), values.get("address", ""))
        if not licence and not all(key):
            return None
        first = self.named.setdefault(key, number)
        return None if first == number else first


def _ids_of_words() -> dict[str, dict[str, str]]:
    """For each column of choices: what it may say, in lower case → our id."""
    kinds = in_force().catalogues.kinds
    ids = {
        column: {name: ours for ours, names in words.items() for name in [ours, *names]}
        for column, words in sheets.WORDS.items()
    }
    for column, rows in (("kind", kinds.merchants), ("licence_kind", kinds.licences)):
        ids[column] = {name.lower(): row.id for row in rows for name in (row.id, row.label.zh, row.label.en)}
    return ids


def _existing(values: dict[str, str]) -> Merchant | None:
    """The merchant a row means: by its licence number, else by name and address where no other licence contradicts."""
    number = values.get("licence_no", "")
    if number:
        spelled = {number, normalise(number)}
        found = Merchant.objects.filter(licence_no__in=spelled)
        kind = values.get("licence_kind") or (FOOD_LICENCE if normalise(number).startswith("JY") else "")
        if (merchant := (found.filter(licence_kind=kind) if kind else found).first()) is not None:
            return merchant
    same = Merchant.objects.filter(name=values.get("name", ""), address=values.get("address", ""))
    return same.filter(licence_no="").first() if number else same.first()


def _filled(merchant: Merchant | None, values: dict[str, str], coordinates: str) -> dict[str, Any]:
    """The form as if a person had typed the row over what is known: what the list does not say stays."""
    defaults = {"status": Status.OPEN, "in_built_up": "true", "reference_stoves": "1", "kind": ""}
    known = defaults if merchant is None else initial_of(merchant)
    moved = {"lng", "lat"} & values.keys()
    if "reference_stoves" in values and "scale" not in values:
        known.pop("scale", None)
    system = {"coordinates": coordinates if moved else "wgs84"}
    return {key: value for key, value in known.items() if value is not None} | values | system


def _mistakes(form: DossierForm, values: dict[str, str]) -> Iterator[str]:
    """Every mistake of a row: the field, what it says, and what is wrong with it."""
    for column, errors in form.errors.items():
        label = str(form.fields[column].label) if column in form.fields else ""
        said = values.get(column, "")
        for error in errors:
            named = f"{label} “{said}”" if said and f"“{said}”" not in str(error) else label
            yield f"{named} {error}".strip()


def _refused(number: int, name: str, mistakes: list[str], cells: Cells) -> Row:
    return Row(number, name, Outcome.REFUSED, tuple(mistakes), tuple(cells))


# ── sheets out ───────────────────────────────────────────────────────────────────────────────────────────────────


def refused_sheet(report: Report) -> bytes:
    """The refused rows as they came, and what is wrong with each in a column of its own; mended, it can be taken in again."""
    wide = len(report.table.header)
    rows = [
        [*row.cells[:wide], *[""] * (wide - len(row.cells)), "\n".join(row.details)]
        for row in report.refused
    ]  # fmt: skip
    return sheets.write([*report.table.header, _("Errors")], rows)


def write_refused(report: Report, path: Path) -> None:
    """Write the refused rows beside the list."""
    path.write_bytes(refused_sheet(report))


def template() -> bytes:
    """An empty list with our headings, and on a second sheet what each may say."""
    kinds = in_force().catalogues.kinds
    offered = {
        "kind": [text for _id, text in choices(kinds.merchants)],
        "licence_kind": [text for _id, text in choices(kinds.licences)],
        "status": [str(text) for _id, text in Status.choices],
        "scale": [str(text) for _id, text in Scale.choices],
        "in_built_up": [_("yes"), _("no")],
    }
    form = DossierForm()
    notes = [(names[0], _note(form, column, offered.get(column, []))) for column, names in sheets.COLUMNS.items()]
    return sheets.write([names[0] for names in sheets.COLUMNS.values()], [], notes)


def _note(form: DossierForm, column: str, offered: list[str]) -> str:
    parts = [str(form.fields[column].label), _("required") if form.fields[column].required else ""]
    return " · ".join(part for part in [*parts, listed(offered)] if part)
