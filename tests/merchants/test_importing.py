"""A list is taken in row by row; what is wrong is said with the field, the value and the mend, and hurts nobody else."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from django.utils import translation
from python_calamine import CalamineWorkbook

from lingxiu.china.coordinates import wgs84_to_bd09, wgs84_to_gcj02
from lingxiu.china.identifiers import LicenceKind, food_licence
from lingxiu.journal.models import Entry
from lingxiu.merchants.importing import FileRefused, Report, import_file, refused_sheet, template, write_refused
from lingxiu.merchants.models import Merchant
from lingxiu.merchants.sheets import COLUMNS, read_bytes
from tests.cast import Cast

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
HEADER = ["店名", "业态", "许可证号", "经营地址", "经度", "纬度", "联系电话", "灶头数"]


def licence(serial: int) -> str:
    return food_licence(LicenceKind.CATERING, "330421", serial)


def row(number: int, **changed: Any) -> list[Any]:
    """A good row, with what is changed in it."""
    values = {
        "店名": f"第{number}家面馆",
        "业态": "面馆",
        "许可证号": licence(number),
        "经营地址": f"解放路{number}号",
        "经度": 120.95,
        "纬度": 30.85,
        "联系电话": 13800138000 + number,
        "灶头数": 2,
        **changed,
    }
    return list(values.values())


def xlsx(path: Path, rows: list[list[Any]]) -> Path:
    """A workbook as people make them: numbers as numbers, days as days."""
    with xlsxwriter.Workbook(path, {"strings_to_formulas": False}) as book:
        sheet, day = book.add_worksheet(), book.add_format({"num_format": "yyyy-mm-dd"})
        for number, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if isinstance(cell, date):
                    sheet.write_datetime(number, column, datetime(cell.year, cell.month, cell.day), day)
                else:
                    sheet.write(number, column, cell)
    return path


@pytest.fixture
def taken(cast: Cast, tmp_path: Path) -> Any:
    """Take rows in as a workbook; English, so that the tests can read what is said."""

    def take(
        *rows: list[Any],
        header: list[str] = HEADER,
        dry_run: bool = False,
        coordinates: str = "wgs84",
        at: datetime = NOON,
    ) -> Report:
        with translation.override("en"):
            return import_file(
                xlsx(tmp_path / "list.xlsx", [header, *rows]), dry_run=dry_run, coordinates=coordinates, at=at
            )

    return take


def outcomes(report: Report) -> list[str]:
    return [str(row.outcome) for row in report.rows]


def only_mistake(report: Report) -> str:
    (refused,) = report.refused
    (mistake,) = refused.details
    return mistake


# ── what becomes of a row ──


def test_a_good_row_becomes_a_merchant_in_its_grid(taken: Any) -> None:
    assert outcomes(taken(row(1))) == ["created"]
    merchant = Merchant.objects.get(name="第1家面馆")
    assert (merchant.kind, merchant.licence_kind, merchant.grid) == ("noodle_shop", "food_licence", "33042100100101")
    assert (merchant.phone, merchant.scale, merchant.reference_stoves) == ("13800138001", "small", 2)
    assert merchant.standing.open_issues == 0
    assert merchant.codes.count() == 1
    assert merchant.sources["address"]["source"] == "import"


def test_the_same_list_again_changes_nothing(taken: Any) -> None:
    taken(row(1), row(2))
    entries = Entry.objects.count()
    assert outcomes(taken(row(1), row(2), at=NOON + timedelta(days=1))) == ["unchanged", "unchanged"]
    assert Entry.objects.count() == entries
    assert Merchant.objects.filter(name__endswith="家面馆").count() == 2


def test_a_known_licence_number_changes_its_merchant(taken: Any) -> None:
    taken(row(1))
    report = taken(row(1, 经营地址="中山路9号", 灶头数=4), at=NOON + timedelta(days=1))
    assert outcomes(report) == ["updated"]
    assert report.rows[0].details == ("Address", "Scale", "Reference stoves")
    merchant = Merchant.objects.get(licence_no=licence(1))
    assert (merchant.address, merchant.scale) == ("中山路9号", "medium")


def test_what_the_list_does_not_say_stays(taken: Any) -> None:
    taken(row(1))
    taken([licence(1), "新店名", "中山路9号"], header=["许可证号", "店名", "地址"])
    merchant = Merchant.objects.get(licence_no=licence(1))
    assert (merchant.name, merchant.kind, merchant.phone, merchant.lng) == (
        "新店名",
        "noodle_shop",
        "13800138001",
        120.95,
    )


def test_without_a_licence_name_and_address_tell_who_it_is(taken: Any) -> None:
    taken(row(1, 许可证号=""))
    assert outcomes(taken(row(1, 许可证号=""))) == ["unchanged"]
    assert outcomes(taken(row(1))) == ["updated"]  # now its licence is known
    assert Merchant.objects.filter(name="第1家面馆").count() == 1


def test_one_bad_row_does_not_block_the_others(taken: Any) -> None:
    report = taken(row(1), row(2, 经度=100.0), row(3, 业态="修车"), row(4))
    assert outcomes(report) == ["created", "refused", "refused", "created"]
    assert [refused.number for refused in report.refused] == [3, 4]  # as the sheet counts its rows


def test_more_rows_than_a_chunk_are_all_taken(taken: Any) -> None:
    report = taken(*(row(number) for number in range(1, 251)))
    assert outcomes(report) == ["created"] * 250


def test_a_dry_run_says_what_would_happen_and_writes_nothing(taken: Any) -> None:
    rows = [row(1), row(2, 经度=100.0), row(3)]
    before = (Merchant.objects.count(), Entry.objects.count())
    dry = taken(*rows, dry_run=True)
    assert (Merchant.objects.count(), Entry.objects.count()) == before
    assert outcomes(dry) == outcomes(taken(*rows))
    with translation.override("en"):
        lines = dry.lines()
    assert lines[0] == "row 2: new 第1家面馆"
    assert lines[-2:] == ["new 2 · changed 0 · unchanged 0 · refused 1", "Nothing was written: this was a dry run."]


def test_progress_is_told_by_the_chunk(cast: Cast, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = xlsx(tmp_path / "list.xlsx", [HEADER, *(row(number) for number in range(1, 131))])
    import_file(
        path, dry_run=True, coordinates="wgs84", at=NOON, advance=lambda done, total: told.append((done, total))
    )
    assert told == [(100, 130), (130, 130)]


# ── what is refused, and how it is said ──


def test_a_wrong_check_digit_is_refused_with_the_right_one(taken: Any) -> None:
    right = licence(7)
    wrong = right[:-1] + str((int(right[-1]) + 1) % 10)
    mistake = only_mistake(taken(row(7, 许可证号=wrong)))
    assert mistake.startswith(f"Licence number “{wrong}” has a wrong last character: it should be {right[-1]}")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"店名": ""}, "Name of the shop This field is required."),
        ({"业态": "修车"}, "Kind “修车” is not known here. Choose one of: restaurant, snack bar"),
        ({"联系电话": "1380013"}, "Phone “1380013” has 7 characters, not 11. Look for one left out or typed twice."),
        ({"经度": "东经"}, "Longitude “东经” is not a number."),
        ({"经度": 120.2}, "Longitude “120.2” 120.20000, 30.85000 lies outside the county."),
        ({"经度": 30.85, "纬度": 120.95}, "longitude and latitude have changed places. Swap them."),
        ({"许可证号": "JY2330421000001"}, "has 15 characters, not 16"),
        ({"许可证号": "JY2330421O000014"}, "cannot have “O” at place 10; perhaps 0 is meant"),
        ({"许可证号": "330421-D1"}, "A licence number without its kind: choose which licence it is."),
        ({"灶头数": -1}, "Reference stoves “-1”"),
    ],
)
def test_what_is_wrong_is_said_with_field_value_and_mend(taken: Any, changed: dict[str, Any], said: str) -> None:
    assert said in only_mistake(taken(row(1, **changed)))


def test_every_mistake_of_a_row_is_named(taken: Any) -> None:
    (refused,) = taken(row(1, 业态="修车", 联系电话="12", 经度="x")).refused
    assert len(refused.details) == 3


def test_the_second_of_two_rows_for_one_merchant_is_refused(taken: Any) -> None:
    report = taken(row(1), row(2, 许可证号=f" {licence(1).lower()} "), row(3, 许可证号=""), row(3, 许可证号=""))
    assert outcomes(report) == ["created", "refused", "created", "refused"]
    assert [refused.details for refused in report.refused] == [
        ("names the same merchant as row 2",),
        ("names the same merchant as row 4",),
    ]


def test_the_mistakes_are_said_in_chinese_too(cast: Cast, tmp_path: Path) -> None:
    path = xlsx(tmp_path / "list.xlsx", [HEADER, row(1, 经度=120.2)])
    with translation.override("zh-hans"):
        report = import_file(path, dry_run=True, coordinates="wgs84", at=NOON)
    assert "不在本县范围内" in report.refused[0].details[0]


# ── lists as people keep them ──


def test_the_header_may_stand_below_a_title_and_in_another_order(taken: Any) -> None:
    header = ["备注", "详细地址", " 许可证编号* ", "Latitude", "LONGITUDE", "商户名称", "类型"]
    title: list[Any] = ["嘉善县餐饮商户一览表"]
    cells = ["老店", "解放路1号", licence(1), 30.85, 120.95, "老王面馆", "noodle shop"]
    report = taken(title[1:], header, cells, header=title)
    assert outcomes(report) == ["created"]
    assert report.rows[0].number == 4
    assert report.table.unused == ["备注"]


@pytest.mark.parametrize(
    ("system", "shift"), [("gcj02", wgs84_to_gcj02), ("bd09", wgs84_to_bd09)], ids=["高德", "百度"]
)
def test_positions_of_web_maps_are_brought_back(taken: Any, system: str, shift: Any) -> None:
    lng, lat = shift(120.95, 30.85)
    taken(row(1, 经度=lng, 纬度=lat), coordinates=system)
    merchant = Merchant.objects.get(name="第1家面馆")
    assert (merchant.lng, merchant.lat) == pytest.approx((120.95, 30.85), abs=1e-6)
    assert outcomes(taken(row(1, 经度=lng, 纬度=lat), coordinates=system)) == ["unchanged"]


def test_days_and_times_are_understood_however_they_are_kept(taken: Any) -> None:
    header = [*HEADER, "许可证有效期至", "开业日期", "营业开始", "建成区"]
    taken([*row(1), date(2028, 6, 30), "2020年5月1日", "09:30", "否"], header=header)
    merchant = Merchant.objects.get(name="第1家面馆")
    assert (merchant.licence_until, merchant.opened_on) == (date(2028, 6, 30), date(2020, 5, 1))
    assert (merchant.opens_at, merchant.in_built_up) == (time(9, 30), False)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_is_read_in_the_encodings_and_forms_of_daily_use(
    cast: Cast, tmp_path: Path, encoding: str, delimiter: str
) -> None:
    path = tmp_path / "list.csv"
    path.write_text("\n".join(delimiter.join(map(str, cells)) for cells in (HEADER, row(1))), encoding=encoding)
    assert outcomes(import_file(path, dry_run=False, coordinates="wgs84", at=NOON)) == ["created"]


def refusal(data: bytes, name: str) -> str:
    with translation.override("en"), pytest.raises(FileRefused) as caught:
        read_bytes(data, name)
    return str(caught.value)


def test_what_is_no_list_is_refused_with_the_mend() -> None:
    assert "neither .xlsx nor .csv" in refusal(b"%PDF-1.7", "list.pdf")
    assert "cannot be read as a workbook" in refusal(b"no workbook", "list.xlsx")
    assert "has no header row" in refusal("一,二,三\n1,2,3\n".encode(), "list.csv")
    assert "neither UTF-8 nor GBK" in refusal(b"\xff\xfe\x00\xd8" * 10, "list.csv")
    assert "larger than 30 MB" in refusal(b" " * (30 * 1024 * 1024 + 1), "list.csv")


def test_a_workbook_that_unpacks_without_end_is_refused_unopened() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"xl/{number}", b"\0" * 100_000_000)
    assert len(out.getvalue()) < 1_000_000
    assert "unpacks to more" in refusal(out.getvalue(), "list.xlsx")


def sheet_of(cells: str, dimension: str = "A1") -> bytes:
    """A workbook with this XML for rows, written by hand as nobody's program would."""
    name = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    document = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    parts = {
        "_rels/.rels": f'<Relationships xmlns="{relations}"><Relationship Id="r1" Type="{document}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{name}" xmlns:r="{document}"><sheets><sheet name="a" sheetId="1" r:id="r1"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{relations}"><Relationship Id="r1" '
        f'Type="{document}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{name}"><dimension ref="{dimension}"/><sheetData>{cells}'
        "</sheetData></worksheet>",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in parts.items():
            archive.writestr(path, f'<?xml version="1.0" encoding="UTF-8"?>{content}')
    return out.getvalue()


def cell(place: str, said: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{said}</t></is></c>'


HEADED = f'<row r="1">{cell("A1", "店名")}{cell("B1", "业态")}{cell("C1", "经营地址")}</row>'


def test_a_sheet_that_claims_every_cell_there_can_be_is_read_for_what_it_holds() -> None:
    table = read_bytes(sheet_of(HEADED + f'<row r="2">{cell("A2", "面馆")}</row>', "A1:XFD1048576"), "list.xlsx")
    assert [number for number, _cells in table.rows] == [2]


@pytest.mark.parametrize(
    "cells",
    [
        HEADED + f'<row r="1048576">{cell("XFD1048576", "x")}</row>',
        f'<row r="1048576">{cell("XFD1048576", "x")}</row>',
        HEADED + f'<row r="2">{cell("XFD2", "x")}</row>',
        HEADED + f'<row r="1048576">{cell("A1048576", "x")}</row>',
        HEADED + "".join(f'<row r="{n}">{cell(f"A{n}", "x")}</row>' for n in range(2, 100_100)),
    ],
)
def test_a_sheet_with_cells_far_apart_takes_nobody_down(cells: str) -> None:
    data = sheet_of(cells)
    assert len(data) < 1_500_000
    assert "more than 100000 rows, 500 columns" in refusal(data, "list.xlsx")


def test_an_archive_that_lies_about_its_size_takes_nobody_down() -> None:
    """Its one cell unpacks to 700 MB; its directory says a kilobyte."""
    whole = sheet_of(HEADED + f'<row r="2">{cell("A2", "@")}</row>')
    with zipfile.ZipFile(io.BytesIO(whole)) as honest:
        parts = {entry.filename: honest.read(entry) for entry in honest.infolist()}
    before, after = parts.pop("xl/worksheets/sheet1.xml").split(b"@")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for path, content in parts.items():
            archive.writestr(path, content)
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for chunk in (before, *[b"x" * 10_000_000] * 70, after):
                sheet.write(chunk)
    data = bytearray(out.getvalue())
    at = data.rindex(b"PK\x01\x02")  # the sheet's entry in the directory: its size when unpacked stands at 24
    data[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    assert refusal(bytes(data), "list.xlsx")


@pytest.mark.parametrize("content", ["店名,业态,地址\n" + "," * 3_000_000, "店名,业态,地址\n" + "\n" * 200_000])
def test_a_csv_of_nothing_but_cells_is_refused_unread(content: str) -> None:
    assert "more than 100000 rows, 500 columns" in refusal(content.encode(), "list.csv")


def test_other_old_and_foreign_workbooks_are_refused_or_read_but_never_believed() -> None:
    assert "cannot be read as a workbook" in refusal(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 5000, "list.xls")
    assert "cannot be read as a workbook" in refusal(b"PK\x03\x04" + b"\0" * 5000, "list.ods")


# ── sheets out ──


def cells_of(data: bytes) -> list[list[Any]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return book.get_sheet_by_index(0).to_python()


def test_refused_rows_come_back_with_their_errors_and_are_taken_when_mended(
    taken: Any, cast: Cast, tmp_path: Path
) -> None:
    report = taken(row(1), row(2, 经度=100.0))
    with translation.override("en"):
        write_refused(report, tmp_path / "refused.xlsx")
    header, cells = cells_of((tmp_path / "refused.xlsx").read_bytes())
    assert header == [*HEADER, "Errors"]
    assert "lies outside the county" in cells[-1]
    cells[HEADER.index("经度")] = 120.95
    again = import_file(xlsx(tmp_path / "mended.xlsx", [header, cells]), dry_run=False, coordinates="wgs84", at=NOON)
    assert outcomes(again) == ["created"]


def test_what_looks_like_a_formula_comes_back_as_text(taken: Any) -> None:
    report = taken(row(1, 店名="=1+1", 经度=100.0))
    assert cells_of(refused_sheet(report))[1][0] == "=1+1"


def test_the_template_names_columns_the_reader_knows(db: None) -> None:
    table = read_bytes(template(), "template.xlsx")
    assert table.fields == list(COLUMNS)
    assert table.rows == []


def test_no_column_name_means_two_things() -> None:
    names = [name for names in COLUMNS.values() for name in names]
    assert len(names) == len(set(names))
