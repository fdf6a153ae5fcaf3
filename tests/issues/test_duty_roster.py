"""The duty roster from a list: row by row, errors told, and what stands on it is who gets work on days off."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import translation

from lingxiu.accounts.models import DutyTurn
from lingxiu.issues import roster
from lingxiu.issues.duty_roster import Line, enter, read
from lingxiu.issues.roster import RosterRefused
from tests.cast import NOON, Cast
from tests.pages import plain_static

__all__ = ["plain_static"]

COUNTY = ZoneInfo("Asia/Shanghai")


def outcome(cast: Cast, **said: str) -> tuple[bool, str]:
    line = Line(**{"number": 2, "day": "2026-04-04", "on_duty": "team", **said})  # type: ignore[arg-type]  # by name
    with translation.override("en"):
        (found,) = enter([line], by=cast.dispatcher, at=NOON)
    return found.done, found.words


def turns() -> list[tuple[str, str, int, str, str]]:
    """Unit, person, rank, from, until, in the county's time."""
    return [
        (one.unit.name, one.person.username, one.rank, *(
            time.astimezone(COUNTY).strftime("%m-%d %H:%M") for time in (one.since, one.until)
        ))
        for one in DutyTurn.objects.order_by("unit", "rank", "id")
    ]  # fmt: skip


def test_headings_are_found_and_a_leave_list_is_no_duty_roster() -> None:
    rows = [
        ["清明节值班表"],
        ["日期", "值班单位", "值班人员", "联系电话"],
        ["2026-04-04", "魏塘街道", "张三、李四", "x"],
    ]
    (found,) = read(rows)
    assert (found.number, found.day, found.unit, found.on_duty) == (3, "2026-04-04", "魏塘街道", "张三、李四")
    with pytest.raises(RosterRefused, match="heads"):
        read([["日期", "姓名", "代班人"], ["2026-04-04", "张三", ""]])
    with pytest.raises(RosterRefused, match="heads"):
        roster.read(rows)


def test_a_row_without_hours_runs_from_eight_to_eight_for_the_own_town(cast: Cast) -> None:
    assert outcome(cast) == (True, "2026-04-04 08:00 – 2026-04-05 08:00")
    assert turns() == [("魏塘街道", "team", 1, "04-04 08:00", "04-05 08:00")]


def test_several_people_for_several_units_in_their_order(cast: Cast) -> None:
    assert outcome(cast, unit="魏塘街道、魏塘执法队", on_duty="team，dispatcher", until="2026-04-06")[0]
    assert turns() == [
        ("魏塘街道", "team", 1, "04-04 08:00", "04-07 08:00"),
        ("魏塘街道", "dispatcher", 2, "04-04 08:00", "04-07 08:00"),
        ("魏塘执法队", "team", 1, "04-04 08:00", "04-07 08:00"),
        ("魏塘执法队", "dispatcher", 2, "04-04 08:00", "04-07 08:00"),
    ]


@pytest.mark.parametrize(
    ("begins", "ends", "until", "span"),
    [
        ("17:30", "08:30", "", "2026-04-04 17:30 – 2026-04-05 08:30"),
        ("8点", "20：00", "", "2026-04-04 08:00 – 2026-04-04 20:00"),
        ("08:00", "17:00", "2026-04-06", "2026-04-04 08:00 – 2026-04-06 17:00"),
    ],
)
def test_hours_are_taken_as_written(cast: Cast, begins: str, ends: str, until: str, span: str) -> None:
    assert outcome(cast, begins=begins, ends=ends, until=until) == (True, span)


@pytest.mark.parametrize(
    ("said", "complains_of"),
    [
        ({"day": "清明"}, "is no day"),
        ({"begins": "25:00"}, "is no time of day"),
        ({"unit": "西塘镇"}, "is no unit whose roster you write"),
        ({"on_duty": "nobody-here"}, "may not stand on this roster"),
        ({"on_duty": "grid"}, "may not stand on this roster"),
        ({"on_duty": " 、 "}, "Nobody is named"),
        ({"until": "2026-06-30"}, "two weeks"),
        ({"day": "2026-01-02"}, "over already"),
    ],
)
def test_a_wrong_row_says_what_is_wrong_and_writes_nothing(cast: Cast, said: dict[str, str], complains_of: str) -> None:
    done, words = outcome(cast, **said)
    assert (done, complains_of in words, turns()) == (False, True, [])


def test_a_grid_member_stands_on_a_grids_roster(cast: Cast) -> None:
    assert outcome(cast, unit="第一网格", on_duty="grid")[0]


def test_sent_again_a_row_is_known(cast: Cast) -> None:
    assert outcome(cast)[0]
    assert outcome(cast) == (False, "They are on duty there at that time already.")


@pytest.mark.usefixtures("plain_static")
@time_machine.travel(NOON, tick=False)
def test_a_dispatcher_sends_a_list_sees_it_and_writes_it_down_once(client: Client, cast: Cast) -> None:
    client.force_login(cast.dispatcher)
    text = "日期,值班人员,值班单位\n2026-04-04,team,\n2026-04-05,没有这人,\n".encode()
    shown = client.post("/issues/roster/duty/", {"roster": SimpleUploadedFile("d.csv", text)})
    assert (shown.status_code, turns()) == (200, [])
    assert "没有这人" in shown.content.decode()
    sent: dict[str, Any] = {"do": "enter", "lines": shown.context["lines"], "submission": str(uuid4())}
    for _ in range(2):
        assert client.post("/issues/roster/duty/", sent).status_code == 200
    assert len(turns()) == 1
    assert "/issues/roster/duty/" in client.get("/sensing/duty/").content.decode()
    leave = client.post("/issues/roster/", {**sent, "submission": str(uuid4())})
    assert leave.status_code == 422  # what was shown of one kind of list is not entered as another
    client.force_login(cast.grid_member)
    assert client.get("/issues/roster/duty/").status_code == 403


def test_the_time_of_the_day_is_the_countys(cast: Cast) -> None:
    outcome(cast)
    assert DutyTurn.objects.get().since == datetime(2026, 4, 4, 8, tzinfo=COUNTY)
