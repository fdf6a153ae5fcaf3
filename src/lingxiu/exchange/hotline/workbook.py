"""A stranger's workbook as rows of text, with what was merged filled in and hours kept; read by a process of its own.

The bounds are those of `merchants.workbook`. `python -m lingxiu.exchange.hotline.workbook` reads stdin and answers in JSON.
"""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
import zipfile
from datetime import datetime, time
from typing import Any, cast

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from lingxiu.merchants.workbook import (
    MOST_CELLS,
    MOST_COLUMNS,
    MOST_MEMORY_BYTES,
    MOST_ROWS,
    MOST_SECONDS,
    MOST_UNPACKED_BYTES,
    Reason,
    WorkbookRefused,
    text,
)

Rows = list[list[str]]


def read_rows(data: bytes) -> Rows:
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
    return cast("Rows", answer)


def _answer(data: bytes) -> Rows | Reason:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED_BYTES:
                return "unpacks"
    except zipfile.BadZipFile:
        pass  # an .xls is no archive
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            high, wide = sheet.total_height, sheet.total_width
            if high > MOST_ROWS or wide > MOST_COLUMNS or high * wide > MOST_CELLS:
                return "too_many"
            if rows := sheet.to_python(skip_empty_area=False):
                return _filled([[_text(cell) for cell in row] for row in rows], sheet)
    except (CalamineError, ValueError, OSError):
        return "unreadable"
    return []


def _text(cell: Any) -> str:
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


def main() -> None:
    """Read stdin within the limits; write what was found."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    json.dump(_answer(sys.stdin.buffer.read()), sys.stdout)


if __name__ == "__main__":
    main()
