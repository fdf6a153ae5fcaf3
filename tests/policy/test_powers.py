"""权力事项 of the county's own list: brought in from a table, every mistake by row and field, in force with the next edition."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.db import connection
from xlsxwriter import Workbook

from lingxiu.cli import main
from lingxiu.doctor import _powers
from lingxiu.policy.powers import HEADINGS, PowersRefused, read, template, with_power, without_code, written
from lingxiu.policy.reading import SHIPPED, PolicyRefused, read_folder

CATALOGUES, _BODY = read_folder(SHIPPED)
VIOLATIONS = CATALOGUES.violations
HEAD = list(HEADINGS.values())


def mistakes(*rows: list[str], head: list[str] = HEAD) -> list[str]:
    with pytest.raises(PowersRefused) as told:
        read([head, *rows], VIOLATIONS)
    return [str(one) for one in told.value.mistakes]


def test_what_the_list_says_stands_in_place_of_what_was_not_known(tmp_path: Path) -> None:
    rows = read([HEAD, ["V-A1b", "330217015000", "对油烟直排的处罚", "县", "是", "2024-01-01", ""]], VIOLATIONS)
    (tmp_path / "powers.yaml").write_text(written(rows, "权责清单.xlsx"), encoding="utf-8")
    catalogues, body = read_folder(tmp_path)
    power = catalogues.violation("V-A1b").power
    assert power is not None
    assert (power.code, power.name, power.level, power.confidence) == (
        "330217015000",
        "对油烟直排的处罚",
        "county",
        "S",
    )
    assert catalogues.violation("V-A1b").given_to_town(date(2026, 3, 5))
    assert not catalogues.violation("V-A1b").given_to_town(date(2023, 12, 31))
    assert len(list(without_code(catalogues.violations))) == len(with_power(VIOLATIONS)) - 1
    again, _same = read_folder(tmp_path)
    assert again == catalogues and body["powers"][0]["id"] == "V-A1b"


def test_what_a_cell_leaves_open_stays_as_the_law_book_has_it(tmp_path: Path) -> None:
    before = CATALOGUES.violation("V-A1b").power
    (tmp_path / "powers.yaml").write_text(
        written(read([["编号", "权力事项编码"], ["V-A1b", "1"]], VIOLATIONS), "x"), "utf-8"
    )
    after = read_folder(tmp_path)[0].violation("V-A1b").power
    assert before and after and (after.level, after.to_town) == (before.level, before.to_town)


def test_the_template_is_the_law_book_s_items_and_is_read_back_as_nothing() -> None:
    table = template(VIOLATIONS)
    assert len(table) == len(with_power(VIOLATIONS)) + 1
    assert read(table, VIOLATIONS) == []


def test_every_mistake_is_named_by_row_and_field() -> None:
    assert mistakes(
        ["V-XX", "1", "", "", "", "", ""],
        ["V-A1", "2", "", "省", "也许", "2024-13-01", ""],
        ["V-A1", "3", "", "", "", "2024-01-01", ""],
        ["V-W1", "4", "", "", "是", "2025-01-01", "2024-01-01"],
        ["V-W2", "5" * 61, "", "", "", "", ""],
    ) == [
        "row 2, 编号: the law book has no item of this number that is handled under a power: take it from the template"
        " (found 'V-XX')",
        "row 3, 行使层级: write one of 县、县级、镇、镇街、乡镇（街道）、乡镇 (found '省')",
        "row 3, 赋权镇街: write one of 是、否 (found '也许')",
        "row 3, 赋权起始日: no day: write it as 2026-03-05 (found '2024-13-01')",
        "row 4, 赋权起始日: a day needs 赋权镇街: write 是 or 否 there (found '2024-01-01')",
        "row 4, 编号: V-A1 stands above already: keep one row of it",
        "row 5, 赋权截止日: lies before the day it begins (found '2024-01-01')",
        f"row 6, 权力事项编码: longer than 60 characters: write what the list prints (found '{'5' * 40}')",
    ]


def test_a_table_without_its_columns_is_refused() -> None:
    assert mistakes(["V-A1"], head=["编号"]) == [
        "row 1, 权力事项编码: there is no such column: keep the headings of the template"
    ]
    with pytest.raises(PowersRefused):
        read([], VIOLATIONS)


@pytest.mark.parametrize(
    "text", ["- {id: V-NONE, code: '1'}", "- {id: L-FUME, code: '1'}", "- {id: V-A1}", "- {id: V-A1, code: '', x: 1}"]
)
def test_a_file_written_by_hand_is_held_against_the_law_book_too(tmp_path: Path, text: str) -> None:
    (tmp_path / "powers.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyRefused) as told:
        read_folder(tmp_path)
    assert "powers" in str(told.value)


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────


def run(*words: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["policy", "powers", *map(str, words)])
    return done.exit_code, done.output


@pytest.mark.parametrize("kind", ["utf-8", "gb18030", "xlsx"])
def test_the_template_filled_in_is_brought_in(tmp_path: Path, kind: str) -> None:
    county = tmp_path / "county"
    county.mkdir()
    blank = tmp_path / "blank.csv"
    assert run("--template", blank, "--to", county)[0] == 0
    table = list(csv.reader(blank.read_text(encoding="utf-8-sig").splitlines()))
    place = table[0].index("权力事项编码")
    next(row for row in table if "V-A1b" in row)[place] = "330217015000"
    filled = tmp_path / ("filled.xlsx" if kind == "xlsx" else "filled.csv")
    if kind == "xlsx":
        with Workbook(str(filled)) as book:
            sheet = book.add_worksheet()
            for number, row in enumerate(table):
                sheet.write_row(number, 0, row)
    else:
        with filled.open("w", encoding=kind, newline="") as out:
            csv.writer(out).writerows(table)
    status, said = run(filled, "--to", county)
    assert (status, "1 items" in said) == (0, True)
    power = read_folder(county)[0].violation("V-A1b").power
    assert power and power.code == "330217015000"


def test_a_mistake_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    filled = tmp_path / "filled.csv"
    filled.write_text("编号,权力事项编码\nV-XX,1\n", encoding="utf-8")
    status, said = run(filled, "--to", tmp_path)
    assert (status, "row 2, 编号" in said, (tmp_path / "powers.yaml").exists()) == (1, True, False)


def test_the_shipped_catalogues_are_not_written_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled = tmp_path / "filled.csv"
    filled.write_text("编号,权力事项编码\nV-A1,1\n", encoding="utf-8")
    monkeypatch.delenv("LINGXIU_POLICY", raising=False)
    status, said = run(filled)
    assert (status, "county's folder" in said) == (1, True)


@pytest.mark.django_db
def test_doctor_says_how_many_have_no_code() -> None:
    with connection.cursor():
        [found] = _powers(connection.connection)
    items = len(with_power(VIOLATIONS))
    assert found.found.startswith(f"{items} of {items} items")
    assert "lingxiu policy powers" in found.mend and not found.wrong
