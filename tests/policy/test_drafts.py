"""One catalogue is proposed by one and put into force by another; what stands in no folder outlasts a start."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from lingxiu.journal.models import Entry
from lingxiu.policy import actions
from lingxiu.policy.models import Draft, Edition
from lingxiu.policy.queries import forget, in_force
from lingxiu.policy.reading import SHIPPED
from lingxiu.policy.schema.routing import Routing
from lingxiu.policy.texts import Mistake, TextRefused, read, rows

AT = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
TEXT = (SHIPPED / "routing.yaml").read_text(encoding="utf-8")
OTHER = TEXT.replace("earlier_in_90_days_at_least: 4", "earlier_in_90_days_at_least: 6")
ONE, ANOTHER = 7, 8


def proposed(text: str = OTHER) -> Draft:
    return actions.propose("routing", text, why="试行三个月", by=ONE, at=AT)


def leads_in_force() -> int | None:
    forget()
    rule = next(rule for rule in in_force().catalogues.routing if rule.id == "R-30-REPEAT-LEAD")
    return rule.when.earlier_in_90_days_at_least


# ── proposed and put into force ──────────────────────────────────────────────────────────────────────────────────


def test_what_is_proposed_is_not_in_force(db: None) -> None:
    before = in_force().id
    draft = proposed()
    assert (in_force().id, leads_in_force(), draft.base_id) == (before, 4, before)
    assert Entry.objects.filter(kind="policy.proposed", subject_id=str(draft.pk), actor_id=ONE).exists()


def test_another_puts_it_into_force_and_the_edition_before_stays(db: None) -> None:
    draft, before = proposed(), in_force()
    made = actions.approve(draft.pk, by=ANOTHER, at=LATER)
    assert (leads_in_force(), in_force().id) == (6, made.pk)
    assert (made.loaded_by, made.loaded_at, made.note, made.drafted) == (ANOTHER, LATER, "试行三个月", True)
    assert Edition.objects.get(pk=before.id).body["routing"] != made.body["routing"]
    assert {**made.body, "routing": 0} == {**Edition.objects.get(pk=before.id).body, "routing": 0}
    draft.refresh_from_db()
    assert (draft.decided_by, draft.decided_at, draft.edition, draft.text) == (ANOTHER, LATER, made, OTHER)
    entry = Entry.objects.get(kind="policy.loaded", subject_id=str(made.pk))
    assert (entry.actor_id, entry.reference) == (ANOTHER, {"draft": draft.pk})


def test_who_proposed_it_does_not_put_it_into_force_nor_does_the_database_let_them(db: None) -> None:
    draft = proposed()
    with pytest.raises(actions.OwnDraft):
        actions.approve(draft.pk, by=ONE, at=LATER)
    with pytest.raises(IntegrityError, match="policy_draft_takes_two"), transaction.atomic():
        Draft.objects.filter(pk=draft.pk).update(decided_by=ONE, decided_at=LATER, edition=draft.base)
    assert leads_in_force() == 4


def test_it_is_decided_once(db: None) -> None:
    draft = proposed()
    actions.refuse(draft.pk, why="再看看", by=ANOTHER, at=LATER)
    with pytest.raises(actions.NotWaiting):
        actions.approve(draft.pk, by=ANOTHER, at=LATER)
    with pytest.raises(actions.NotWaiting):
        actions.refuse(draft.pk, why="x", by=ONE, at=LATER)
    assert leads_in_force() == 4


def test_who_proposed_it_may_take_it_back(db: None) -> None:
    draft = proposed()
    actions.refuse(draft.pk, why="写错了", by=ONE, at=LATER)
    assert Draft.objects.get().refused_why == "写错了"


def test_of_two_drafts_the_later_does_not_undo_the_earlier_unseen(db: None) -> None:
    first, second = proposed(), proposed(TEXT.replace("{since: 22, until: 6}", "{since: 21, until: 6}"))
    actions.approve(first.pk, by=ANOTHER, at=LATER)
    with pytest.raises(actions.Outdated):
        actions.approve(second.pk, by=ANOTHER, at=LATER)
    assert leads_in_force() == 6


def test_what_is_in_force_already_is_not_proposed(db: None) -> None:
    with pytest.raises(actions.NothingNew):
        proposed(TEXT + "\n# 只加了一句说明\n")
    assert not Draft.objects.exists()


# ── starts ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A county's own folder, loaded."""
    shutil.copy(SHIPPED / "roles.yaml", tmp_path)
    shutil.copy(SHIPPED / "routing.yaml", tmp_path)
    return tmp_path


def write(folder: Path, name: str, old: str, new: str) -> None:
    path = folder / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_start_does_not_undo_what_was_put_into_force_on_a_page(db: None, folder: Path) -> None:
    made = actions.approve(proposed().pk, by=ANOTHER, at=LATER)
    assert actions.load_at_start(folder, at=LATER) == (made, False)
    assert leads_in_force() == 6


def test_a_start_takes_what_changed_in_the_folder_and_keeps_the_rest(db: None, folder: Path) -> None:
    actions.approve(proposed().pk, by=ANOTHER, at=LATER)
    write(folder, "roles.yaml", "en: grid member", "en: warden")
    made, new = actions.load_at_start(folder, at=LATER)
    assert (new, leads_in_force(), made.drafted) == (True, 6, True)
    assert in_force().catalogues.role("grid_member").label.en == "warden"
    assert actions.load_at_start(folder, at=LATER) == (made, False)


def test_a_start_takes_the_folders_routing_once_that_was_changed_there(db: None, folder: Path) -> None:
    actions.approve(proposed().pk, by=ANOTHER, at=LATER)
    write(folder, "routing.yaml", "earlier_in_90_days_at_least: 4", "earlier_in_90_days_at_least: 5")
    made, new = actions.load_at_start(folder, at=LATER)
    assert (new, leads_in_force(), made.drafted) == (True, 5, False)
    again = actions.approve(proposed().pk, by=ANOTHER, at=LATER)
    assert actions.load_at_start(folder, at=LATER) == (again, False)


def test_who_loads_the_folder_by_hand_has_what_the_folder_says(db: None, folder: Path) -> None:
    actions.approve(proposed().pk, by=ANOTHER, at=LATER)
    _edition, new = actions.load(folder, at=LATER)
    assert (new, leads_in_force()) == (True, 4)


# ── read or refused, with the line ───────────────────────────────────────────────────────────────────────────────

RULES = """# 说明
- id: R-1
  label: {zh: 一, en: one}
  when: {source: [officer]}
  level: town
  to: town_team
- id: R-2
  label: {zh: 二, en: two}
  level: county
  to: county_office
"""


def mistakes(text: str) -> list[Mistake]:
    with pytest.raises(TextRefused) as caught:
        rows(read(text), Routing)
    return list(caught.value.mistakes)


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("level: town", "level: village", Mistake(5, "R-1, level", "literal_error", "'village'", "grid, town, county")),
        ("to: town_team", "too: town_team", Mistake(6, "R-1, too", "extra_forbidden")),
        ("  to: county_office\n", "", Mistake(7, "R-2, to", "missing")),
        ("{source: [officer]}", "{severity_at_least: high}", Mistake(4, "R-1, when.severity_at_least", "int_parsing", "'high'")),
        ("[officer]", "officer", Mistake(4, "R-1, when.source", "tuple_type", "'officer'")),
        ("{zh: 一, en: one}", "{zh: 一}", Mistake(3, "R-1, label.en", "missing")),
        ("  to: county_office\n", "  to: county_office\n  to: grid\n", Mistake(7, "", "yaml", "'to' is given twice")),
        ("id: R-2", "id: 甲", Mistake(7, "甲, id", "string_pattern_mismatch", "'甲'", "^[A-Za-z][A-Za-z0-9_.-]*$")),
        ("[officer]", "[officer", Mistake(4, "", "yaml", "did not find expected ',' or ']'")),
        ("{zh: 一, en: one}", "&a {zh: 一, en: one}\n  bases: *a", Mistake(4, "", "alias", "*a")),
        ("level: town", "since: 2026-02-30", Mistake(0, "", "yaml", "day is out of range for month")),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_line_rule_and_field(old: str, new: str, mistake: Mistake) -> None:
    found = mistakes(RULES.replace(old, new, 1))
    assert mistake in found


@pytest.mark.parametrize("text", ["", "# nothing", "a: b", "[]", "just words"])
def test_what_is_no_list_of_rules_is_refused(text: str) -> None:
    assert [one.kind for one in mistakes(text)] == ["no_rows"]


def test_nesting_without_end_and_too_much_text_are_refused_before_they_are_built() -> None:
    assert mistakes("[" * 900)[0].kind in ("deep", "yaml")
    assert mistakes("[" * 100_000)[0].kind in ("deep", "yaml")
    assert mistakes("#" * 200_001)[0].kind == "large"


def test_the_shipped_rules_are_read() -> None:
    assert [rule.id for rule in rows(read(TEXT), Routing)][-1] == "R-90-ELSE"
