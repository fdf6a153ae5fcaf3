"""An edition is made once, never changed, and found again."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction

from lingxiu.journal.models import Entry
from lingxiu.policy.actions import load
from lingxiu.policy.comparing import compare, without_basis
from lingxiu.policy.models import Edition
from lingxiu.policy.queries import diff, edition, forget, in_force
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.policy.rows import Basis, Label

AT = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder that differs from the shipped one in the label of one role."""
    text = (SHIPPED / "roles.yaml").read_text(encoding="utf-8")
    (tmp_path / "roles.yaml").write_text(text.replace("en: grid member", "en: warden"), encoding="utf-8")
    return tmp_path


def test_loading_what_is_in_force_changes_nothing(db: None) -> None:
    before = Edition.objects.count()
    kept, new = load(SHIPPED, at=AT)
    assert (new, Edition.objects.count()) == (False, before)
    assert kept.pk == in_force().id
    assert not Entry.objects.filter(kind="policy.loaded", at=AT).exists()


def test_a_new_edition_is_in_force_and_the_old_one_still_there(db: None, own: Path) -> None:
    old = in_force().id
    loaded, new = load(own, at=AT, actor_id=7, note="wardens")
    forget()
    assert new
    assert in_force().id == loaded.pk > old
    assert in_force().catalogues.role("grid_member").label.en == "warden"
    assert edition(old).catalogues.role("grid_member").label.en == "grid member"
    entry = Entry.objects.get(kind="policy.loaded", at=AT)
    assert (entry.subject_id, entry.actor_id) == (str(loaded.pk), 7)


def test_going_back_makes_an_edition_of_its_own(db: None, own: Path) -> None:
    """What was in force between the two stays told."""
    load(own, at=AT)
    back, new = load(SHIPPED, at=AT)
    assert new
    assert Edition.objects.latest("id").pk == back.pk


@pytest.mark.parametrize("tamper", ["update", "delete"])
def test_the_database_refuses_to_change_an_edition(db: None, tamper: str) -> None:
    rows = Edition.objects.filter(pk=in_force().id)
    with pytest.raises(IntegrityError, match="immutable"), transaction.atomic():
        rows.update(note="changed") if tamper == "update" else rows.delete()


def test_two_editions_are_compared_rule_by_rule(db: None, own: Path) -> None:
    old = in_force().id
    new, _ = load(own, at=AT)
    assert diff(old, new.pk) == ['roles grid_member label en: "grid member" → "warden"']
    assert diff(old, old) == []
    with pytest.raises(Edition.DoesNotExist):
        diff(old, 10_000)


def test_added_removed_and_reordered_rules_are_told() -> None:
    older = {"routing": [{"id": "R1"}, {"id": "R2", "level": "town"}], "limits": {"a": 1}}
    newer = {"routing": [{"id": "R2", "level": "grid"}, {"id": "R3"}], "limits": {"a": 1, "b": [2]}}
    assert list(compare(older, newer)) == [
        "- routing R1",
        'routing R2 level: "town" → "grid"',
        "+ routing R3",
        "+ limits b",
    ]
    assert list(compare({"r": [{"id": "A"}, {"id": "B"}]}, {"r": [{"id": "B"}, {"id": "A"}]})) == [
        "r: order A, B → B, A"
    ]


def test_rules_whose_law_was_repealed_are_named() -> None:
    """The Ecological Environment Code took the Air Act's place on 2026-08-15; an article of the Act ended the day before."""
    catalogues, _ = read_folder(SHIPPED)
    old_act = Basis(law=Label(zh="大气污染防治法", en="Air Act"), article="第八十一条", until=date(2026, 8, 14))
    resting = catalogues.violations[0].model_copy(update={"bases": (old_act,), "id": "V-OLD"})
    catalogues = catalogues.model_copy(update={"violations": (*catalogues.violations, resting)})
    assert "V-OLD" not in without_basis(catalogues, date(2026, 8, 14))
    assert "V-OLD" in without_basis(catalogues, date(2026, 8, 15))
