"""Who stands how to an issue."""

from __future__ import annotations

import pytest

from lingxiu.issues.lifecycle import By, Level
from lingxiu.issues.relations import Held, relations
from tests.cast import Cast, person


def held(cast: Cast, **changes: object) -> Held:
    values: dict[str, object] = {
        "level": Level.GRID,
        "town": cast.town.town,
        "lead_unit_id": cast.grid.pk,
        "lead_person_id": None,
        "found_by_id": None,
        **changes,
    }
    return Held(**values)  # type: ignore[arg-type]  # the values above, by name


def of(cast: Cast, role: str, issue: Held) -> set[By]:
    user = cast.by_role[role]
    return set(relations(user.pk, user.authority, issue))


ALL = {By.DISPATCHER, By.CHECKER, By.PARTY}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("town_dispatcher", ALL),
        ("grid_member", {By.ASSIGNEE, By.PARTY}),
        ("county_officer", {By.CHECKER, By.LEADER, By.PARTY}),
        ("town_officer", set()),
        ("department_officer", set()),
        ("leader", {By.LEADER, By.PARTY}),
        ("assessor", set()),
        ("system_administrator", set()),
        ("owner", set()),
        ("cleaning_company", set()),
        ("waste_hauler", set()),
    ],
)
def test_an_issue_that_the_grid_has(cast: Cast, role: str, expected: set[By]) -> None:
    assert of(cast, role, held(cast)) == expected


def test_at_the_county_the_office_dispatches_and_the_town_no_more(cast: Cast) -> None:
    issue = held(cast, level=Level.COUNTY, lead_unit_id=cast.ecology.pk)
    assert of(cast, "county_officer", issue) == ALL
    assert of(cast, "department_officer", issue) == {By.ASSIGNEE, By.PARTY}
    assert of(cast, "town_dispatcher", issue) == set()


def test_another_towns_dispatcher_is_a_stranger(cast: Cast) -> None:
    assert not relations(cast.other_dispatcher.pk, cast.other_dispatcher.authority, held(cast))


def test_what_was_given_to_a_person_is_not_their_colleagues(cast: Cast) -> None:
    colleague = person("colleague", "grid_member", cast.grid)
    issue = held(cast, lead_person_id=cast.grid_member.pk)
    assert By.ASSIGNEE in relations(cast.grid_member.pk, cast.grid_member.authority, issue)
    assert not relations(colleague.pk, colleague.authority, issue)


def test_who_handled_it_may_not_check_it(cast: Cast) -> None:
    issue = held(cast, handled_by=frozenset({cast.dispatcher.pk}))
    assert of(cast, "town_dispatcher", issue) == {By.DISPATCHER, By.PARTY}
    assert By.CHECKER in of(cast, "county_officer", issue)


def test_who_found_it_is_a_party_to_it(cast: Cast) -> None:
    assert of(cast, "town_officer", held(cast, found_by_id=cast.town_officer.pk)) == {By.PARTY}


def test_a_dispatcher_who_holds_the_unit_is_no_assignee(cast: Cast) -> None:
    """Judging and handling are two posts: a room's dispatcher does not visit kitchens."""
    assert By.ASSIGNEE not in of(cast, "town_dispatcher", held(cast, lead_unit_id=cast.town.pk))
