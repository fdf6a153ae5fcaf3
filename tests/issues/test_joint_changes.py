"""A planned round changes: somebody else goes, it is on another day, who is away is stood in for. Who walked, went as planned."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
import time_machine
from django.test import Client

from lingxiu.accounts.absences import declare, end
from lingxiu.accounts.models import Post, Unit, User
from lingxiu.issues.joint import JointRefused, leave_out, withdraw
from lingxiu.issues.joint_changes import cover_seats, may_go_instead, move_day, swap
from lingxiu.issues.joint_models import JointInspection
from lingxiu.journal.models import Entry
from tests.cast import NOON, Cast, person
from tests.issues.races import together
from tests.issues.test_joint_rounds import DAY, at_shop, crew, planned, walked
from tests.pages import plain_static

__all__ = ["crew", "plain_static"]

Crew = dict[Unit, list[User]]
LATER_DAY = NOON.date() + timedelta(days=5)


@pytest.fixture
def third(cast: Cast) -> User:
    """Ecology's third certified officer."""
    return person("ecology3", "department_officer", cast.ecology)


def names(one: JointInspection) -> set[str]:
    return set(one.officers.values_list("user__username", flat=True))


def kinds(one: JointInspection) -> list[str]:
    return list(
        Entry.objects.filter(subject_kind="joint_inspection", subject_id=str(one.pk)).values_list("kind", flat=True)
    )


def away(user: User, deputy: User | None, day: date = LATER_DAY) -> None:
    since = NOON + timedelta(days=(day - NOON.date()).days, hours=-2)
    declare(user, since, since + timedelta(hours=8), reason="leave", deputy=deputy, at=NOON, by=user.pk)


def refused(cast: Cast, one: JointInspection, went: User, came: User, *, by: User | None = None) -> str:
    with pytest.raises(JointRefused) as why:
        swap(one, went.pk, came, by=by or cast.county_officer, at=NOON)
    return why.value.why


def test_another_officer_of_the_same_body_goes(cast: Cast, crew: Crew, third: User) -> None:
    one = planned(cast, crew)
    swap(one, cast.department_officer.pk, third, by=cast.county_officer, at=NOON)
    assert "ecology3" in names(one) and "ecology" not in names(one)
    assert kinds(one) == ["joint.planned", "joint.officer_came", "joint.officer_went"]
    told = {entry.kind: entry.reference["people"] for entry in Entry.objects.filter(kind__startswith="joint.officer")}
    assert told == {"joint.officer_came": [third.pk], "joint.officer_went": [cast.department_officer.pk]}


def test_who_may_not_go_or_is_there_already_is_refused(cast: Cast, crew: Crew, third: User) -> None:
    one = planned(cast, crew, day=LATER_DAY)
    goes = cast.department_officer
    assert refused(cast, one, goes, crew[cast.ecology][1]) == "goes_already"
    assert refused(cast, one, goes, person("market3", "department_officer", cast.market)) == "certificate"
    assert refused(cast, one, goes, third, by=cast.dispatcher) == "planner"
    assert refused(cast, one, third, person("ecology4", "department_officer", cast.ecology)) == "changed"
    away(third, None)
    assert refused(cast, one, goes, third) == "away_then"
    assert third not in may_go_instead(one, NOON)[cast.ecology.pk]


def test_a_day_is_moved_and_the_shops_stay(cast: Cast, crew: Crew) -> None:
    one = planned(cast, crew)
    JointInspection.objects.filter(pk=one.pk).update(told_today_at=NOON)
    move_day(one, LATER_DAY, seen=one.day, by=cast.county_officer, at=NOON)
    one.refresh_from_db()
    assert (one.day, one.shops.count(), one.told_today_at) == (LATER_DAY, 2, None)
    entry = Entry.objects.get(kind="joint.moved")
    assert (entry.reference["was"], entry.reference["now"]) == (NOON.date().isoformat(), LATER_DAY.isoformat())


@pytest.mark.parametrize(("days", "why"), [(-1, "day"), (0, "same_day")])
def test_it_is_not_moved_into_the_past_nor_nowhere(cast: Cast, crew: Crew, days: int, why: str) -> None:
    one = planned(cast, crew)
    with pytest.raises(JointRefused, match=why):
        move_day(one, one.day + timedelta(days=days), seen=one.day, by=cast.county_officer, at=NOON)


def test_not_to_a_day_on_which_nobody_may_inspect_one_of_its_shops(cast: Cast, crew: Crew) -> None:
    """Each body keeps its place of this year's cap; next year's were taken by another round."""
    one = planned(cast, crew, cast.merchant)
    next_year = date(NOON.year + 1, 3, 9)
    taken = 0
    while taken < 10:
        try:
            planned(cast, crew, cast.merchant, day=next_year)
        except JointRefused:
            break
        taken += 1
    assert 0 < taken < 10
    with pytest.raises(JointRefused) as refused_:
        move_day(one, next_year, seen=one.day, by=cast.county_officer, at=NOON)
    assert (refused_.value.why, refused_.value.about) == ("none_that_day", cast.merchant.name)


def test_once_a_shop_is_walked_nothing_of_it_changes(cast: Cast, crew: Crew, third: User) -> None:
    one = planned(cast, crew)
    walked(cast, one, cast.merchant)
    assert refused(cast, one, cast.department_officer, third) == "begun_so_stays"
    with pytest.raises(JointRefused, match="begun_so_stays"):
        move_day(one, LATER_DAY, seen=one.day, by=cast.county_officer, at=NOON)
    away(cast.department_officer, third, NOON.date())
    assert cover_seats(NOON) == 0


def test_what_was_taken_back_does_not_change(cast: Cast, crew: Crew, third: User) -> None:
    one = planned(cast, crew)
    withdraw(one, "改期", by=cast.county_officer, at=NOON)
    assert refused(cast, one, cast.department_officer, third) == "withdrawn"


def test_when_its_planner_has_left_the_county_changes_it(cast: Cast, crew: Crew, third: User) -> None:
    one = planned(cast, crew)
    colleague = person("county2", "county_officer", cast.county_office)
    assert refused(cast, one, cast.department_officer, third, by=colleague) == "planner"
    Post.objects.filter(user=cast.county_officer).update(until=NOON - DAY)
    swap(one, cast.department_officer.pk, third, by=colleague, at=NOON)
    leave_out(at_shop(one, cast.merchant), "停业", by=colleague, at=NOON)


# ── who is away ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_deputy_of_who_is_away_that_day_has_the_seat_and_gives_it_back(cast: Cast, crew: Crew, third: User) -> None:
    one = planned(cast, crew, day=LATER_DAY)
    assert cover_seats(NOON) == 0
    away(cast.department_officer, third)
    assert (cover_seats(NOON), cover_seats(NOON)) == (1, 0)
    seat = one.officers.get(user=third)
    assert seat.deputy_for == cast.department_officer
    end(cast.department_officer.absences.get(), at=NOON, by=cast.department_officer.pk)
    assert (cover_seats(NOON), cover_seats(NOON)) == (1, 0)
    seat.refresh_from_db()
    assert (seat.user, seat.deputy_for) == (cast.department_officer, None)


def test_who_is_away_on_another_day_keeps_the_seat(cast: Cast, crew: Crew, third: User) -> None:
    one = planned(cast, crew, day=LATER_DAY)
    away(cast.department_officer, third, LATER_DAY + timedelta(days=1))
    assert cover_seats(NOON) == 0
    move_day(one, LATER_DAY + timedelta(days=1), seen=LATER_DAY, by=cast.county_officer, at=NOON)
    assert cover_seats(NOON) == 1


@pytest.mark.parametrize("deputy", [None, "not certified", "goes already"])
def test_where_nobody_can_stand_in_the_planner_is_told_once(cast: Cast, crew: Crew, deputy: str | None) -> None:
    one = planned(cast, crew, day=LATER_DAY)
    stands_in = {None: None, "not certified": cast.leader, "goes already": crew[cast.ecology][1]}[deputy]
    away(cast.department_officer, stands_in)
    assert (cover_seats(NOON), cover_seats(NOON)) == (0, 0)
    entry = Entry.objects.get(kind="joint.seat_empty")
    assert entry.reference["people"] == [cast.county_officer.pk]
    assert one.officers.get(user=cast.department_officer).missing_since == NOON
    end(cast.department_officer.absences.get(), at=NOON, by=cast.department_officer.pk)
    cover_seats(NOON)
    assert one.officers.get(user=cast.department_officer).missing_since is None


def test_who_is_certified_there_no_more_leaves_an_empty_seat(cast: Cast, crew: Crew) -> None:
    one = planned(cast, crew, day=LATER_DAY)
    Post.objects.filter(user=cast.department_officer).update(until=NOON - DAY)
    assert cover_seats(NOON) == 0
    assert one.officers.get(user=cast.department_officer).missing_since == NOON


@pytest.mark.django_db(transaction=True)
def test_of_two_who_move_it_at_once_one_does(committed: Cast) -> None:
    one = planned(committed, {
        committed.ecology: [committed.department_officer, person("ecology2", "department_officer", committed.ecology)],
        committed.market: [person(f"market{n}", "department_officer", committed.market) for n in (1, 2)],
    })  # fmt: skip

    def moving(days: int) -> str:
        try:
            move_day(one, one.day + timedelta(days=days), seen=one.day, by=committed.county_officer, at=NOON)
        except JointRefused as error:
            return error.why
        return "moved"

    outcomes = together(lambda: moving(1), lambda: moving(2))
    assert sorted(map(str, outcomes)) == ["changed", "moved"]
    assert Entry.objects.filter(kind="joint.moved").count() == 1


@pytest.mark.usefixtures("plain_static")
@time_machine.travel(NOON, tick=False)
def test_the_planner_changes_it_on_its_page(client: Client, cast: Cast, crew: Crew, third: User) -> None:
    one = planned(cast, crew)
    client.force_login(cast.county_officer)
    page, act = f"/issues/joint/{one.pk}/", f"/issues/joint/{one.pk}/act/"
    assert third.name in client.get(page).content.decode()
    change = {"do": "swap", "went": str(cast.department_officer.pk), "came": str(third.pk), "submission": str(uuid4())}
    assert [client.post(act, change).status_code for _ in range(2)] == [302, 302]
    move = {"do": "move", "seen": one.day.isoformat(), "day": LATER_DAY.isoformat()}
    assert client.post(act, {**move, "submission": str(uuid4())}).status_code == 302
    assert client.post(act, {**move, "submission": str(uuid4())}).status_code == 409
    assert client.post(act, {**change, "came": "", "submission": str(uuid4())}).status_code == 409
    assert client.post(act, {"do": "move", "day": "x", "seen": "", "submission": str(uuid4())}).status_code == 409
    client.force_login(cast.department_officer)
    assert 'name="went"' not in client.get(page).content.decode()
    assert client.post(act, {**move, "submission": str(uuid4())}).status_code == 403
