"""Labels are drawn in real millimetres, and what is on them opens the right door: measured on the drawn page."""

from __future__ import annotations

import io
import re
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from lingxiu.merchants.labels import PAPER_MM, QUIET_MODULES, SHEETS, Label, Sheet, label_of, pdf, pictures, qr
from tests.cast import Cast

PPI = 300
PX_PER_MM = PPI / 25.4
BASE = "https://fume.example.gov.cn"


def some(count: int) -> list[Label]:
    names = ["一鲜居", "老街曾记手工拉面馆（魏塘总店）", "KFC", "嘉善县罗星街道阿婆家常菜农家乐土菜馆有限公司第三分店"]
    return [Label(names[n % 4], f"{n:06d}", f"{BASE}/m/{n:022d}") for n in range(count)]


def page(labels: list[Label], sheet: Sheet, **kwargs: int) -> npt.NDArray[np.bool_]:
    """The first page as dark and light points."""
    first = pictures(labels, sheet, county="嘉善县", ppi=PPI, **kwargs)[0]
    return np.asarray(Image.open(io.BytesIO(first)).convert("L")) < 128


def cut_out(drawn: npt.NDArray[np.bool_], sheet: Sheet, number: int) -> npt.NDArray[np.bool_]:
    """The points of one label."""
    _, x_mm, y_mm = sheet.place(number)
    x, y, wide, high = (round(mm * PX_PER_MM) for mm in (x_mm, y_mm, sheet.width_mm, sheet.height_mm))
    return drawn[y : y + high, x : x + wide]


def symbol_box(label: npt.NDArray[np.bool_], sheet: Sheet, modules: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the symbol: the darkest square of about its size with nothing in the quiet zone around."""
    zone = round(sheet.qr_mm * PX_PER_MM)
    quiet = round(zone * QUIET_MODULES / (modules + 2 * QUIET_MODULES))
    dark = _sums(label, zone - 2 * quiet)[quiet : -quiet or None, quiet : -quiet or None]
    around = _sums(label, zone)
    scores = np.where(around - dark < zone, dark, 0)  # a line of points may stick out where a module is no whole pixel
    top, left = np.unravel_index(np.argmax(scores), scores.shape)
    rows, columns = np.nonzero(label[top : top + zone, left : left + zone])
    return left + columns.min(), top + rows.min(), left + columns.max() + 1, top + rows.max() + 1


def _sums(label: npt.NDArray[np.bool_], side: int) -> npt.NDArray[np.int64]:
    """How many dark points every square of this side holds, by its upper left corner."""
    sums = np.cumsum(np.cumsum(np.pad(label.astype(np.int64), ((1, 0), (1, 0))), axis=0), axis=1)
    return sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]


def read_modules(label: npt.NDArray[np.bool_], sheet: Sheet, modules: int) -> list[list[bool]]:
    """The symbol as a scanner sees it: the middle of every module."""
    left, top, right, bottom = symbol_box(label, sheet, modules)
    xs = [int(left + (right - left) * (n + 0.5) / modules) for n in range(modules)]
    ys = [int(top + (bottom - top) * (n + 0.5) / modules) for n in range(modules)]
    return [[bool(label[y, x]) for x in xs] for y in ys]


@pytest.mark.parametrize("name", SHEETS)
def test_every_label_of_a_page_holds_the_address_of_its_shop(name: str) -> None:
    sheet = SHEETS[name]
    labels = some(sheet.labels)
    drawn = page(labels, sheet)
    for number, label in enumerate(labels):
        expected = [[bool(module) for module in row] for row in qr(label.url).matrix]
        assert read_modules(cut_out(drawn, sheet, number), sheet, len(expected)) == expected, label


@pytest.mark.parametrize("name", SHEETS)
def test_symbols_and_their_distances_are_as_long_as_they_should_be(name: str) -> None:
    sheet = SHEETS[name]
    labels = some(sheet.labels)
    drawn = page(labels, sheet)
    modules = len(qr(labels[0].url).matrix)
    boxes = [symbol_box(cut_out(drawn, sheet, number), sheet, modules) for number in range(sheet.labels)]
    for left, top, right, bottom in boxes:
        dark_mm = sheet.qr_mm * modules / (modules + 2 * QUIET_MODULES)
        assert (right - left) / PX_PER_MM == pytest.approx(dark_mm, abs=0.2)
        assert (bottom - top) / PX_PER_MM == pytest.approx(dark_mm, abs=0.2)
        assert left == pytest.approx(boxes[0][0], abs=2)  # each stands in its label as the first does in its own
        assert top == pytest.approx(boxes[0][1], abs=2)


@pytest.mark.parametrize("name", SHEETS)
def test_every_label_lies_on_the_paper_and_on_no_other_label(name: str) -> None:
    sheet = SHEETS[name]
    places = [sheet.place(number) for number in range(sheet.labels)]
    assert {page for page, _, _ in places} == {0}
    assert sheet.place(sheet.labels)[0] == 1
    assert max(x for _, x, _ in places) + sheet.width_mm <= PAPER_MM[0]
    assert max(y for _, _, y in places) + sheet.height_mm <= PAPER_MM[1]
    assert sheet.pitch_x_mm >= sheet.width_mm
    assert sheet.pitch_y_mm >= sheet.height_mm


def test_a_module_is_wide_enough_for_a_phone() -> None:
    """0.4 mm is what cheap phone cameras still read at arm's length; ours are larger."""
    longest = f"https://{'x' * 40}.gov.cn/m/{'0' * 22}"
    modules = len(qr(longest).matrix) + 2 * QUIET_MODULES
    assert min(sheet.qr_mm for sheet in SHEETS.values()) / modules > 0.5


def test_the_pdf_is_a4_and_has_as_many_pages_as_it_needs() -> None:
    data = pdf(some(25), SHEETS["labels"], county="嘉善县")
    assert data.startswith(b"%PDF")
    text = data + b"".join(_streams(data))
    boxes = re.findall(rb"/MediaBox\s*\[\s*0\s+0\s+([\d.]+)\s+([\d.]+)\s*\]", text)
    assert len(boxes) == 2
    for width_pt, height_pt in boxes:
        assert float(width_pt) / 72 * 25.4 == pytest.approx(210, abs=0.05)
        assert float(height_pt) / 72 * 25.4 == pytest.approx(297, abs=0.05)


def _streams(data: bytes) -> list[bytes]:
    """What is packed in the file, unpacked: pages may lie in object streams."""
    unpacked = []
    for found in re.finditer(rb"stream\r?\n(.*?)endstream", data, re.DOTALL):
        try:
            unpacked.append(zlib.decompressobj().decompress(found.group(1)))
        except zlib.error:
            continue
    return unpacked


def test_a_sheet_begun_yesterday_is_finished_today() -> None:
    sheet = SHEETS["labels"]
    drawn = page(some(1), sheet, start=5)
    assert not any(cut_out(drawn, sheet, number).any() for number in (*range(4), *range(5, 24)))
    assert cut_out(drawn, sheet, 4).any()


@pytest.mark.parametrize("start", [0, 25, -1])
def test_a_start_that_is_not_on_the_page_is_refused(start: int) -> None:
    with pytest.raises(ValueError, match="24 labels"):
        pdf(some(1), SHEETS["labels"], county="嘉善县", start=start)


@pytest.mark.parametrize("name", ["一", "长" * 80, '引"号\\ # $x$ [粗]', "<b>", "KFC"])
def test_no_name_breaks_the_sheet_or_leaves_its_label(name: str) -> None:
    for sheet in SHEETS.values():
        drawn = page([Label(name, "000001", f"{BASE}/m/x")], sheet)
        beside = drawn.copy()
        _, x_mm, y_mm = sheet.place(0)
        beside[
            max(0, round(y_mm * PX_PER_MM) - 1) : round((y_mm + sheet.height_mm) * PX_PER_MM) + 2,
            max(0, round(x_mm * PX_PER_MM) - 1) : round((x_mm + sheet.width_mm) * PX_PER_MM) + 2,
        ] = False
        assert drawn.any()
        assert not beside.any()


def test_a_label_names_the_shop_and_the_code_but_not_its_token_alone(cast: Cast) -> None:
    code = cast.merchant.codes.get()
    label = label_of(code, BASE)
    assert label == Label("一鲜居", f"{code.pk:06d}", f"{BASE}/m/{code.token}")


def test_names_on_labels_are_no_tofu() -> None:
    sheet = SHEETS["labels"]
    drawn = {page([Label(name, "1", f"{BASE}/m/x")], sheet).tobytes() for name in ("嘉", "善", "\u0378", "\u0379")}
    assert len(drawn) == 3  # the last two have no sign in any font, and look alike
