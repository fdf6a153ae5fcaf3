"""What a notice may name and what may follow is chosen by the day of the act; what is not known for certain is never printed."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lingxiu.cli import main
from lingxiu.policy.comparing import without_article, without_basis
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.policy.rows import Basis, Label
from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.policy.schema.violations import Penalty, Question, Violation

BEFORE, AFTER = date(2026, 8, 10), date(2026, 8, 20)  # the Ecological Environment Code came into force between them
DAYS = st.dates(date(2000, 1, 1), date(2040, 12, 31))


@cache
def shipped() -> Catalogues:
    return read_folder(SHIPPED)[0]


def articles(violation: str, day: date) -> list[tuple[str, str]]:
    return [(basis.law.zh, basis.article) for basis in shipped().violation(violation).printable_basis(day)]


# ── by the day of the act ──


def test_the_same_act_ten_days_apart_rests_on_different_laws() -> None:
    assert articles("V-A1", BEFORE) == [("大气污染防治法", "第八十一条第一款、第一百一十八条第一款")]
    assert articles("V-A1", AFTER) == []
    in_force = shipped().violation("V-A1").bases_on(AFTER)
    assert [(basis.law.zh, basis.article) for basis in in_force] == [("生态环境法典", "")]


def test_the_last_day_of_a_law_is_its_own() -> None:
    assert articles("V-A1", date(2026, 8, 14)) != articles("V-A1", date(2026, 8, 15))


def test_a_local_rule_stands_where_the_acts_have_ended() -> None:
    assert [law for law, _ in articles("V-A2", BEFORE)] == ["大气污染防治法", "嘉兴市餐饮业油烟管理办法"]
    assert [law for law, _ in articles("V-A2", AFTER)] == ["嘉兴市餐饮业油烟管理办法"]


def test_amounts_of_an_act_that_has_ended_are_not_shown_for_later_acts() -> None:
    waste = shipped().violation("V-S1")
    assert [(one.who, one.least, one.most) for one in waste.variants_on(BEFORE)] == [
        ("unit", 100_000, 1_000_000),
        ("person", 100, 500),
    ]
    assert waste.variants_on(AFTER) == ()


def test_what_a_local_rule_threatens_stays_the_same() -> None:
    flow = shipped().violation("V-A1b")
    assert flow.variants_on(BEFORE) == flow.variants_on(AFTER) != ()


def test_what_was_switched_off_is_kept_and_never_holds() -> None:
    """Restaurants left the list of environmental assessment on 2021-01-01."""
    form = shipped().violation("V-A9")
    assert not form.enabled
    assert not form.holds(date(2020, 10, 1))
    assert form.penalties[0].most == 50_000


@given(DAYS)
def test_nothing_without_an_article_is_ever_printable(day: date) -> None:
    for violation in shipped().violations:
        for basis in violation.printable_basis(day):
            assert basis.article
            assert basis.in_force(day)
            assert basis.confidence in ("S", "V")


@given(DAYS)
def test_what_is_printed_is_in_force_and_nothing_else_is_named(day: date) -> None:
    for violation in shipped().violations:
        assert set(violation.printable_basis(day)) <= set(violation.bases_on(day))
        assert set(violation.variants_on(day)) <= set(violation.penalties)


@pytest.mark.parametrize("confidence", ["S-", "G", "P", "U"])
def test_an_article_nobody_read_in_full_is_not_printed(confidence: Any) -> None:
    law = Label(zh="某条例", en="some regulations")
    assert not Basis(law=law, article="第一条", confidence=confidence).printable(BEFORE)
    assert Basis(law=law, article="第一条", confidence="S").printable(BEFORE)


# ── the shipped catalogue ──

FAMILIES = {"A": 9, "W": 6, "S": 6, "N": 1, "C": 1, "F": 9, "H": 2, "G": 2, "X": 2}
DOMAIN = ["V-A1b", *(f"V-{letter}{n}" for letter, last in FAMILIES.items() for n in range(1, last + 1))]


def test_every_violation_of_the_domain_is_there_with_its_law() -> None:
    for violation in map(shipped().violation, DOMAIN):
        assert violation.kind == "finding"
        assert violation.bases
        assert violation.penalties or violation.id in ("V-A5", "V-S6")  # no fine was found in their law
        assert violation.power or not violation.penalties


def test_everyday_findings_remind_and_punish_nothing() -> None:
    everyday = [row for row in shipped().violations if row.id.startswith("D-")]
    assert 20 <= len(everyday) <= 30
    for row in everyday:
        assert (row.flow, row.bases, row.penalties, row.power) == ("quick", (), (), None)
        assert row.first_step
    assert len([row for row in everyday if row.everyday]) == 10


def test_sensors_and_forecasts_open_leads_only() -> None:
    leads = {row.id for row in shipped().violations if row.kind == "lead"}
    of_fume = {"L-FUME", "L-LINK", "L-OFF", "L-REPEAT", "L-CLEAN", "L-DEVICE"}
    assert leads == of_fume | {"L-GREASE", "L-GAS", "L-CAM", "F-PURIFIER", "F-TRAP", "F-DEVICE"}
    assert not [row for row in map(shipped().violation, leads) if row.bases or row.penalties]


def test_no_code_of_the_list_of_powers_was_made_up() -> None:
    for row in shipped().violations:
        if row.power:
            assert (row.power.code, row.power.confidence) == ("", "U")
            assert row.power.to_town.confidence in ("G", "P")


def test_what_the_towns_were_given_is_asked_by_day() -> None:
    assert shipped().violation("V-C1").given_to_town(BEFORE)
    assert not shipped().violation("V-A1").given_to_town(BEFORE)
    assert not shipped().violation("D-HOOD").given_to_town(BEFORE)


def test_a_fine_that_differs_for_person_and_unit_names_both() -> None:
    for row in shipped().violations:
        who = {one.who for one in row.penalties}
        assert not {"person", "unit"} & who or {"person", "unit"} <= who, row.id


# ── what is refused ──


def refused(model: type[Any], **values: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(values)
    return str(caught.value)


def test_a_penalty_must_say_something_and_its_ends_stand_in_order() -> None:
    assert "or a text" in refused(Penalty)
    assert "or a text" in refused(Penalty, least=5)
    assert "least 9 lies above most 5" in refused(Penalty, least=9, most=5)


CHOICE = {"id": "a", "label": {"zh": "甲", "en": "a"}}
QUESTION = {"id": "q", "label": {"zh": "问", "en": "ask"}}


def test_choices_stand_with_a_choice_only_and_each_once() -> None:
    assert "give choices" in refused(Question, **QUESTION, kind="choice")
    assert "give choices" in refused(Question, **QUESTION, kind="date", choices=[CHOICE])
    assert "ids given twice: a" in refused(Question, **QUESTION, kind="choice", choices=[CHOICE, CHOICE])


def test_a_violation_asks_each_question_once() -> None:
    asked = {**QUESTION, "kind": "text"}
    row = {"id": "V-Q", "label": QUESTION["label"], "kind": "finding", "task": "T01", "responsible": "x"}
    assert Violation.model_validate({**row, "questions": [asked]}).questions[0].id == "q"
    assert "ids given twice: q" in refused(Violation, **row, questions=[asked, asked])


def test_an_edition_of_before_is_still_read() -> None:
    """Editions are stored for ever: what they say must stay readable."""
    row = {
        "id": "V-OLD", "label": QUESTION["label"], "kind": "finding", "task": "T01", "responsible": "x",
        "penalty": {"zh": "5万元以下", "en": "up to CNY 50,000"}, "evidence": {"photo_before": True, "photo_after": False},
    }  # fmt: skip
    old = Violation.model_validate(row)
    assert (old.penalties, old.questions, old.power, old.evidence.reading) == ((), (), None, False)


def test_a_licence_nobody_knows_is_refused() -> None:
    body = shipped().model_dump(mode="json")
    body["violations"][0]["licences"] = ["driving"]
    assert "licences names driving" in refused(Catalogues, **body)


# ── what rests on nothing ──


def test_a_law_without_a_known_article_is_told_apart_from_a_repealed_one() -> None:
    assert without_article(shipped(), BEFORE) == []
    assert without_basis(shipped(), AFTER) == []
    assert set(without_article(shipped(), AFTER)) == {"V-A1", "V-A3", "V-A7", "V-A8", "V-S1", "V-S2", "V-N1"}


def test_policy_check_lists_what_stands_on_no_notice() -> None:
    said = CliRunner().invoke(main, ["policy", "check", "--day", "2026-08-20"]).output
    assert "2026-08-20: law in force, its article not known for certain: V-A1, V-A3" in said
    assert "article not known" not in CliRunner().invoke(main, ["policy", "check", "--day", "2026-08-10"]).output
