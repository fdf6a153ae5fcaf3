"""What an issue is about, and where, is put right: the record keeps what it was, time and hands stay."""

from __future__ import annotations

import pytest
from django.test import Client

from lingxiu.issues.lifecycle import Move, MoveRefused, State
from lingxiu.issues.models import Issue
from lingxiu.policy.queries import in_force
from lingxiu.territory.models import Area
from tests.cast import Cast, make_merchant
from tests.issues.world import alarm, complain, do, find


def test_another_kind_is_kept_with_what_it_was_and_nothing_moves(cast: Cast) -> None:
    issue = find(cast.grid_member, "D-BIN", merchant=cast.merchant)
    due, step, rule = issue.due_at, issue.step_due_at, issue.routing_rule
    row = do(issue, Move.AMEND, cast.dispatcher, violation="D-HOOD", words="看照片是集气罩")
    issue.refresh_from_db()
    assert (issue.violation, issue.lead_unit, issue.routing_rule) == ("D-HOOD", cast.grid, rule)
    assert (issue.due_at, issue.step_due_at) == (due, step)
    assert row.data == {"violation": ["D-BIN", "D-HOOD"]}


def test_another_shop_has_it_among_its_open_ones_and_the_former_no_longer(cast: Cast) -> None:
    nearby = make_merchant("隔壁小炒", Area.objects.get(code=cast.grid.grid), 120.921, 30.851)
    issue = find(cast.grid_member, "D-BIN", merchant=cast.merchant)
    row = do(issue, Move.AMEND, cast.dispatcher, merchant=nearby, words="是隔壁")
    issue.refresh_from_db()
    cast.merchant.standing.refresh_from_db()
    nearby.standing.refresh_from_db()
    assert (cast.merchant.standing.open_issues, nearby.standing.open_issues) == (0, 1)
    assert (issue.merchant, issue.lead_unit, issue.state) == (nearby, cast.grid, "dispatched")
    assert row.data == {"merchant": [cast.merchant.pk, nearby.pk], "shops": ["一鲜居", "隔壁小炒"]}


def test_what_nobody_was_given_goes_to_the_dispatcher_of_the_other_town(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    due = issue.due_at
    do(issue, Move.AMEND, cast.dispatcher, merchant=cast.other_merchant, words="是老街面馆")
    issue.refresh_from_db()
    assert (issue.state, issue.town, issue.lead_unit) == (State.RECEIVED, cast.other_town.code, cast.other_town)
    assert issue.due_at == due


@pytest.mark.parametrize(
    ("brought", "why"),
    [
        ({"words": "错了", "violation": "D-BIN"}, "matter"),
        ({"words": "错了", "violation": "NO-SUCH"}, "matter"),
        ({"words": "错了"}, "matter"),
        ({"violation": "D-HOOD"}, "words"),
    ],
)
def test_it_takes_a_reason_and_something_else_than_there_is(cast: Cast, brought: dict[str, object], why: str) -> None:
    issue = find(cast.grid_member, "D-BIN", merchant=cast.merchant)
    with pytest.raises(MoveRefused) as refused:
        do(issue, Move.AMEND, cast.dispatcher, **brought)
    assert refused.value.why == why


def test_what_a_device_raised_is_the_devices(cast: Cast) -> None:
    with pytest.raises(MoveRefused) as refused:
        do(alarm(cast.merchant), Move.AMEND, cast.dispatcher, violation="D-HOOD", words="错了")
    assert refused.value.why == "of_device"


def test_the_form_of_the_page_corrects_the_kind_and_leaves_the_shop(cast: Cast, client: Client) -> None:
    issue = find(cast.grid_member, "D-BIN", merchant=cast.merchant)
    client.force_login(cast.dispatcher)
    assert 'value="amend"' in client.get(f"/issues/{issue.number}/").content.decode()
    said = {
        "move": "amend", "seen": issue.version, "violation": "D-HOOD", "shop": cast.merchant.name, "words": "看照片",
    }  # fmt: skip
    assert client.post(f"/issues/{issue.number}/moves/", said).status_code == 302
    assert Issue.objects.get(pk=issue.pk).violation == "D-HOOD"
    known = {row.id: row.label.zh for row in in_force().catalogues.violations}
    assert f"{known['D-BIN']} → {known['D-HOOD']}" in client.get(f"/issues/{issue.number}/").content.decode()


def test_what_is_with_somebody_can_be_joined_and_split_off_again(cast: Cast) -> None:
    first, second = complain(cast.merchant), complain(cast.merchant)
    do(second.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    do(second.issue, Move.ACCEPT, cast.grid_member)
    do(second.issue, Move.JOIN, cast.dispatcher, into=first.issue.number)
    second.refresh_from_db()
    joined = Issue.objects.get(joined_into=first.issue)
    assert (joined.state, joined.lead_unit, second.issue) == ("dismissed", None, first.issue)
    assert not joined.assignments.filter(ended_at=None).exists()
    do(first.issue, Move.SPLIT, cast.dispatcher, report=second.pk)
    second.refresh_from_db()
    assert second.issue not in (joined, first.issue)
    assert Issue.objects.get(pk=second.issue_id).is_open


def test_a_joint_one_is_joined_with_all_its_parts_ended(cast: Cast) -> None:
    first = complain(cast.merchant).issue
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant)
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.enforcement, cast.market))
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.ecology)
    do(issue, Move.JOIN, cast.county_officer, into=first.number)
    assert not issue.assignments.filter(ended_at=None).exists()
    do(issue, Move.REOPEN, cast.county_officer, words="不是一回事")
    issue.refresh_from_db()
    assert (issue.state, issue.joined_into) == ("received", None)
