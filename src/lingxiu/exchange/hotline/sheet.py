"""The centre's list as a table: title, one or two header rows, rows; which column is what. Never touches the database."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import xlsxwriter
import yaml
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from lingxiu.merchants.words import listed
from lingxiu.merchants.workbook import MOST_CELLS, MOST_COLUMNS, MOST_ROWS, Reason, Rows, WorkbookRefused, read_rows

MOST_BYTES = 30 * 1024 * 1024
HEADER_WITHIN = 20  # rows: a title and remarks often stand above it
HEADER_NEEDS = 3  # columns that are known, the number among them

_NAMES = yaml.safe_load(Path(__file__).with_name("columns.yaml").read_text(encoding="utf-8"))
COLUMNS: dict[str, list[str]] = _NAMES["columns"]
VIOLATIONS: dict[str, list[str]] = _NAMES["violations"]
OURS = ("number", "state", "found_true", "answer", "progress", "answered_at", "due_here", "error")
"""The columns we write. The centre's own due time is not among them: it is read, and stays as it came."""

TOO_MANY = gettext_noop("%(name)s has more than %(rows)d rows or %(columns)d columns. Split it.")
REFUSALS: dict[Reason, str] = {
    "unreadable": gettext_noop("%(name)s cannot be read as a workbook. Open it, save it as .xlsx, and try again."),
    "unpacks": gettext_noop("%(name)s unpacks to more than a list of orders can be. Split it."),
    "too_many": TOO_MANY,
}
NO_HEADER = gettext_noop(
    "%(name)s has no header. Among its first %(rows)d rows one or two must name the columns, the order's number among them; "
    "known: %(known)s."
)


class FileRefused(Exception):
    """A file that cannot be read as a list of orders; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Table:
    """A list. `above`: its rows down to the last of the header, as they stand; `fields`: what each column is (None: not
    used); `rows`: those below, with their numbers."""

    above: Rows
    fields: list[str | None]
    rows: list[tuple[int, list[str]]]

    @property
    def unused(self) -> list[str]:
        """Headings we do not know."""
        header = self.above[-1]
        return [head for head, field in zip(header, self.fields, strict=False) if head and field is None]

    def values(self, cells: Sequence[str]) -> dict[str, str]:
        """A row by field; empty cells are left out."""
        said = {field: cell.strip() for field, cell in zip(self.fields, cells, strict=False) if field}
        return {field: value for field, value in said.items() if value}


def read(data: bytes, name: str) -> Table:
    """A file's content as a table; its name says what it is. Raises FileRefused."""
    if len(data) > MOST_BYTES:
        raise FileRefused(
            _("%(name)s is larger than %(most)d MB. Split it.") % {"name": name, "most": MOST_BYTES >> 20}
        )
    suffix = Path(name).suffix.lower()
    if suffix in (".xlsx", ".xlsm", ".xls", ".ods", ".et"):
        return _table(_workbook(data, name), name)
    if suffix in (".csv", ".txt"):
        return _table(_separated(data, name), name)
    raise FileRefused(_("%(name)s is neither .xlsx nor .csv. Save the list as one of them.") % {"name": name})


def _workbook(data: bytes, name: str) -> Rows:
    try:
        return read_rows(data, as_exported=True)
    except WorkbookRefused as refused:
        bounds = {"name": name, "rows": MOST_ROWS, "columns": MOST_COLUMNS}
        raise FileRefused(_(REFUSALS[refused.reason]) % bounds) from refused


def _separated(data: bytes, name: str) -> Rows:
    """Rows of a csv, in UTF-8 or the national encoding."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            content = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise FileRefused(_("%(name)s is neither UTF-8 nor GBK. Save it as “CSV UTF-8”.") % {"name": name})
    if content.count("\n") > MOST_ROWS or content.count(",") > MOST_CELLS:
        bounds = {"name": name, "rows": MOST_ROWS, "columns": MOST_COLUMNS}
        raise FileRefused(_(TOO_MANY) % bounds)
    try:
        return list(csv.reader(io.StringIO(content.replace("\0", ""), newline="")))
    except csv.Error as error:
        raise FileRefused(_("%(name)s is no csv: %(why)s.") % {"name": name, "why": error}) from error


# ── the header ───────────────────────────────────────────────────────────────────────────────────────────────────


def _table(rows: Rows, name: str) -> Table:
    """The best header of one row or two: the one that names most columns; of equals the shorter, then the higher."""
    best: tuple[int, int, list[str | None]] = (0, 0, [])
    for top in range(min(HEADER_WITHIN, len(rows))):
        for height in (1, 2):
            fields = _fields(rows[top : top + height])
            known = len(set(fields) - {None})
            if "own_number" in fields and known > best[0]:
                best = (known, top + height, fields)
    known, below, fields = best
    if known < HEADER_NEEDS:
        told = listed(names[0] for field, names in COLUMNS.items() if field not in OURS)
        raise FileRefused(_(NO_HEADER) % {"name": name, "rows": HEADER_WITHIN, "known": told})
    said = [(number, cells) for number, cells in enumerate(rows[below:], start=below + 1) if any(map(str.strip, cells))]
    return Table(rows[:below], fields, said)


def _fields(header: Rows) -> list[str | None]:
    """What each column is, by its lowest heading that we know. Of two columns that are the same the first counts."""
    wide = max(map(len, header), default=0)
    found: list[str | None] = []
    for column in range(wide):
        headings = [row[column] for row in reversed(header) if column < len(row)]
        field = next((_FIELD_OF[plain] for plain in map(_plain, headings) if plain in _FIELD_OF), None)
        found.append(field if field not in found else None)
    return found


def _plain(heading: str) -> str:
    """A heading without what differs between lists: blanks, stars for required, brackets' width, case."""
    table = str.maketrans({"（": "(", "）": ")", "*": "", "＊": "", " ": "", "\n": "", ":": "", "：": ""})
    return heading.translate(table).lower()


_FIELD_OF = {_plain(name): field for field, names in COLUMNS.items() for name in names}


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def write(above: Rows, rows: Iterable[Sequence[str]]) -> bytes:
    """A workbook of texts; the header stays in sight."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options) as book:
        bold, plain = book.add_format({"bold": True, "text_wrap": True}), book.add_format({"num_format": "@"})
        page = book.add_worksheet()
        page.freeze_panes(len(above), 0)
        page.set_column(0, max(map(len, above), default=1), 18, plain)
        for number, cells in enumerate([*above, *rows]):
            for column, cell in enumerate(cells):
                page.write_string(number, column, cell, bold if number < len(above) else plain)
    return out.getvalue()


def with_columns(table: Table, written: dict[int, dict[str, str]]) -> bytes:
    """The list as it came, our columns filled: where it has one of that name there, else to its right.

    Args:
        written: row number → what stands in our columns.
    """
    place = {field: column for column, field in enumerate(table.fields) if field in OURS}
    wide = max(len(table.fields), *(len(cells) for _number, cells in table.rows), 0)
    for field in OURS:
        place.setdefault(field, wide + len([one for one in place.values() if one >= wide]))
    width = max(place.values()) + 1
    above = [_wide(cells, width) for cells in table.above]
    for field, column in place.items():
        if column >= wide:
            above[-1][column] = COLUMNS[field][0]
    rows = []
    for number, cells in table.rows:
        row = _wide(cells, width)
        for field, value in written.get(number, {}).items():
            row[place[field]] = value
        rows.append(row)
    return write(above, rows)


def _wide(cells: Sequence[str], width: int) -> list[str]:
    return [*cells, *[""] * (width - len(cells))]
