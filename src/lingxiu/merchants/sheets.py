"""Lists as people keep them, in and out: which column is what, whatever it is called; xlsx and csv; templates; refused rows.

Reads and writes tables of plain values. Never touches the database.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, cast

import xlsxwriter
import yaml
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from lingxiu.merchants.words import listed
from lingxiu.merchants.workbook import (
    MOST_CELLS,
    MOST_COLUMNS,
    MOST_ROWS,
    Reason,
    WorkbookRefused,
    read_rows,
    text,
)

Cells: TypeAlias = list[Any]

MOST_BYTES = 30 * 1024 * 1024
HEADER_WITHIN = 20  # rows: a title and a remark often stand above the header
HEADER_NEEDS = 3  # columns that are known, the name among them

NO_HEADER = gettext_noop(
    "%(name)s has no header row. Among its first %(rows)d rows one must name the columns, the shop's name among them; "
    "known: %(known)s."
)
UNREADABLE = gettext_noop("%(name)s cannot be read as a workbook. Open it, save it as .xlsx, and try again.")
UNPACKS = gettext_noop("%(name)s unpacks to more than a list of merchants can be. Split it.")
TOO_MANY = gettext_noop(
    "%(name)s has more than %(rows)d rows, %(columns)d columns, or more cells than a list can have. Copy the list alone "
    "into a new sheet, or split it."
)
REFUSALS: dict[Reason, str] = {"unreadable": UNREADABLE, "unpacks": UNPACKS, "too_many": TOO_MANY}

_NAMES = yaml.safe_load(Path(__file__).with_name("columns.yaml").read_text(encoding="utf-8"))
COLUMNS: dict[str, list[str]] = _NAMES["columns"]
WORDS: dict[str, dict[str, list[str]]] = _NAMES["words"]


class FileRefused(Exception):
    """A file that cannot be read as a list of merchants; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Table:
    """A list: the header as it stands, which of our fields each column is (None: not used), and the rows with their numbers."""

    header: list[str]
    fields: list[str | None]
    rows: list[tuple[int, Cells]]

    @property
    def unused(self) -> list[str]:
        """Headings we do not know."""
        return [head for head, field in zip(self.header, self.fields, strict=True) if head and field is None]

    def values(self, cells: Cells) -> dict[str, str]:
        """A row as text by field; empty cells are left out."""
        said = {field: text(cell) for field, cell in zip(self.fields, cells, strict=False) if field}
        return {field: value for field, value in said.items() if value}


def read(path: Path) -> Table:
    """Raises FileRefused."""
    return read_bytes(path.read_bytes(), path.name)


def read_bytes(data: bytes, name: str) -> Table:
    """A file's content as a table; its name says what it is. Raises FileRefused."""
    return _table(rows_of(data, name), name)


def rows_of(data: bytes, name: str) -> list[Cells]:
    """A file's rows as they stand. Raises FileRefused."""
    if len(data) > MOST_BYTES:
        most = MOST_BYTES // 1024 // 1024
        raise FileRefused(_("%(name)s is larger than %(most)d MB. Split it.") % {"name": name, "most": most})
    suffix = Path(name).suffix.lower()
    if suffix in (".xlsx", ".xlsm", ".xls", ".ods", ".et"):
        return _workbook(data, name)
    if suffix in (".csv", ".txt", ".tsv"):
        return _separated(data, name)
    raise FileRefused(_("%(name)s is neither .xlsx nor .csv. Save the list as one of them.") % {"name": name})


def write(header: Sequence[str], rows: Iterable[Sequence[Any]], notes: Iterable[Sequence[str]] = ()) -> bytes:
    """A workbook: a header that stays in sight, the rows as text, a second sheet of notes if there are any."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold, plain = book.add_format({"bold": True, "text_wrap": True}), book.add_format({"num_format": "@"})
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, max(len(header) - 1, 0), 18, plain)
        sheet.write_row(0, 0, header, bold)
        for number, row in enumerate(rows, start=1):
            for column, cell in enumerate(row):
                sheet.write_string(number, column, text(cell), plain)
        if lines := list(notes):
            beside = book.add_worksheet(_("Notes"))
            beside.set_column(0, 0, 24, bold)
            beside.set_column(1, 1, 90)
            for number, line in enumerate(lines):
                beside.write_row(number, 0, line)
    return out.getvalue()


def _workbook(data: bytes, name: str) -> list[Cells]:
    """The first sheet with anything on it."""
    try:
        return cast("list[Cells]", read_rows(data))
    except WorkbookRefused as refused:
        raise FileRefused(_(REFUSALS[refused.reason]) % _bounds(name)) from refused


def _bounds(name: str) -> dict[str, object]:
    return {"name": name, "rows": MOST_ROWS, "columns": MOST_COLUMNS}


def _separated(data: bytes, name: str) -> list[Cells]:
    """Rows of a csv: UTF-8 or the national encoding, parted by comma, semicolon or tab."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            content = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise FileRefused(_("%(name)s is neither UTF-8 nor GBK. Save it as “CSV UTF-8”.") % {"name": name})
    head = content[:4096]
    delimiter = max(",\t;", key=head.count)
    if content.count("\n") > MOST_ROWS or content.count(delimiter) > MOST_CELLS:
        raise FileRefused(_(TOO_MANY) % _bounds(name))
    try:
        return list(csv.reader(io.StringIO(content, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise FileRefused(_("%(name)s is no csv: %(why)s.") % {"name": name, "why": error}) from error


def _table(rows: list[Cells], name: str) -> Table:
    for number, cells in enumerate(rows[:HEADER_WITHIN]):
        fields = [_FIELD_OF.get(_plain(text(cell))) for cell in cells]
        if "name" in fields and len(set(fields) - {None}) >= HEADER_NEEDS:
            return _below(rows, number, [text(cell) for cell in cells], _each_once(fields))
    known = {"name": name, "rows": HEADER_WITHIN, "known": listed(names[0] for names in COLUMNS.values())}
    raise FileRefused(_(NO_HEADER) % known)


def _below(rows: list[Cells], header_row: int, header: list[str], fields: list[str | None]) -> Table:
    below = [(number + 1, cells) for number, cells in enumerate(rows) if number > header_row]
    return Table(header, fields, [(number, cells) for number, cells in below if any(text(cell) for cell in cells)])


def _each_once(fields: list[str | None]) -> list[str | None]:
    """Of two columns of one name the first counts."""
    return [field if field and field not in fields[:place] else None for place, field in enumerate(fields)]


def _plain(heading: str) -> str:
    """A heading without what differs between lists: blanks, stars for required, brackets' width, case."""
    table = str.maketrans({"（": "(", "）": ")", "*": "", "＊": "", " ": "", "\n": "", ":": "", "：": ""})
    return heading.translate(table).lower()


_FIELD_OF = {_plain(name): field for field, names in COLUMNS.items() for name in names}
