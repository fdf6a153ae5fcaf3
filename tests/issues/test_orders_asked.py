"""A leader's page: what they asked, who has it, what came back; and an instruction of their own, from wherever they stand."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from lingxiu.issues.order_asked import BACK, DONE, LATE, STATES, UNDER_WAY, asked
from lingxiu.issues.order_models import Order, OrderItem, OrderKind
from lingxiu.issues.orders import Given, Wanted, answer, cross_off, give, withdraw
from tests.cast import NOON, Cast, person
from tests.issues.test_forms import jpeg
from tests.issues.world import LATER, complain, do, find, photo, to_recheck

TODAY = date(2026, 3, 5)
AFTER = NOON + timedelta(days=30)


def instructed(cast: Cast, *, leader: User | None = None, number: str = "善办批〔2026〕3号") -> Order:
    """Of the town by yesterday, of ecology and the market by next week."""
    given = Given(
        OrderKind.INSTRUCTION, number, "学校周边油烟", "县领导", TODAY, "P-SMOKE", leader=leader or cast.leader
    )
    week = TODAY + timedelta(days=7)
    items = [
        Wanted(cast.town, "查清", TODAY - timedelta(days=1)), Wanted(cast.ecology, "监测", week),
        Wanted(cast.market, "查证照", week), Wanted(cast.enforcement, "不必了", week),
    ]  # fmt: skip
    order = give(given, items, by=cast.county_officer, at=NOON, submission=uuid4())
    withdraw(order.items.get(unit=cast.enforcement), "由镇办理", by=cast.county_officer, at=NOON)
    return order


def supervised(cast: Cast) -> Issue:
    issue = find(cast.grid_member, merchant=cast.merchant)
    do(issue, Move.SUPERVISE, cast.leader, words="请说明进展", at=LATER)
    issue.refresh_from_db()
    return issue


def counts(cast: Cast, at: datetime = LATER) -> tuple[int, ...]:
    found = asked(cast.leader, at)
    assert {state: len(found.rows[state]) for state in STATES} == found.counts, "a figure is the length of its list"
    for row in found.units:
        of_unit = asked(cast.leader, at, unit=row.unit)
        assert of_unit.counts == row.counts == {state: len(of_unit.rows[state]) for state in STATES}
    return tuple(found.counts[state] for state in (BACK, LATE, UNDER_WAY, DONE))


def test_an_instruction_is_late_or_under_way_then_back_then_done(cast: Cast) -> None:
    order = instructed(cast)
    assert counts(cast) == (0, 1, 2, 0)
    ecology = order.items.get(unit=cast.ecology)
    answer(ecology, "已监测两晚，均达标", by=cast.department_officer, at=LATER, before=(photo(1),), after=(photo(2),))
    assert counts(cast) == (1, 1, 1, 0)
    [row] = asked(cast.leader, LATER).rows[BACK]
    assert (row.unit, row.answer, row.answered_by) == (cast.ecology, "已监测两晚，均达标", cast.department_officer)
    assert (row.before, row.after) == ((photo(1),), (photo(2),))
    cross_off(ecology, by=cast.leader, at=LATER)
    assert counts(cast) == (0, 1, 1, 1)
    assert counts(cast, LATER + timedelta(days=100)) == (0, 2, 0, 0), "what was done long ago is no news"


def test_a_supervised_issue_is_under_way_then_late_then_answered_then_done(cast: Cast) -> None:
    issue = supervised(cast)
    assert counts(cast) == (0, 0, 1, 0)
    assert counts(cast, AFTER) == (0, 1, 0, 0)
    do(issue, Move.REPORT_UP, cast.grid_member, words="已约清洗公司周三上门", at=LATER)
    assert counts(cast) == (1, 0, 0, 0)
    [row] = asked(cast.leader, LATER).rows[BACK]
    assert (row.unit, row.title, row.answer) == (cast.grid, "请说明进展", "已约清洗公司周三上门")
    issue.refresh_from_db()
    to_recheck(cast, issue)
    do(issue, Move.CLOSE, cast.dispatcher, answer="好了")
    assert counts(cast) == (0, 0, 0, 1)
    [row] = asked(cast.leader, LATER).rows[DONE]
    assert (row.before, row.after) == ((photo(1),), (photo(2),))


def test_what_a_towns_grid_has_stands_with_the_town(cast: Cast) -> None:
    instructed(cast)
    supervised(cast)
    counts(cast)
    row = next(row for row in asked(cast.leader, LATER).units if row.unit == cast.town)
    assert (row.counts[LATE], row.counts[UNDER_WAY]) == (1, 1)
    assert cast.grid not in [row.unit for row in asked(cast.leader, LATER).units]


def test_of_what_ended_unasked_the_result_is_what_came_back(cast: Cast) -> None:
    issue = supervised(cast)
    to_recheck(cast, issue)
    do(issue, Move.CLOSE, cast.dispatcher, answer="好了")
    [row] = asked(cast.leader, LATER).rows[DONE]
    assert (row.answer, row.answered_by, row.unit) == ("已清洗", cast.grid_member, cast.grid)


def test_an_answer_of_before_is_none_to_what_is_asked_again(cast: Cast) -> None:
    issue = supervised(cast)
    do(issue, Move.REPORT_UP, cast.grid_member, words="已去过", at=LATER)
    issue.refresh_from_db()
    do(issue, Move.SUPERVISE, cast.leader, words="再去一次", at=LATER)
    [row] = asked(cast.leader, LATER).rows[UNDER_WAY]
    assert (row.title, row.answer) == ("再去一次", "")


def test_another_leaders_are_not_mine(cast: Cast) -> None:
    other = person("leader2", "leader", cast.county_office)
    instructed(cast, leader=other)
    issue = find(cast.grid_member, merchant=cast.merchant)
    do(issue, Move.SUPERVISE, other, words="请说明")
    assert counts(cast) == (0, 0, 0, 0)
    assert asked(other, LATER).counts[UNDER_WAY] == 3


def test_the_page_takes_as_many_queries_for_many_as_for_few(cast: Cast) -> None:
    def sent() -> int:
        assert cast.leader.authority
        with CaptureQueriesContext(connection) as queries:
            asked(cast.leader, LATER)
        return len(queries)

    instructed(cast)
    supervised(cast)
    few = sent()
    for number in range(5):
        instructed(cast, number=str(number))
        supervised(cast)
    assert sent() == few <= 18


# ── pages ──


def as_(user: User, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


def test_the_leader_sees_and_crosses_off_on_their_page(cast: Cast) -> None:
    order = instructed(cast)
    item = order.items.get(unit=cast.ecology)
    answer(item, "已监测两晚", by=cast.department_officer, at=LATER)
    page = as_(cast.leader).get("/issues/asked/")
    assert page.status_code == 200
    text = page.content.decode()
    assert "已监测两晚" in text and "不必了" not in text
    submission = re.findall(r'name="submission" value="([^"]+)"', text)[0]
    tapped = {"act": "cross_off", "back": "asked", "submission": submission}
    for _ in range(2):
        done = as_(cast.leader).post(f"/issues/orders/{order.pk}/{item.pk}/", tapped)
        assert done.headers["Location"] == "/issues/asked/", "a second tap does nothing more"
    item.refresh_from_db()
    assert (item.state, item.crossed_off_by) == ("crossed_off", cast.leader)


def test_every_figure_opens_a_list_of_as_many(cast: Cast) -> None:
    instructed(cast)
    supervised(cast)
    page = as_(cast.leader).get("/issues/asked/")
    stats = page.context["stats"]
    assert sum(stat["count"] for stat in stats) == 4
    figures = [(stat["url"], stat["count"]) for stat in stats]
    figures += [(url, count) for row in page.context["units"] for _label, count, url in row["cells"]]
    for url, count in figures:
        [section] = as_(cast.leader).get(url).context["sections"]
        assert (section["count"], len(section["rows"])) == (count, count), url


def test_the_office_looks_for_any_leader_and_nobody_else_does(cast: Cast) -> None:
    order = instructed(cast)
    answer(order.items.get(unit=cast.ecology), "已监测", by=cast.department_officer, at=LATER)
    of = f"/issues/asked/?of={cast.leader.pk}"
    office = as_(cast.county_officer)
    page = office.get(of)
    assert page.status_code == 200 and "已监测" in page.content.decode()
    item = order.items.get(unit=cast.ecology)
    done = office.post(f"/issues/orders/{order.pk}/{item.pk}/", {"act": "cross_off", "back": "asked"})
    assert done.headers["Location"] == of
    assert office.get("/issues/asked/?of=999999").status_code == 404
    other = person("leader2", "leader", cast.county_office)
    assert as_(other).get(of).context["leader"] == other
    for somebody in (cast.dispatcher, cast.grid_member, cast.department_officer, cast.assessor):
        assert as_(somebody).get("/issues/asked/").status_code == 403, somebody
    assert as_(cast.owner).get("/issues/asked/").status_code == 404


def test_todays_page_says_how_many_came_back(cast: Cast) -> None:
    assert "show=back" not in as_(cast.leader).get("/").content.decode(), "nothing was asked"
    order = instructed(cast)
    answer(order.items.get(unit=cast.ecology), "已监测两晚", by=cast.department_officer, at=LATER)
    page = as_(cast.leader).get("/").content.decode()
    assert '<a class="number" href="/issues/asked/?show=back">1</a> came back' in page
    assert "show=back" not in as_(cast.county_officer).get("/").content.decode()


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_menu_leads_leaders_there_and_nobody_else(cast: Cast, language: str) -> None:
    assert 'href="/issues/asked/"' in as_(cast.leader, language).get("/issues/").content.decode()
    assert 'href="/issues/asked/"' not in as_(cast.dispatcher, language).get("/issues/").content.decode()


WORDS = "请魏塘街道本周内查清。\n学校门口三家都要看。"


def form(**said: Any) -> dict[str, Any]:
    return {"words": WORDS, "due_on": "2099-01-01", "submission": str(uuid4()), **said}


def test_a_leader_writes_an_instruction_of_an_issue(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    leader = as_(cast.leader)
    assert f"/issues/asked/new/?issue={issue.number}" in leader.get(f"/issues/{issue.number}/").content.decode()
    page = leader.get(f"/issues/asked/new/?issue={issue.number}")
    assert page.context["form"].initial["units"] == [str(cast.town.pk)], "the town that has it"
    sent = form(units=[cast.town.pk, cast.ecology.pk])
    for _ in range(2):
        made = leader.post(f"/issues/asked/new/?issue={issue.number}", sent)
    order = Order.objects.get()
    assert made.headers["Location"] == f"/issues/orders/{order.pk}/"
    assert (order.leader, order.made_by, order.about_issue, order.about_shop) == (
        cast.leader, cast.leader, issue, cast.merchant,
    )  # fmt: skip
    assert (order.title, order.words, order.violation) == ("请魏塘街道本周内查清。", WORDS, issue.violation)
    assert order.number == f"{timezone.localdate():%Y%m%d}-01"
    assert set(order.items.values_list("unit", "due_on")) == {
        (cast.town.pk, date(2099, 1, 1)), (cast.ecology.pk, date(2099, 1, 1)),
    }  # fmt: skip
    assert f"/issues/orders/{order.pk}/" in as_(cast.dispatcher).get(f"/issues/{issue.number}/").content.decode()
    assert issue.number in as_(cast.dispatcher).get(f"/issues/orders/{order.pk}/").content.decode()


def test_of_a_shop_and_as_a_picture_alone(cast: Cast) -> None:
    leader = as_(cast.leader)
    at = f"/issues/asked/new/?merchant={cast.merchant.pk}"
    assert at in leader.get(f"/merchants/{cast.merchant.pk}/").content.decode()
    refused = leader.post(at, form(units=[cast.town.pk], words=""))
    assert refused.status_code == 422
    assert "words" in refused.context["form"].errors
    assert leader.post(at, form(units=[cast.town.pk], words="", scan=jpeg("white"))).status_code == 302
    order = Order.objects.get()
    assert (order.title, order.about_shop, order.scan and order.scan.content_type) == (
        cast.merchant.name, cast.merchant, "image/jpeg",
    )  # fmt: skip
    assert f"/issues/orders/{order.pk}/" in leader.get(f"/merchants/{cast.merchant.pk}/").content.decode()


def test_of_nothing_in_particular_with_the_number_of_its_slip(cast: Cast) -> None:
    leader = as_(cast.leader)
    assert leader.post("/issues/asked/new/", form(units=[cast.town.pk], number="善办批〔2026〕8号")).status_code == 302
    again = leader.post("/issues/asked/new/", form(units=[cast.town.pk], number="善办批〔2026〕8号"))
    assert (again.status_code, list(again.context["form"].errors)) == (422, ["number"])
    assert leader.post("/issues/asked/new/", form(units=[cast.town.pk])).status_code == 302
    assert leader.post("/issues/asked/new/", form(units=[cast.town.pk])).status_code == 302
    day = f"{timezone.localdate():%Y%m%d}"
    assert set(Order.objects.values_list("number", flat=True)) == {"善办批〔2026〕8号", f"{day}-01", f"{day}-02"}


def test_what_is_missing_is_named_and_nobody_but_a_leader_instructs(cast: Cast) -> None:
    leader = as_(cast.leader)
    wrong = leader.post("/issues/asked/new/", form(due_on="2020-01-01"))
    assert wrong.status_code == 422
    assert {"units", "due_on"} <= set(wrong.context["form"].errors)
    assert leader.post("/issues/asked/new/", form(units=[cast.grid.pk])).status_code == 422, "a grid has its town"
    assert leader.get("/issues/asked/new/?issue=2026030599999").status_code == 404
    assert leader.get("/issues/asked/new/?merchant=x").status_code == 404
    for somebody in (cast.county_officer, cast.dispatcher, cast.grid_member, cast.department_officer):
        assert as_(somebody).get("/issues/asked/new/").status_code == 403
    assert not Order.objects.exists()


def test_a_departments_leader_asks_that_department(cast: Cast) -> None:
    head = person("ecology-head", "leader", cast.ecology)
    page = as_(head).get("/issues/asked/new/")
    assert [pk for pk, _name in page.context["form"].fields["units"].choices] == [str(cast.ecology.pk)]
    assert as_(head).post("/issues/asked/new/", form(units=[cast.town.pk])).status_code == 422
    assert as_(head).post("/issues/asked/new/", form(units=[cast.ecology.pk])).status_code == 302
    assert OrderItem.objects.get().unit == cast.ecology
