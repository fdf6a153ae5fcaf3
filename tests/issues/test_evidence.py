"""What a violation asks for beside pictures: the form, a reading; refused without, frozen with the move, shown again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from lingxiu.issues.evidence import WrongAnswer, answers, offered, reading_called, told_lines, unanswered
from lingxiu.issues.lifecycle import FOUND_TRUE, Move, MoveRefused, Result
from lingxiu.issues.models import Issue
from lingxiu.issues.papers import record_data
from lingxiu.policy.schema.violations import Choice, Evidence, Question, Violation
from lingxiu.sensing.models import Device
from tests.cast import NOON, Cast
from tests.issues.world import LATER, do, find, photo
from tests.pages import plain_static

__all__ = ["plain_static"]

HOUR = timedelta(hours=1)
SAMPLED: dict[str, str | float] = {"mean": 3.4, "sampled_on": "2026-03-05", "stoves": 4.0}


@pytest.fixture
def device(cast: Cast) -> Device:
    made = Device.objects.create(
        mn="DEV-ONE-01", merchant=cast.merchant, profile="plain-2017", kind="fume_monitor"
    )  # fmt: skip
    says(made, NOON, 2.4)
    return made


def says(device: Device, hour: datetime, fume: float) -> None:
    """Six windows of ten minutes; the fan runs, four minutes of each without the purifier."""
    with connection.cursor() as cursor:
        for n in range(6):
            cursor.execute(
                "INSERT INTO window_fume (device_id, at, count, valid, minutes, fume_mean, fan_on_minutes, purifier_on_minutes,"
                " fan_without_purifier_minutes, minutes_over_1, minutes_over_2, minutes_over_4)"
                " VALUES (%s, %s, 10, 10, 10, %s, 10, 6, 4, 10, 10, 0)",
                [device.pk, hour + n * timedelta(minutes=10), fume],
            )


@pytest.fixture
def measured(cast: Cast) -> Issue:
    """V-A1, with the town's team: it wants pictures, the form and a reading."""
    issue = find(cast.town_officer, "V-A1", merchant=cast.merchant, photos=(photo(),))
    do(issue, Move.ACCEPT, cast.town_officer)
    issue.refresh_from_db()
    return issue


def fed_back(issue: Issue, cast: Cast, **brought: Any) -> Any:
    brought = {"result": Result.REMINDED, "photos": (photo(2),), **brought}
    return do(issue, Move.FEED_BACK, cast.town_officer, **brought)


def refused(issue: Issue, cast: Cast, **brought: Any) -> str:
    with pytest.raises(MoveRefused) as error:
        fed_back(issue, cast, **brought)
    return error.value.why


# ── the form ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_find_that_asks_for_a_form_is_not_fed_back_as_true_without_all_its_answers(
    cast: Cast, measured: Issue
) -> None:
    assert refused(measured, cast, measured="采样报告 2026-03") == "form"
    some = {name: value for name, value in SAMPLED.items() if name != "stoves"}
    assert refused(measured, cast, measured="采样报告 2026-03", told=some) == "form"
    assert fed_back(measured, cast, measured="采样报告 2026-03", told=SAMPLED).data["form"] == SAMPLED


def test_where_nothing_was_found_nothing_is_filled_in(cast: Cast, measured: Issue) -> None:
    assert "form" not in fed_back(measured, cast, result=Result.NOT_FOUND).data


KINDS = {
    "n": Question(id="n", kind="number", label={"zh": "数", "en": "n"}),  # type: ignore[arg-type]  # as YAML gives it
    "c": Question(
        id="c", kind="choice", label={"zh": "选", "en": "c"}, choices=(Choice(id="a", label={"zh": "甲", "en": "a"}),)
    ),  # type: ignore[arg-type]  # as YAML gives it
    "d": Question(id="d", kind="date", label={"zh": "日", "en": "d"}),  # type: ignore[arg-type]  # as YAML gives it
    "t": Question(id="t", kind="text", label={"zh": "文", "en": "t"}),  # type: ignore[arg-type]  # as YAML gives it
}


def violation(**values: Any) -> Violation:
    return Violation(
        id="V-T", kind="finding", label={"zh": "试", "en": "t"}, task="T07", responsible="x", questions=tuple(KINDS.values()),
        **values,
    )  # type: ignore[arg-type]  # as YAML gives it  # fmt: skip


@pytest.mark.parametrize(
    ("question", "right", "wrong"),
    [
        ("n", [0, 2.5, -1], ["2.5", True, float("nan"), 1e13, [1]]),
        ("c", ["a"], ["b", "A", 1]),
        ("d", ["2026-03-05"], ["2026-3-5", "05.03.2026", "2026-02-30", 20260305]),
        ("t", ["水清"], [" ", "x" * 501, 1]),
    ],
)
def test_an_answer_is_of_its_questions_kind(question: str, right: list[Any], wrong: list[Any]) -> None:
    for value in right:
        assert answers(violation(), {question: value})
    for value in wrong:
        with pytest.raises(WrongAnswer):
            answers(violation(), {question: value})


def test_what_nobody_asks_is_no_answer_and_what_was_left_empty_is_left_out() -> None:
    assert answers(violation(), {"n": None, "t": ""}) == {}
    with pytest.raises(WrongAnswer):
        answers(violation(), {"nobody": "x"})


@given(st.sets(st.sampled_from(sorted(KINDS))), st.sampled_from(sorted(FOUND_TRUE)), st.booleans())
def test_all_are_wanted_exactly_where_the_form_is_and_it_is_true(told: set[str], result: Result, form: bool) -> None:
    left = unanswered(violation(evidence=Evidence(form=form)), dict.fromkeys(told, 1.0), result)
    wanted = {question.id for question in left}
    assert wanted == ((set(KINDS) - told) if form and FOUND_TRUE[result] else set())


# ── the reading ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_hour_of_the_shops_monitor_is_attached_and_stays_as_it_was(
    cast: Cast, measured: Issue, device: Device
) -> None:
    assert refused(measured, cast, told=SAMPLED) == "reading"
    (reading,) = offered(measured, LATER)
    row = fed_back(measured, cast, told=SAMPLED, reading=reading)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE window_fume SET fume_mean = 9")
    row.refresh_from_db()
    kept = row.data["reading"]
    assert (kept["device"], [value for _at, value in kept["means"]]) == (device.mn, [2.4] * 6)
    assert (kept["fan_minutes"], kept["alone_minutes"]) == (60, 24)


def test_the_hour_it_was_so_is_offered_and_the_last_ones_that_said_something(
    cast: Cast, measured: Issue, device: Device
) -> None:
    says(device, NOON + 4 * HOUR, 1.1)
    says(device, NOON + 9 * HOUR, 1.1)
    assert [reading.hour for reading in offered(measured, NOON + 6 * HOUR)] == [NOON + 4 * HOUR, NOON]


def test_another_shops_monitor_is_none_of_this_one(cast: Cast, device: Device) -> None:
    other = find(cast.town_officer, "V-A1", merchant=cast.other_merchant)
    assert offered(other, LATER) == []
    assert reading_called("DEV-ONE-01@2026-03-05T12", other, LATER) is None


@pytest.mark.parametrize(
    "key", ["", "DEV-ONE-01", "DEV-ONE-01@x", "DEV-ONE-01@2026-03-05T25", "@2026-03-05T12", "DEV-ONE-01@2026-03-05T23"]
)
def test_what_is_no_hour_of_the_past_is_none(cast: Cast, measured: Issue, device: Device, key: str) -> None:
    assert reading_called(key, measured, LATER) is None


def test_where_there_is_no_monitor_what_was_measured_is_written_down(cast: Cast, measured: Issue) -> None:
    assert offered(measured, LATER) == []
    row = fed_back(measured, cast, told=SAMPLED, measured="手持仪 2.9 mg/m³")
    assert row.data["measured"] == "手持仪 2.9 mg/m³"


def test_rats_are_not_counted_by_a_fume_monitor(cast: Cast, device: Device) -> None:
    assert offered(find(cast.town_officer, "V-H1", merchant=cast.merchant), LATER) == []


# ── shown again ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_record_on_paper_says_what_was_answered_and_measured(cast: Cast, measured: Issue, device: Device) -> None:
    (reading,) = offered(measured, LATER)
    fed_back(measured, cast, told=SAMPLED, reading=reading, measured="采样")
    told = [line for move in record_data(measured, cast.dispatcher, LATER)["moves"] for line in move["told"]]  # type: ignore[attr-defined]  # a list
    assert "采样检测均值（折算后）：3.4 mg/m³" in told
    assert any("DEV-ONE-01" in line and "2.4 / 2.4" in line for line in told)


def test_choices_are_told_by_their_labels() -> None:
    lines = told_lines(violation(), {"form": {"c": "a", "n": 2.0, "d": "2026-03-05"}}, "en")
    assert lines == [("n", "2"), ("c", "a"), ("d", "2026-03-05")]
    assert told_lines(violation(), {}, "en") == []


# ── on the page ──────────────────────────────────────────────────────────────────────────────────────────────────


def page(cast: Cast, issue: Issue, **sent: Any) -> tuple[int, str]:
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.town_officer)
    if sent:
        answer = client.post(f"/issues/{issue.number}/moves/", {"move": "feed_back", "result": "not_found", **sent})
    else:
        answer = client.get(f"/issues/{issue.number}/")
    return answer.status_code, answer.content.decode()


def test_the_page_asks_for_them_and_says_at_which_field_one_is_missing(
    cast: Cast, measured: Issue, device: Device
) -> None:
    _status, text = page(cast, measured)
    assert 'name="told_mean"' in text
    assert 'name="measured"' in text
    status, text = page(cast, measured, result="reminded", told_mean="3.4")
    assert status == 422
    for field in ("told_sampled_on", "told_stoves", "reading"):
        assert f'id="feed_back-{field}_error"' in text
    assert 'id="feed_back-told_mean_error"' not in text


def test_one_tap_attaches_an_hour_and_the_timeline_tells_it(cast: Cast, measured: Issue, device: Device) -> None:
    do(measured, Move.HANDLE, cast.town_officer, words="看过", photos=(photo(3),))
    key = "DEV-ONE-01@2026-03-05T12"
    answered = {"told_mean": "3.4", "told_sampled_on": "2026-03-05", "told_stoves": "4"}
    status, text = page(cast, measured, result="reminded", words="已提醒", reading=key, **answered)
    assert status == 302, text
    text = page(cast, measured)[1]
    assert "2.4 / 2.4" in text
    assert "3.4 mg/m³" in text


def test_what_is_false_may_be_sent_without_any_of_it(cast: Cast, measured: Issue) -> None:
    do(measured, Move.HANDLE, cast.town_officer, words="看过", photos=(photo(3),))
    assert page(cast, measured, words="没有发现")[0] == 302
