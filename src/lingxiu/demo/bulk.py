"""Many rows at once: COPY instead of INSERT, for rows whose ids nobody asks for, and for whole columns of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from django.db import connection, models

Column: TypeAlias = npt.NDArray[Any]

# PostgreSQL's binary COPY: a signature with no flags and no extension before the rows, a field count of -1 after them.
SIGNATURE, END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
WIRE = {"int16": ">i2", "int32": ">i4", "int64": ">i8", "float32": ">f4", "float64": ">f8", "bool": "u1"}


def copy(rows: Sequence[models.Model]) -> None:
    """Write unsaved rows of one model; the database gives them their ids."""
    if not rows:
        return
    meta = rows[0]._meta
    fields = [field for field in meta.concrete_fields if not (field.generated or isinstance(field, models.AutoField))]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    with connection.cursor() as cursor, cursor.copy(f'COPY "{meta.db_table}" ({columns}) FROM STDIN') as out:
        for row in rows:
            out.write_row([field.get_db_prep_save(_value(row, field), connection) for field in fields])


def _value(row: models.Model, field: models.Field[Any, Any]) -> object:
    """What the row holds; of a row it points to, the id that row has by now."""
    if isinstance(field, models.ForeignKey) and field.is_cached(row):
        other = getattr(row, field.name)
        return other.pk if other else None
    return getattr(row, field.attname)


def copy_columns(table: str, columns: Mapping[str, Column]) -> None:
    """Write whole columns of equal length, none of their values null. int64 goes into bigint, and into timestamptz as µs
    since 2000; the other types as they are named."""
    rows = len(next(iter(columns.values())))
    parts: list[tuple[str, str]] = [("fields", ">i2")]
    for name, column in columns.items():
        parts += [(f"{name} length", ">i4"), (name, WIRE[column.dtype.name])]
    wire = np.empty(rows, dtype=parts)
    wire["fields"] = len(columns)
    for name, column in columns.items():
        wire[f"{name} length"], wire[name] = column.dtype.itemsize, column
    names = ", ".join(columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT binary)") as out:
        out.write(SIGNATURE)
        out.write(wire.tobytes())
        out.write(END)
