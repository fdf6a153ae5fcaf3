"""Readings and statistics of a device, and figures, as CSV or a workbook: streamed, bounded. Never decides who may have them.

No cell is taken for a formula: the CSV puts an apostrophe before text that would be one, the workbook writes text as text.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import IO, Final, NamedTuple, TypeAlias

import xlsxwriter
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from lingxiu.policy.json_mappings import WORDS
from lingxiu.sensing.other_readings import TABLES
from lingxiu.sensing.point_statistics import KEPT, Step

Cell: TypeAlias = str | int | float | bool | datetime | date | None

MOST_ROWS: Final = 200_000
STEPS: Final = {"raw": "reading_fume", "10m": "window_fume", "1h": "hour_fume", "1d": "day_fume"}
POINT_STEPS: Final[dict[str, Step]] = {"10m": "window", "1h": "hour", "1d": "day"}
RAW_COLUMNS: Final = (
    "at", "received_at", "cn", "channel", "fume_mg_m3", "pm_mg_m3", "nmhc_mg_m3", "temperature_c", "humidity_pct", "fan_a",
    "purifier_a", "fan_on", "purifier_on",
)  # fmt: skip
SUM_COLUMNS: Final = (
    "at", "count", "valid", "minutes", "fume_mean", "fume_min", "fume_max", "pm_mean", "nmhc_mean", "fan_on_minutes",
    "purifier_on_minutes", "fan_without_purifier_minutes", "minutes_over_1", "minutes_over_2", "minutes_over_4",
)  # fmt: skip
CSV: Final = "text/csv; charset=utf-8"
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_STARTS_A_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_AT_ONCE: Final = 2_000


class Sheet(NamedTuple):
    """Where the rows of a file come from, in SQL of our own, and their columns; times are of the county's clock."""

    source: str
    columns: Sequence[str]


def sheet_of(kind: str, step: str) -> Sheet:
    """What a device of this kind has to tell in this step, one of STEPS."""
    if kind == "fume_monitor":
        return Sheet(STEPS[step], RAW_COLUMNS if step == "raw" else SUM_COLUMNS)
    if kind == "camera":
        return _camera(step)
    if step == "raw":
        return Sheet(TABLES[kind].name, ("at", "received_at", "channel", *TABLES[kind].columns))
    (kept,) = KEPT[kind]
    return Sheet(kept.table(POINT_STEPS[step]), ("at", "channel", *(column.name for column in kept.columns)))


def _camera(step: str) -> Sheet:
    """Its states and what it recognised, in one file."""
    if step == "raw":
        source = (
            "(SELECT device_id, at, received_at, channel, state, NULL AS event, NULL::real AS confidence FROM camera_state"
            " UNION ALL SELECT device_id, at, received_at, channel, NULL, kind, confidence FROM camera_event) r"
        )
        return Sheet(source, ("at", "received_at", "channel", "state", "event", "confidence"))
    of, kinds = POINT_STEPS[step], sorted(WORDS["camera", "event"])
    counted = ", ".join(f"coalesce(sum(n) FILTER (WHERE kind = '{kind}'), 0)::integer AS {kind}" for kind in kinds)
    source = (
        f"(SELECT device_id, at, channel, max(online) AS seconds_online, max(offline) AS seconds_offline, {counted}"  # noqa: S608
        " FROM (SELECT device_id, at, channel, seconds_online AS online, seconds_offline AS offline, NULL AS kind, 0 AS n"
        f" FROM {of}_camera UNION ALL SELECT device_id, at, channel, NULL, NULL, kind, count FROM {of}_seen) s"
        " GROUP BY device_id, at, channel) r"
    )
    return Sheet(source, ("at", "channel", "seconds_online", "seconds_offline", *kinds))


def rows_of(device_id: int, sheet: Sheet, since: datetime, until: datetime) -> Iterator[list[Cell]]:
    """The rows of a device, oldest first, MOST_ROWS at most, read a piece at a time."""
    statement = (
        f"SELECT {', '.join(sheet.columns)} FROM {sheet.source}"  # noqa: S608 (our own names)
        " WHERE device_id = %s AND at >= %s AND at < %s ORDER BY at LIMIT %s"
    )
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(statement, [device_id, since, until, MOST_ROWS])
        while rows := cursor.fetchmany(_AT_ONCE):
            for row in rows:
                yield [timezone.localtime(one) if isinstance(one, datetime) else one for one in row]


def as_csv(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Lines with a mark by which spreadsheets know that it is UTF-8."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")
    writer.writerow(head)
    for row in rows:
        writer.writerow([_plain(cell) for cell in row])
        if buffer.tell() > 32_768:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def as_xlsx(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> IO[bytes]:
    """A workbook in a temporary file that goes when it is closed."""
    file = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115 (closed by the response that sends it)
    options = {"constant_memory": True, "remove_timezone": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(file, options)
    sheet = book.add_worksheet(_("Readings"))
    bold, moment = book.add_format({"bold": True, "bottom": 1}), book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
    sheet.set_column(0, max(0, len(head) - 1), 18)
    for column, title in enumerate(head):
        sheet.write_string(0, column, title, bold)
    sheet.freeze_panes(1, 1)
    for number, row in enumerate(rows, start=1):
        for column, cell in enumerate(row):
            match cell:
                case None:
                    continue
                case bool():
                    sheet.write_boolean(number, column, cell)
                case datetime():
                    sheet.write_datetime(number, column, cell, moment)
                case int() | float():
                    sheet.write_number(number, column, cell)
                case _:
                    sheet.write_string(number, column, str(cell))
    book.close()
    file.seek(0)
    return file


def _plain(cell: Cell) -> Cell:
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, str) and cell.startswith(_STARTS_A_FORMULA):
        return f"'{cell}"
    return cell
