"""Catalogues are read whole or refused with the file, the field, the value and the mend."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from lingxiu.policy.reading import SHIPPED, PolicyRefused, digest, read_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A county's own copy of the shipped catalogues."""
    shutil.copytree(SHIPPED, tmp_path / "policy")
    return tmp_path / "policy"


def change(folder: Path, name: str, old: str, new: str) -> None:
    """Replace a text in a catalogue; it must be there."""
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{name} no longer says {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def refused(folder: Path) -> str:
    with pytest.raises(PolicyRefused) as caught:
        read_folder(folder)
    return "\n".join(caught.value.mistakes)


def test_every_shipped_catalogue_is_valid() -> None:
    catalogues, body = read_folder(SHIPPED)
    assert catalogues.violation("L-FUME").kind == "lead"
    assert sorted(body) == sorted(type(catalogues).model_fields)


def test_every_shipped_file_is_one_the_reader_knows() -> None:
    assert {path.stem for path in SHIPPED.glob("*.yaml")} == set(read_folder(SHIPPED)[1]) - {"devices", "json_mappings"}


def test_a_county_gives_only_the_files_it_wants_otherwise(tmp_path: Path) -> None:
    shutil.copy(SHIPPED / "roles.yaml", tmp_path)
    change(tmp_path, "roles.yaml", "en: grid member", "en: warden")
    catalogues, _ = read_folder(tmp_path)
    assert catalogues.role("grid_member").label.en == "warden"
    assert catalogues.violation("L-FUME")


def test_a_wrong_value_is_named_with_its_file_rule_and_field(folder: Path) -> None:
    change(folder, "roles.yaml", "issues: county", "issues: country")
    mistake = refused(folder)
    assert mistake.startswith("roles.yaml, system_administrator, issues: ")
    assert "'county'" in mistake
    assert "(found 'country')" in mistake


def test_an_unknown_field_is_named_with_the_mend(folder: Path) -> None:
    change(folder, "roles.yaml", "certified: true", "certifyed: true")
    mistake = refused(folder)
    assert "roles.yaml, department_officer, certifyed: there is no such field" in mistake


def test_a_missing_field_is_named(folder: Path) -> None:
    change(folder, "roles.yaml", "  front_door: /collect/\n", "")
    assert "roles.yaml, grid_member, front_door: is missing: add it" in refused(folder)


def test_a_rule_that_points_nowhere_names_what_there_is(folder: Path) -> None:
    change(folder, "violations.yaml", "task: T10", "task: T99")
    mistake = refused(folder)
    assert "T99, which no catalogue has; known: " in mistake
    assert "T10" in mistake


@pytest.mark.parametrize("days", ["since: 2026-06-01", "until: 2027-06-01", "enabled: false"])
def test_routing_needs_a_rule_that_takes_all_the_rest_on_any_day(folder: Path, days: str) -> None:
    """Else what comes in on another day would have nowhere to go."""
    change(folder, "routing.yaml", "- id: R-90-ELSE\n", f"- id: R-90-ELSE\n  {days}\n")
    assert "no rule without conditions, beginning and end" in refused(folder)


def test_routing_by_a_kind_of_shop_there_is_not_is_refused(folder: Path) -> None:
    change(folder, "routing.yaml", "when: {town_known: true}", "when: {town_known: true, merchant_kinds: [stal]}")
    assert "routing R-80-TOWN: when.merchant_kinds names stal" in refused(folder)


@pytest.mark.parametrize("wrong", ["2017", "2026-01-01", "[a]", "{a: b}", "null", "1.5", "true"])
@pytest.mark.parametrize("name", ["violations.yaml", "roles.yaml", "alarms.yaml", "devices/plain-2017.yaml"])
def test_an_id_that_is_no_text_is_named_and_nothing_breaks(folder: Path, name: str, wrong: str) -> None:
    path = folder / name
    path.write_text(
        re.sub(r"(?m)\bid: \S+", f"id: {wrong}", path.read_text(encoding="utf-8"), count=1), encoding="utf-8"
    )
    assert name in refused(folder)


def test_a_profile_is_named_by_its_own_file(folder: Path) -> None:
    name = sorted((folder / "devices").glob("*.yaml"))[0].name
    path = folder / "devices" / name
    path.write_text(path.read_text(encoding="utf-8") + "\nwrong_field: 1\n", encoding="utf-8")
    assert f"devices/{name}" in refused(folder)


def test_a_key_given_twice_is_refused(folder: Path) -> None:
    change(folder, "roles.yaml", "  front_door: /collect/\n", "  front_door: /collect/\n  front_door: /\n")
    assert "'front_door' is given twice" in refused(folder)


def test_what_is_not_yaml_is_refused_with_its_line(folder: Path) -> None:
    (folder / "tasks.yaml").write_text("- id: T01\n  label: {zh: 一\n", encoding="utf-8")
    mistake = refused(folder)
    assert mistake.startswith("tasks.yaml: ")
    assert "line" in mistake


def test_a_misspelt_file_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "violation.yaml").write_text("[]", encoding="utf-8")
    mistake = refused(tmp_path)
    assert mistake.startswith("violation.yaml: no catalogue of that name; known: ")
    assert "violations" in mistake


def test_the_same_catalogues_have_the_same_digest_however_their_keys_stand() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1}) != digest({"a": 1, "b": [2, 1]})
