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

from python_calamine import CalamineError, CalamineWorkbook

MOST_UNPACKED_BYTES = 400 * 1024 * 1024
MOST_ROWS = 100_000
MOST_COLUMNS = 500
MOST_CELLS = 2_000_000
# A list of a hundred thousand rows of twenty columns takes 380 MB and six seconds.
MOST_MEMORY_BYTES = 1024 * 1024 * 1024
MOST_SECONDS = 30

Reason: TypeAlias = Literal["unreadable", "unpacks", "too_many"]


class WorkbookRefused(Exception):
    """A workbook that is not read. `reason`: unreadable | unpacks (to more than a list can be) | too_many (cells)."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def read_rows(data: bytes) -> list[list[str]]:
    """The first sheet with anything on it. Raises WorkbookRefused."""
    command = [sys.executable, "-m", __name__]
    try:
        done = subprocess.run(  # noqa: S603 (our own program; what is hostile goes to its stdin)
            command, input=data, capture_output=True, timeout=2 * MOST_SECONDS, check=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise WorkbookRefused("too_many") from error
    answer = json.loads(done.stdout)
    if isinstance(answer, str):
        raise WorkbookRefused(cast("Reason", answer))
    return cast("list[list[str]]", answer)


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


def _answer(data: bytes) -> list[list[str]] | Reason:
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
    json.dump(_answer(sys.stdin.buffer.read()), sys.stdout)


if __name__ == "__main__":
    main()
