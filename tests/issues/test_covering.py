"""Who is away is stood in for; who left leaves nothing lying."""

from __future__ import annotations

import io
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from python_calamine import CalamineWorkbook

from lingxiu.accounts.absences import AbsenceRefused, declare, deputies, end
from lingxiu.accounts.models import Post, User
from lingxiu.issues import lies_with
from lingxiu.issues.covering import cover_absent
from lingxiu.issues.holders import holder, stood_in_for
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from lingxiu.issues.queries import ball, mine
from tests.cast import NOON, Cast, person
from tests.issues.world import LATER, alarm, do

DAY = timedelta(days=1)


@pytest.fixture
def colleague(cast: Cast) -> User:
    return person("colleague", "grid_member", cast.grid)


def away(user: User, deputy: User | None, *, since: int = 0, days: int = 5) -> None:
    begins = NOON + since * DAY
    declare(user, begins, begins + days * DAY, reason="leave", deputy=deputy, at=NOON, by=user.pk)


def held(issue: Issue) -> tuple[str | None, str | None]:
    now = ball(issue)
    assert now is not None
    return now.person.name if now.person else None, now.deputy_for.name if now.deputy_for else None


def test_what_is_given_to_somebody_away_goes_to_their_deputy(cast: Cast, colleague: User) -> None:
    away(cast.grid_member, colleague)
    issue = alarm(cast.merchant)
    do(issue, Move.RETURN, cast.dispatcher, words="收回")
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, person=cast.grid_member)
    issue.refresh_from_db()
    assert held(issue) == (colleague.name, cast.grid_member.name)
    assert issue in mine(colleague)


def test_without_a_deputy_the_unit_has_it(cast: Cast) -> None:
    away(cast.grid_member, None)
    issue = alarm(cast.merchant)
    do(issue, Move.RETURN, cast.dispatcher, words="收回")
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, person=cast.grid_member)
    assert held(issue) == (None, cast.grid_member.name)


def test_what_lies_with_them_changes_hands_on_their_first_day_away_once(cast: Cast, colleague: User) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    away(cast.grid_member, colleague, since=1)
    assert cover_absent(NOON + timedelta(hours=23)) == 0
    assert cover_absent(NOON + DAY) == 1
    assert cover_absent(NOON + DAY) == 0
    issue.refresh_from_db()
    assert (held(issue), issue.state) == ((colleague.name, cast.grid_member.name), "handling")
    assert issue.step_due_at == Issue.objects.get(pk=issue.pk).assignments.get(ended_at=None).due_at


def test_who_left_their_post_leaves_it_with_the_unit(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    Post.objects.filter(user=cast.grid_member).update(until=LATER + DAY)
    assert cover_absent(LATER + timedelta(hours=1)) == 0
    assert cover_absent(LATER + 2 * DAY) == 1
    assert held(issue)[0] is None
    assert ball(issue).unit == cast.grid  # type: ignore[union-attr]  # it is open


def test_what_rests_waits_for_who_is_away_and_not_for_who_has_left(cast: Cast, colleague: User) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    until = (NOON + 5 * DAY).date()
    do(issue, Move.SUSPEND, cast.dispatcher, words="等配件", reason="PART-ORDERED", until=until)
    away(cast.grid_member, colleague, since=1)
    assert cover_absent(NOON + DAY) == 0
    Post.objects.filter(user=cast.grid_member).update(until=NOON + 2 * DAY)
    assert (cover_absent(NOON + 2 * DAY), cover_absent(NOON + 2 * DAY)) == (1, 0)
    issue.refresh_from_db()
    assert (issue.lead_unit, issue.lead_person == cast.grid_member) == (cast.grid, False)
    assert issue.suspended_until is not None


def test_a_deputy_who_is_away_as_well_is_none(cast: Cast, colleague: User) -> None:
    away(cast.grid_member, colleague)
    with pytest.raises(AbsenceRefused) as refused:
        away(colleague, cast.grid_member, since=2)
    assert (refused.value.field, refused.value.why) == ("deputy", "away")
    away(colleague, None, since=2)
    assert deputies([cast.grid_member.pk], NOON + DAY) == {cast.grid_member.pk: colleague.pk}
    assert deputies([cast.grid_member.pk], NOON + 3 * DAY) == {cast.grid_member.pk: None}


@pytest.mark.parametrize(("since", "days", "field", "why"), [(1, 2, "since", "overlaps"), (-9, 2, "until", "past")])
def test_nobody_is_away_twice_nor_in_the_past(cast: Cast, since: int, days: int, field: str, why: str) -> None:
    away(cast.grid_member, None)
    with pytest.raises(AbsenceRefused) as refused:
        away(cast.grid_member, None, since=since, days=days)
    assert (refused.value.field, refused.value.why) == (field, why)


def test_who_is_back_sooner_gets_new_work_again(cast: Cast, colleague: User) -> None:
    away(cast.grid_member, colleague)
    end(cast.grid_member.absences.get(), at=NOON + DAY, by=cast.grid_member.pk)
    assert deputies([cast.grid_member.pk], NOON + DAY) == {}


def test_everything_of_one_person_goes_to_a_colleague_and_the_clocks_run_on(cast: Cast, colleague: User) -> None:
    issues = [alarm(cast.merchant, 1), alarm(cast.merchant, 2, violation="L-LINK")]
    for issue in issues:
        do(issue, Move.ACCEPT, cast.grid_member)
    due = {issue.pk: Issue.objects.get(pk=issue.pk).step_due_at for issue in issues}
    done = lies_with.hand_over(
        cast.grid_member, colleague, cast.grid, actor=cast.dispatcher, at=LATER, words="岗位调整"
    )
    assert sorted((thing.text.split()[0], why) for thing, why in done) == sorted((issue.number, "") for issue in issues)
    for issue in issues:
        issue.refresh_from_db()
        assert (issue.lead_person, issue.step_due_at) == (colleague, due[issue.pk])


def test_two_people_are_handed_over_one_after_the_other_by_the_same_page(cast: Cast, colleague: User) -> None:
    """The page that answers holds the form for the next one: it was refused as sent before, and broke."""
    client = Client()
    client.force_login(cast.dispatcher)
    do(alarm(cast.merchant), Move.ACCEPT, cast.grid_member)
    given = {
        "giver": f"{cast.grid.pk}:{cast.grid_member.pk}",
        "taker": f"{cast.grid.pk}:{colleague.pk}",
        "words": "岗位调整",
    }
    page = client.post("/issues/hand-over/", {**given, "submission": str(uuid4())})
    assert page.status_code == 200
    back = {"giver": given["taker"], "taker": given["giver"], "words": "又回来了"}
    again = client.post("/issues/hand-over/", {**back, "submission": page.context["submission"]})
    assert (again.status_code, len(again.context["done"])) == (200, 1)
    changed = client.post("/issues/hand-over/", {**given, "words": "别的", "submission": page.context["submission"]})
    assert changed.status_code == 409


def test_another_towns_dispatcher_hands_nothing_over(cast: Cast, colleague: User) -> None:
    do(alarm(cast.merchant), Move.ACCEPT, cast.grid_member)
    asked = {"actor": cast.other_dispatcher, "at": LATER}
    assert lies_with.hand_over(cast.grid_member, colleague, cast.grid, words="x", **asked) == []
    assert lies_with.givers(cast.other_dispatcher, LATER) == []


def test_ended_issues_are_with_nobody(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.DISMISS, cast.dispatcher, words="不属实")
    assert ball(issue) is None


@pytest.mark.parametrize(("language", "said"), [("zh-hans", "代"), ("en", "for ")])
def test_whoever_stands_in_is_marked_so_in_the_lists_rows_sheet_and_csv(
    cast: Cast, colleague: User, language: str, said: str
) -> None:
    away(cast.grid_member, colleague)
    issue = alarm(cast.merchant)
    do(issue, Move.RETURN, cast.dispatcher, words="收回")
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, person=cast.grid_member)
    line = f"{cast.grid.name} · {colleague.name}（{said}{cast.grid_member.name}）"
    client = Client(headers={"accept-language": language})
    client.force_login(cast.county_officer)
    for url in ("/issues/?view=all", f"/issues/bulk/?row={issue.number}.0"):
        assert line in client.get(url).content.decode()
    files = {}
    for kind in ("csv", "xlsx"):
        answer = client.get(f"/issues/export.{kind}?view=all")
        files[kind] = b"".join(answer.streaming_content)  # type: ignore[attr-defined]  # a file
    assert line in files["csv"].decode()
    rows = CalamineWorkbook.from_filelike(io.BytesIO(files["xlsx"])).get_sheet_by_index(0).to_python()
    assert line in rows[2]


def test_who_has_it_for_themselves_stands_in_for_nobody(cast: Cast) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    issue.refresh_from_db()
    assert stood_in_for([issue]) == stood_in_for() == {}
    assert holder(issue, {}) == f"{cast.grid.name} · {cast.grid_member.name}"
