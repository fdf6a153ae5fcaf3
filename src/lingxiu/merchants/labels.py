"""QR labels on A4, in real millimetres, as PDF. Reckons where each label stands; Typst draws them (`labels.typ`).

Never decides who may print, and never writes that something was printed.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import segno
import typst
from django.utils.translation import gettext as _
from django.utils.translation import override

from lingxiu.merchants.models import Code
from lingxiu.ui import addresses
from lingxiu.ui.fonts import chinese_font

PAPER_MM = (210.0, 297.0)
TEMPLATE = Path(__file__).with_name("labels.typ")
# What stands on doors in a Chinese county is Chinese, whoever presses the button.
ON_DOORS = "zh-hans"
# A quarter of the symbol may be torn or greasy (ISO/IEC 18004, level Q).
ERROR_CORRECTION = "q"
QUIET_MODULES = 4


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of labels: how many, how large, where the first begins, how far apart. Millimetres."""

    id: str
    style: Literal["small", "door"]
    columns: int
    rows: int
    width_mm: float
    height_mm: float
    left_mm: float
    top_mm: float
    pitch_x_mm: float
    pitch_y_mm: float
    qr_mm: float

    @property
    def labels(self) -> int:
        """How many stand on a page."""
        return self.columns * self.rows

    def place(self, number: int) -> tuple[int, float, float]:
        """Page (from 0), and millimetres from its left and its top, of the label of this number: row by row, from 0."""
        page, on_page = divmod(number, self.labels)
        row, column = divmod(on_page, self.columns)
        return page, self.left_mm + column * self.pitch_x_mm, self.top_mm + row * self.pitch_y_mm


SHEETS: dict[str, Sheet] = {
    sheet.id: sheet
    for sheet in (
        # The common self-adhesive sheet of 24: 63.5 × 33.9 mm, sold under many numbers (Avery L7159).
        Sheet("labels", "small", 3, 8, 63.5, 33.9, 7.25, 12.9, 66.0, 33.9, 30.0),
        # A6 on plain paper, to be cut and put behind glass.
        Sheet("door", "door", 2, 2, 105.0, 148.5, 0.0, 0.0, 105.0, 148.5, 80.0),
    )
}


@dataclass(frozen=True, slots=True)
class Label:
    """What stands on one: the shop's name, the code's number, the address it opens."""

    name: str
    serial: str
    url: str


def label_of(code: Code, base_url: str) -> Label:
    """The label of a code. `base_url`: where people reach this installation."""
    return Label(code.merchant.name, f"{code.pk:06d}", base_url + addresses.code(code.token))


def qr(url: str) -> segno.QRCode:
    """The symbol that opens this address."""
    return segno.make_qr(url, error=ERROR_CORRECTION)


def pdf(labels: Iterable[Label], sheet: Sheet, *, county: str, start: int = 1) -> bytes:
    """The labels as A4 pages. `start`: which label of the first page comes first, from 1, where some are used up."""
    drawn: Any = typst.compile(format="pdf", **_document(labels, sheet, county, start))
    return bytes(drawn)


def pictures(labels: Iterable[Label], sheet: Sheet, *, county: str, start: int = 1, ppi: float = 300) -> list[bytes]:
    """The same pages as PNG, to be looked at and measured."""
    drawn: Any = typst.compile(format="png", ppi=ppi, **_document(labels, sheet, county, start))
    return [bytes(page) for page in (drawn if isinstance(drawn, list) else [drawn])]


def _document(labels: Iterable[Label], sheet: Sheet, county: str, start: int) -> dict[str, Any]:
    """What Typst is given: its template, our font and no other, the data."""
    if not 1 <= start <= sheet.labels:
        raise ValueError(f"a page has {sheet.labels} labels: there is no number {start} to start at")
    data = {"sheet": _plain(sheet), "pages": _pages(list(labels), sheet, start - 1), "words": _words(county)}
    return {
        "input": str(TEMPLATE),
        "root": str(TEMPLATE.parent),
        "font_paths": [str(chinese_font().parent)],
        "ignore_system_fonts": True,
        "sys_inputs": {"data": json.dumps(data, ensure_ascii=False)},
    }


def _plain(sheet: Sheet) -> dict[str, Any]:
    return {"style": sheet.style, "width_mm": sheet.width_mm, "height_mm": sheet.height_mm, "qr_mm": sheet.qr_mm}


def _pages(labels: Sequence[Label], sheet: Sheet, skipped: int) -> list[list[dict[str, Any]]]:
    pages: list[list[dict[str, Any]]] = []
    for number, label in enumerate(labels, start=skipped):
        page, x_mm, y_mm = sheet.place(number)
        if page == len(pages):
            pages.append([])
        pages[page].append(
            {"name": label.name, "serial": label.serial, "svg": _svg(label.url), "x_mm": x_mm, "y_mm": y_mm}
        )
    return pages


def _svg(url: str) -> str:
    """The symbol with its quiet zone, a module a unit."""
    out = io.BytesIO()
    qr(url).save(out, kind="svg", border=QUIET_MODULES, xmldecl=False, nl=False, omitsize=True)
    return out.getvalue().decode()


def _words(county: str) -> dict[str, str]:
    with override(ON_DOORS):
        return {
            "title": _("QR labels"),
            "gives": _("Scan: fume level, licence, last cleaning and visits"),
            "complain": _("Smoke or dirt? Scan and tell us; the answer comes to you"),
            "serial": _("No."),
            "county": county,
        }
