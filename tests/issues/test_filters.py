"""What the list is filtered by beside state and place: who is waited for, answers and how they were rated, days of end and due."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils.http import urlencode
from python_calamine import CalamineWorkbook

from lingxiu.accounts.models import User
from lingxiu.issues import reporters
from lingxiu.issues.filter_choices import DAYS, PICKS, TICKS
from lingxiu.issues.filters import Filter
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.lookback.actions import Place, add_place, remove_place
from lingxiu.issues.lookback.queries import near_key_place
from lingxiu.issues.matching import matching
from lingxiu.issues.models import Issue
from lingxiu.issues.rectification_models import Rectification
from tests.cast import NOON, Cast, person
from tests.issues.world import LATER, complain, do, find, inspected, photo, to_closed
from tests.pages import plain_static

__all__ = ["plain_static"]

SOON = date(2026, 3, 12)
"""A day on which what was found on NOON's day is not late yet, nor is its rest over."""


def shown(cast: Cast, **query: str) -> set[str]:
    """The numbers a county officer finds."""
    wanted = Filter.read({"view": "all", **query})
    assert query.items() <= wanted.query.items()  # read, and said again as it was
    return {issue.number for issue in matching(wanted, cast.county_officer, LATER)}


def test_near_a_key_place_is_within_its_circle_wherever_the_cells_of_the_net_lie(cast: Cast) -> None:
    number = find(cast.grid_member, merchant=cast.merchant).number
    assert shown(cast, near="1") == set(), "there are no places"
    for name, lng, lat, radius_m in (("一小", 120.92, 30.85, 200), ("古镇", 120.95, 30.86, 2_000)):
        add_place(Place("school", name, lng, lat, radius_m), by=cast.county_officer, at=NOON)
    gone = add_place(Place("school", "二小", 120.89, 30.83, 500), by=cast.county_officer, at=NOON)
    remove_place(gone, by=cast.county_officer, at=NOON)
    found = set()
    for lng in range(120_880, 120_980, 3):
        for lat in range(30_820, 30_890, 7):
            at = {"lng": lng / 1000, "lat": lat / 1000}
            Issue.objects.filter(number=number).update(**at)
            near = bool(shown(cast, near="1"))
            assert near == near_key_place(**at), at
            found.add(near)
    assert found == {True, False}
    Issue.objects.filter(number=number).update(lng=None, lat=None)
    assert shown(cast, near="1") == set()


def test_it_waits_for_a_reporter_who_was_asked_until_they_say_something(cast: Cast) -> None:
    report, other = complain(cast.merchant), complain(cast.other_merchant)
    assert shown(cast, waits="reporter") == set()
    do(report.issue, Move.ASK, cast.dispatcher, words="大概几点闻到？")
    assert shown(cast, waits="reporter") == {report.issue.number}
    assert other.issue.number not in shown(cast, waits="reporter")
    reporters.add(report, "每晚八点以后", at=LATER)
    assert shown(cast, waits="reporter") == set()


@pytest.mark.parametrize(
    ("reason", "whom"), [("PART-ORDERED", "merchant"), ("SHOP-CLOSED", "merchant"), ("OTHER-BODY", "unit")]
)
def test_while_it_rests_it_waits_for_whom_policy_says(cast: Cast, reason: str, whom: str) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    find(cast.grid_member, merchant=cast.merchant, violation="D-HOOD")
    do(issue, Move.SUSPEND, cast.dispatcher, words="等一等", reason=reason, until=SOON)
    assert {one: shown(cast, waits=one) for one in ("merchant", "unit")} == {
        "merchant": set(), "unit": set(), whom: {issue.number},
    }  # fmt: skip
    do(issue, Move.RESUME, cast.dispatcher, words="好了")
    assert shown(cast, waits=whom) == set()


def test_a_signed_notice_that_runs_waits_for_the_shop(cast: Cast) -> None:
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant, photos=(photo(),))
    second = person("team2", "town_officer", cast.town_team)
    inspection = inspected(issue, cast.town_officer, second)
    notice = Rectification.objects.create(
        issue=issue, inspection=inspection, unit=cast.town_team, demands="清洗净化器", until=SOON, template="x",
        fields={}, made_at=NOON, made_by=cast.town_officer, officer=cast.town_officer, second_officer=second,
        written_at=NOON,
    )  # fmt: skip
    assert shown(cast, waits="merchant") == set()  # a draft asks nothing of anybody
    Rectification.objects.filter(pk=notice.pk).update(signed_at=NOON)
    assert shown(cast, waits="merchant") == {issue.number}
    Rectification.objects.filter(pk=notice.pk).update(until=NOON.date() - timedelta(days=1))
    assert shown(cast, waits="merchant") == set()


def test_it_waits_for_another_unit_while_one_works_along(cast: Cast) -> None:
    issue = find(cast.town_officer, "V-A2", merchant=cast.merchant, photos=(photo(),))
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.market,), words="请配合")
    assert shown(cast, waits="unit") == {issue.number}


def test_who_waits_for_an_answer_and_how_one_was_rated(cast: Cast) -> None:
    waiting, good, bad = complain(cast.other_merchant), complain(cast.merchant), complain(cast.merchant, words="又来了")
    for report, stars in ((good, 5), (bad, 2)):
        do(report.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
        to_closed(cast, report.issue)
        reporters.rate(report, stars, "", at=LATER)
    assert shown(cast, answers="waiting") == {waiting.issue.number}
    assert shown(cast, rated="4-5") == {good.issue.number}
    assert shown(cast, rated="1-2") == {bad.issue.number}
    assert shown(cast, rated="3") == set()
    assert shown(cast, rated="1") == {good.issue.number, bad.issue.number}
    assert Filter.read({"rated": "6"}).rated == ""


def test_what_was_opened_again(cast: Cast) -> None:
    issue = to_closed(cast, find(cast.grid_member, merchant=cast.merchant))
    find(cast.grid_member, merchant=cast.merchant)
    assert shown(cast, reopened="1") == set()
    do(issue, Move.REOPEN, cast.dispatcher, words="又脏了", at=LATER + timedelta(hours=1))
    assert shown(cast, reopened="1") == {issue.number}


def test_days_of_the_end_and_of_the_present_step(cast: Cast) -> None:
    ended = to_closed(cast, find(cast.grid_member, merchant=cast.merchant))
    held = find(cast.grid_member, "D-HOOD", merchant=cast.merchant)
    today, due = str(NOON.date()), str(held.step_due_at.date())
    assert shown(cast, ended_from=today, ended_to=today) == {ended.number}
    assert shown(cast, ended_from=str(NOON.date() + timedelta(days=1))) == set()
    assert shown(cast, step_from=due, step_to=due) == {held.number}
    assert shown(cast, step_to=str(held.step_due_at.date() - timedelta(days=1))) == set()
    assert shown(cast, step_from=str(held.step_due_at.date() + timedelta(days=1))) == set()


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def _at_one_o_clock() -> Any:
    with time_machine.travel(LATER, tick=False):
        yield


def browser(user: User, language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


@pytest.mark.usefixtures("_at_one_o_clock")
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_each_of_them_has_its_field_and_stands_as_it_was_asked(cast: Cast, language: str) -> None:
    asked = {name: list(offered)[-1] for name, (*_words, offered) in PICKS.items()}
    asked |= dict.fromkeys(TICKS, "1") | dict.fromkeys(DAYS, "2026-03-05")
    page = browser(cast.dispatcher, language).get("/issues/", {"view": "all", **asked}).content.decode()
    form = page[page.index('class="more-filters"') : page.index("</details>", page.index('class="more-filters"'))]
    for name in PICKS:
        assert f'<option value="{asked[name]}" selected>' in form[form.index(f'name="{name}"') :]
    for name in TICKS:
        assert f'name="{name}" value="1" checked>' in form
    for name in DAYS:
        assert f'name="{name}" value="2026-03-05">' in form
    assert f"({len(asked)})" in form
    assert not any(f'type="hidden" name="{name}"' in page for name in asked)


@pytest.mark.usefixtures("_at_one_o_clock")
def test_sheet_csv_and_a_kept_view_hold_to_the_same_filter(cast: Cast) -> None:
    waiting = complain(cast.merchant).issue
    find(cast.grid_member, merchant=cast.merchant)
    query, client = urlencode({"view": "all", "answers": "waiting", "waits": ""}), browser(cast.county_officer)
    table = b"".join(client.get(f"/issues/export.csv?{query}").streaming_content)  # type: ignore[attr-defined]  # a file
    rows = list(csv.reader(io.StringIO(table.decode("utf-8-sig"))))
    assert [row[0] for row in rows if row and row[0].isdigit()] == [waiting.number]
    sheet = b"".join(client.get(f"/issues/export.xlsx?{query}").streaming_content)  # type: ignore[attr-defined]  # a file
    found = CalamineWorkbook.from_filelike(io.BytesIO(sheet)).get_sheet_by_index(0).to_python()
    assert [str(row[0]) for row in found[2:]] == [waiting.number]
    client.post("/issues/views/", {"do": "save", "name": "等答复的", "view": "all", "answers": "waiting"})
    assert "answers=waiting" in client.get("/issues/?view=all").content.decode()
    assert Issue.objects.count() == 2
