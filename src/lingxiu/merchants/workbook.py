"""A stranger's workbook as rows of text, read by a process of its own with little memory and little time.

A sheet may claim seventeen thousand million cells in a few kilobytes; a reader that believes it takes itself down, not us.
Started by `read_rows`; `python -m lingxiu.merchants.workbook` reads a workbook from stdin and answers in JSON.
"""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
import zipfile
from datetime import date, datetime, time
from typing import Any, Literal, TypeAlias, cast

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

MOST_UNPACKED_BYTES = 400 * 1024 * 1024
MOST_ROWS = 100_000
MOST_COLUMNS = 500
MOST_CELLS = 2_000_000
# A list of a hundred thousand rows of twenty columns takes 380 MB and six seconds.
MOST_MEMORY_BYTES = 1024 * 1024 * 1024
MOST_SECONDS = 30

AS_EXPORTED = "as-exported"

Rows: TypeAlias = list[list[str]]
Reason: TypeAlias = Literal["unreadable", "unpacks", "too_many"]


class WorkbookRefused(Exception):
    """A workbook that is not read. `reason`: unreadable | unpacks (to more than a list can be) | too_many (cells)."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def read_rows(data: bytes, *, as_exported: bool = False) -> Rows:
    """The first sheet with anything on it. Raises WorkbookRefused.

    Args:
        as_exported: a list as another system prints it: what stands in a merged area holds for all of it, and a day keeps
            its hour.
    """
    command = [sys.executable, "-m", __name__, *([AS_EXPORTED] if as_exported else [])]
    try:
        done = subprocess.run(  # noqa: S603 (our own program; what is hostile goes to its stdin)
            command, input=data, capture_output=True, timeout=2 * MOST_SECONDS, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise WorkbookRefused("too_many") from error
    answer = json.loads(done.stdout)
    if isinstance(answer, str):
        raise WorkbookRefused(cast("Reason", answer))
    return cast("Rows", answer)


def text(cell: Any) -> str:
    """What a cell says: whole numbers without a point, days and times as ISO, yes and no as such."""
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case float() if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        case datetime():
            return cell.date().isoformat()
        case date():
            return cell.isoformat()
        case time():
            return cell.strftime("%H:%M")
    return str(cell).strip()


def _with_hour(cell: Any) -> str:
    """A time of day is what a complaint turns on, so it is kept."""
    if isinstance(cell, datetime) and cell.time() != time():
        return cell.isoformat(sep=" ", timespec="minutes")
    return text(cell)


def _filled(rows: Rows, sheet: CalamineSheet) -> Rows:
    """What stands in a merged area holds for all of it; as many cells as a list may have, whatever the areas claim."""
    left = MOST_CELLS
    for (top, first), (bottom, last) in sheet.merged_cell_ranges or []:
        if top >= len(rows) or first >= len(rows[top]):
            continue
        said = rows[top][first]
        for row in rows[top : bottom + 1]:
            for column in range(first, min(last + 1, len(row))):
                left -= 1
                if left < 0:
                    return rows
                row[column] = said
    return rows


def _answer(data: bytes, as_exported: bool) -> Rows | Reason:
    """The rows, or why there are none."""
    try:
        if _unpacks_without_end(data):
            return "unpacks"
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            high, wide = sheet.total_height, sheet.total_width
            if high > MOST_ROWS or wide > MOST_COLUMNS or high * wide > MOST_CELLS:
                return "too_many"
            if rows := sheet.to_python(skip_empty_area=False):
                if as_exported:
                    return _filled([[_with_hour(cell) for cell in row] for row in rows], sheet)
                return [[text(cell) for cell in row] for row in rows]
    except (CalamineError, zipfile.BadZipFile, ValueError, OSError):
        return "unreadable"
    return []


def _unpacks_without_end(data: bytes) -> bool:
    """A few kilobytes may unpack to gigabytes. What an archive does not own up to, our memory stops."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return False
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED_BYTES


def main() -> None:
    """Read stdin within the limits; write what was found."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    json.dump(_answer(sys.stdin.buffer.read(), AS_EXPORTED in sys.argv[1:]), sys.stdout)


if __name__ == "__main__":
    main()
