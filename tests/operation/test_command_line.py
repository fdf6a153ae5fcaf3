"""`lingxiu …` as an operator types it: exit codes, and a reason of one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lingxiu.cli import main
from lingxiu.cli.measuring import REPOSITORY


@pytest.fixture
def type_in() -> CliRunner:
    return CliRunner()


@pytest.mark.parametrize(
    "words",
    [["frobnicate"], ["bench", "nothing"], ["demo", "--merchants", "none"], ["import", "merchants", "/no/such/file"],
     ["simulate", "--to", "nowhere"]],
)  # fmt: skip
def test_wrong_words_end_with_two(type_in: CliRunner, words: list[str]) -> None:
    assert type_in.invoke(main, words).exit_code == 2


def test_the_shipped_policy_is_in_order(type_in: CliRunner) -> None:
    done = type_in.invoke(main, ["policy", "check"])
    assert done.exit_code == 0
    assert "in order" in done.output


def test_a_wrong_catalogue_is_named_by_field_value_and_mend(type_in: CliRunner, tmp_path: Path) -> None:
    (tmp_path / "deadlines.yaml").write_text("whole: {grid: {working_days: 0}}")
    done = type_in.invoke(main, ["policy", "check", str(tmp_path)])
    assert done.exit_code == 1
    assert "deadlines.yaml, whole, grid, working_days" in done.output
    assert "greater than 0" in done.output


def test_loading_what_is_in_force_changes_nothing(type_in: CliRunner, db: None) -> None:
    done = type_in.invoke(main, ["policy", "load"])
    assert done.exit_code == 0
    assert "is in force already" in done.output


def test_editions_can_be_listed_and_compared(type_in: CliRunner, db: None, tmp_path: Path) -> None:
    shipped = (REPOSITORY / "src/lingxiu/policy/catalogues/alarms.yaml").read_text()
    (tmp_path / "alarms.yaml").write_text(shipped.replace("observe_days: 7", "observe_days: 14"))
    assert "now in force" in type_in.invoke(main, ["policy", "load", str(tmp_path), "--note", "longer"]).output
    listed = type_in.invoke(main, ["policy", "editions"]).output
    assert "longer" in listed
    numbers = sorted(int(line.split()[0]) for line in listed.splitlines())
    told = type_in.invoke(main, ["policy", "diff", str(numbers[0]), str(numbers[-1])]).output
    assert "observe_days" in told
    assert type_in.invoke(main, ["policy", "diff", "1", "999999"]).exit_code == 1


def test_an_import_says_of_each_row_what_would_become_of_it(type_in: CliRunner, cast: object, tmp_path: Path) -> None:
    rows = tmp_path / "merchants.csv"
    rows.write_text(
        "name,kind,licence type,licence number,address,lng,lat\n"
        "新店,restaurant,food business licence,JY23304210000014,人民大道2号,120.95,30.85\n"
        "错店,restaurant,food business licence,JY23304210000015,人民大道3号,120.95,30.85\n"
    )
    done = type_in.invoke(main, ["import", "merchants", str(rows), "--dry-run"])
    assert done.exit_code == 0, done.output
    assert "JY23304210000015" in done.output

    from lingxiu.merchants.models import Merchant

    assert not Merchant.objects.filter(name="新店").exists()
    type_in.invoke(main, ["import", "merchants", str(rows)])
    assert Merchant.objects.filter(name="新店").exists()
    assert not Merchant.objects.filter(name="错店").exists()


def test_benchmarks_are_listed(type_in: CliRunner) -> None:
    listed = type_in.invoke(main, ["bench", "--list"]).output.split()
    assert {"codec", "ingest", "issues", "map", "rating"} <= set(listed)


def test_a_benchmark_ends_with_one_line_of_json(type_in: CliRunner, tmp_path: Path) -> None:
    done = type_in.invoke(main, ["bench", "codec", "--quick", "--json", str(tmp_path / "figures.json")])
    assert done.exit_code == 0, done.output
    figures = json.loads(done.output.strip().splitlines()[-1])
    assert set(figures["decode_per_s"]) == {"170", "300", "420"}
    assert json.loads((tmp_path / "figures.json").read_text()) == figures
