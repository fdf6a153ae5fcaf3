"""A table sent as a file: a workbook, or lines of CSV as they are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from lingxiu.sensing import exporting
from lingxiu.sensing.exporting import Cell


def sent(name: str, form: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> HttpResponseBase:
    """`form`: xlsx or csv, which ends its name."""
    if form == "xlsx":
        book = exporting.as_xlsx(head, rows)
        return FileResponse(book, as_attachment=True, filename=f"{name}.xlsx", content_type=exporting.XLSX)
    lines = StreamingHttpResponse(exporting.as_csv(head, rows), content_type=exporting.CSV)
    lines["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return lines
