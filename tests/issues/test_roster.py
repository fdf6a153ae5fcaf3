"""The leave and holiday roster from a list: row by row, errors told, nobody's work left lying."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from lingxiu.accounts.models import Absence, Post, User
from lingxiu.issues import roster
from lingxiu.issues.covering import cover_absent
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.roster import Line, RosterRefused, enter, read
from tests.cast import NOON, Cast, person
from tests.issues.world import alarm, do
from tests.pages import plain_static

__all__ = ["plain_static"]

DAY = timedelta(days=1)
HEADS = ["日期", "姓名", "代班人"]


@pytest.fixture
def colleague(cast: Cast) -> User:
    """The grid's other member."""
    return person("grid-b", "grid_member", cast.grid)


def line(cast: Cast, **said: str) -> Line:
    return Line(**{"number": 2, "person": cast.grid_member.username, "day": "2026-03-06", **said})  # type: ignore[arg-type]  # by name


def outcome(cast: Cast, **said: str) -> tuple[bool, str]:
    (found,) = enter([line(cast, **said)], by=cast.dispatcher, at=NOON)
    return found.done, found.words


def test_headings_are_found_wherever_they_stand_and_whatever_they_are_called() -> None:
    rows = [
        ["国庆值班安排", ""],
        [],
        ["姓 名", "x"],
        ["休息日期", "人员", "顶班人", "事由"],
        ["2026-10-01", "张三", "李四", "调休"],
        ["", "", "", ""],
    ]
    (found,) = read(rows)
    assert (found.number, found.day, found.person, found.deputy, found.reason) == (
        5,
        "2026-10-01",
        "张三",
        "李四",
        "调休",
    )


@pytest.mark.parametrize(
    ("rows", "why"),
    [([], "empty"), ([["a", "b"]], "heads"), ([HEADS], "empty"), ([HEADS, *[["2026-10-01", "x", ""]] * 1001], "many")],
)
def test_what_is_no_roster_is_refused(rows: list[list[str]], why: str) -> None:
    with pytest.raises(RosterRefused, match=why):
        read(rows)


def test_a_day_off_with_a_deputy_is_an_absence_and_work_goes_to_them(cast: Cast, colleague: User) -> None:
    issue = alarm(cast.merchant)
    do(issue, Move.ACCEPT, cast.grid_member)
    assert outcome(cast, deputy=colleague.username, reason="调休") == (True, colleague.name)
    kept = Absence.objects.get()
    assert (kept.user, kept.deputy, kept.reason, kept.until - kept.since) == (
        cast.grid_member,
        colleague,
        "day_off",
        DAY,
    )
    cover_absent(NOON + DAY)
    issue.refresh_from_db()
    assert issue.lead_person == colleague


def test_without_a_deputy_or_with_the_unit_the_unit_sees_to_it(cast: Cast) -> None:
    assert outcome(cast)[0]
    assert outcome(cast, day="2026-03-09", until="2026/03/10", deputy=cast.grid.name, reason="年假")[0]
    kept = Absence.objects.latest("since")
    assert (kept.deputy, kept.reason, kept.until - kept.since) == (None, "leave", 2 * DAY)


def test_a_unit_somebody_has_left_does_not_see_to_their_work(cast: Cast) -> None:
    left = Post.objects.create(
        user=cast.grid_member, unit=cast.town_team, role="officer", since=NOON - 9 * DAY, until=NOON - DAY
    )
    done, told = outcome(cast, deputy=left.unit.name)
    assert not done
    assert left.unit.name in told
    assert not Absence.objects.exists()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"person": "没有这个人"}, "没有这个人"),
        ({"person": ""}, ""),
        ({"person": "grid2"}, "grid2"),
        ({"day": "下周五"}, "下周五"),
        ({"day": "2026-02-30"}, "2026-02-30"),
        ({"day": "9999-12-31"}, "9999-12-31"),
        ({"day": "2026-03-06", "until": "9999-12-31"}, "9999-12-31"),
        ({"day": "0001-01-01"}, "0001-01-01"),
        ({"day": "2026-03-01"}, ""),
        ({"day": "2026-03-06", "until": "2026-03-05"}, ""),
        ({"day": "2026-03-06", "until": "2027-03-05"}, ""),
        ({"deputy": "没有这个人"}, "没有这个人"),
        ({"deputy": "grid"}, ""),
    ],
)
def test_each_mistake_is_told_and_nothing_written(cast: Cast, said: dict[str, str], told: str) -> None:
    done, words = outcome(cast, **said)
    assert not done
    assert words
    assert told in words
    assert not Absence.objects.exists()


def test_a_wrong_row_stops_no_other_and_a_row_sent_again_is_known(cast: Cast) -> None:
    rows = [line(cast, number="2"), line(cast, day="x"), line(cast, day="2026-03-09")]  # type: ignore[arg-type]  # by name
    assert [one.done for one in enter(rows, by=cast.dispatcher, at=NOON)] == [True, False, True]
    assert [one.done for one in enter(rows, by=cast.dispatcher, at=NOON)] == [False, False, False]
    assert Absence.objects.count() == 2


def test_looking_writes_nothing(cast: Cast) -> None:
    (found,) = enter([line(cast)], by=cast.dispatcher, at=NOON, only_try=True)
    assert found.done
    assert not Absence.objects.exists()


def test_reasons_and_headings_are_words_a_county_uses() -> None:
    assert roster.headings()[0] == "日期"
    assert set(roster.words()["reasons"]) == set(Absence.Reason.values)


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────


def send(client: Client, content: str, name: str = "roster.csv") -> Any:
    return client.post("/issues/roster/", {"roster": SimpleUploadedFile(name, content.encode("gb18030"))})


@time_machine.travel(NOON, tick=False)
def test_a_list_is_looked_at_first_then_written_down_once(cast: Cast, colleague: User) -> None:
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.dispatcher)
    name = cast.grid_member.username
    shown = send(client, f"日期,姓名,代班人\n2026-03-06,{name},{colleague.username}\n2026-03-07,没有,\n")
    assert shown.status_code == 200
    assert (shown.context["done"], shown.context["refused"]) == (1, 1)
    assert not Absence.objects.exists()
    sent = {"do": "enter", "lines": shown.context["lines"], "submission": str(uuid4())}
    for _ in range(2):
        assert "Written down" in client.post("/issues/roster/", sent).content.decode()
    assert Absence.objects.get().since.date() == date(2026, 3, 5)  # midnight of the 6th in the county


@time_machine.travel(NOON, tick=False)
def test_what_cannot_be_read_or_was_not_shown_is_refused(cast: Cast) -> None:
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.dispatcher)
    assert send(client, "a,b\n1,2\n").status_code == 422
    assert send(client, "日期,姓名\n", "roster.pdf").status_code == 422
    assert client.post("/issues/roster/", {}).status_code == 422
    assert client.post("/issues/roster/", {"do": "enter", "lines": "x"}).status_code == 422
    member = Client()
    member.force_login(cast.grid_member)
    assert member.get("/issues/roster/").status_code == 403
