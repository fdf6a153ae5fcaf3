"""Leaders' instructions and campaigns: split over units, answered with pictures, crossed off by a second person."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client

from lingxiu.accounts.models import User
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from lingxiu.issues.order_models import Order, OrderItem, OrderKind
from lingxiu.issues.order_today import waiting
from lingxiu.issues.orders import (
    Given,
    OrderRefused,
    Wanted,
    add,
    answer,
    change,
    cross_off,
    give,
    make_issue,
    send_back,
    withdraw,
)
from tests.cast import NOON, Cast, person
from tests.issues.test_forms import jpeg
from tests.issues.world import LATER, alarm, do, find, photo

SOON = date(2026, 3, 20)


def instruction(cast: Cast, *units: Any, number: str = "善办批〔2026〕3号") -> Order:
    given = Given(OrderKind.INSTRUCTION, number, "学校周边油烟", "县领导", date(2026, 3, 4), "P-SMOKE", "请一周内查清")
    items = [Wanted(unit, "查清并答复", SOON) for unit in units or (cast.town, cast.ecology)]
    return give(given, items, by=cast.county_officer, at=NOON, submission=uuid4())


def campaign(cast: Cast) -> Order:
    given = Given(OrderKind.CAMPAIGN, "善综执备〔2026〕1号", "隔油池专项", "综合执法局", date(2026, 3, 4), "D-TRAP")
    items = [
        Wanted(cast.grid, "看隔油池", SOON, cast.merchant),
        Wanted(cast.other_grid, "看", SOON, cast.other_merchant),
    ]
    return give(given, items, by=cast.county_officer, at=NOON, submission=uuid4())


def refused(deed: Any, *args: Any, **brought: Any) -> str:
    with pytest.raises(OrderRefused) as error:
        deed(*args, **{"at": LATER, **brought})
    return error.value.why


def test_each_unit_answers_and_somebody_else_crosses_off_until_the_order_ends(cast: Cast) -> None:
    order = instruction(cast)
    town, ecology = order.items.get(unit=cast.town), order.items.get(unit=cast.ecology)
    assert refused(cross_off, town, by=cast.county_officer) == "state"
    answer(town, "三家已整改", by=cast.dispatcher, at=LATER)
    answer(ecology, "已监测", by=cast.department_officer, at=LATER, after=(photo(),))
    assert refused(cross_off, town, by=cast.dispatcher) == "person"
    cross_off(town, by=cast.county_officer, at=LATER)
    order.refresh_from_db()
    assert order.closed_at is None
    cross_off(ecology, by=cast.county_officer, at=LATER)
    order.refresh_from_db()
    assert order.closed_at == LATER


def test_who_answered_never_crosses_off_not_even_in_the_database(cast: Cast) -> None:
    order = instruction(cast, cast.county_office)
    item = order.items.get()
    answer(item, "已办", by=cast.county_officer, at=LATER)
    assert refused(cross_off, item, by=cast.county_officer) == "person"
    with pytest.raises(IntegrityError, match="order_item_two_people"), transaction.atomic():
        OrderItem.objects.filter(pk=item.pk).update(
            state="crossed_off", crossed_off_by=cast.county_officer, crossed_off_at=LATER
        )
    cross_off(item, by=person("second", "county_officer", cast.county_office), at=LATER)


def test_what_is_not_done_goes_back_with_the_reason(cast: Cast) -> None:
    item = instruction(cast, cast.town).items.get()
    answer(item, "看过了", by=cast.dispatcher, at=LATER)
    send_back(item, "请附照片", by=cast.county_officer, at=LATER)
    item.refresh_from_db()
    assert (item.state, item.answered_by) == ("open", None)
    assert "请附照片" in item.answer


def test_other_units_do_not_answer_for_it(cast: Cast) -> None:
    item = instruction(cast, cast.ecology).items.get()
    for somebody in (cast.dispatcher, cast.grid_member, cast.leader):
        assert refused(answer, item, "x", by=somebody) == "person"
    assert refused(answer, item, " ", by=cast.department_officer) == "words"


def test_a_campaigns_shop_becomes_an_issue_and_is_crossed_off_when_that_has_ended(cast: Cast) -> None:
    item = campaign(cast).items.get(merchant=cast.merchant)
    issue = make_issue(item, "油层很厚", by=cast.grid_member, at=LATER, photos=(photo(),))
    assert make_issue(item, "又一次", by=cast.grid_member, at=LATER) == issue
    assert (issue.source, issue.violation, issue.merchant, issue.lead_unit) == (
        "campaign", "D-TRAP", cast.merchant, cast.grid,
    )  # fmt: skip
    answer(item, "已清掏", by=cast.grid_member, at=LATER, before=(photo(1),), after=(photo(2),))
    assert refused(cross_off, item, by=cast.county_officer) == "issue_open"
    do(issue, Move.RETURN, cast.dispatcher, words="重复", at=LATER + timedelta(minutes=1))
    do(issue, Move.DISMISS, cast.dispatcher, words="已清掏", at=LATER + timedelta(minutes=2))
    cross_off(item, by=cast.county_officer, at=LATER + timedelta(days=1))


def test_a_campaigns_answer_shows_the_shop_before_and_after(cast: Cast) -> None:
    item = campaign(cast).items.get(merchant=cast.merchant)
    assert refused(answer, item, "已清掏", by=cast.grid_member, after=(photo(2),)) == "photos"
    answer(item, "已清掏", by=cast.grid_member, at=LATER, before=(photo(1),), after=(photo(2),))
    answer(item, "已清掏，台账补齐", by=cast.grid_member, at=LATER)
    item.refresh_from_db()
    assert len(item.photos_after) == 1


def test_items_are_added_changed_and_withdrawn_with_a_reason_by_who_gave_the_order(cast: Cast) -> None:
    order = instruction(cast)
    town, ecology = order.items.get(unit=cast.town), order.items.get(unit=cast.ecology)
    week = SOON + timedelta(days=7)
    assert refused(change, town, task="查清", due_on=week, why="x", by=cast.dispatcher) == "person"
    assert refused(change, town, task="查清", due_on=week, why=" ", by=cast.county_officer) == "words"
    assert refused(change, town, task=town.task, due_on=SOON, why="x", by=cast.county_officer) == "nothing"
    change(town, task="查清", due_on=week, why="台风", by=cast.county_officer, at=LATER)
    town.refresh_from_db()
    assert (town.task, town.due_on) == ("查清", week)
    assert [(one["task"], one["due_on"], one["why"]) for one in town.changes] == [("查清并答复", "2026-03-20", "台风")]
    answer(town, "已查清", by=cast.dispatcher, at=LATER)
    assert refused(change, town, task="又", due_on=week, why="x", by=cast.county_officer) == "state"
    withdraw(ecology, "由镇办理", by=cast.county_officer, at=LATER)
    cross_off(town, by=cast.county_officer, at=LATER)
    order.refresh_from_db()
    assert order.closed_at == LATER, "what was withdrawn holds nothing up"
    assert refused(answer, ecology, "已办", by=cast.department_officer) == "state"
    add(order, [Wanted(cast.market, "查证照", week)], by=cast.county_officer, at=LATER)
    order.refresh_from_db()
    assert order.closed_at is None
    assert refused(add, order, [Wanted(cast.market, "x", week)], by=cast.dispatcher) == "person"


def test_a_shop_stands_once_in_a_list_until_it_is_withdrawn(cast: Cast) -> None:
    order = campaign(cast)
    again = [Wanted(cast.grid, "看", SOON, cast.merchant)]
    assert refused(add, order, again, by=cast.county_officer) == "shop_known"
    withdraw(order.items.get(merchant=cast.merchant), "停业", by=cast.county_officer, at=LATER)
    add(order, again, by=cast.county_officer, at=LATER)
    assert order.items.filter(merchant=cast.merchant).count() == 2


@pytest.mark.parametrize("many", [0, 501])
def test_an_order_has_items_and_not_too_many(cast: Cast, many: int) -> None:
    given = Given(OrderKind.INSTRUCTION, "1", "x", "x", date(2026, 3, 4), "P-SMOKE")
    items = [Wanted(cast.town, "x", SOON)] * many
    why = refused(give, given, items, by=cast.county_officer, submission=uuid4(), at=NOON)
    assert why == ("too_many" if many else "no_items")


def test_a_number_stands_once_and_the_same_form_sent_twice_makes_one_order(cast: Cast) -> None:
    instruction(cast)
    with pytest.raises(OrderRefused, match="number_known"):
        instruction(cast)
    given = Given(OrderKind.CAMPAIGN, "2", "x", "x", date(2026, 3, 4), "P-SMOKE")
    submission = uuid4()
    made = [
        give(given, [Wanted(cast.town, "x", SOON)], by=cast.county_officer, at=NOON, submission=submission)
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert Order.objects.count() == 2


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_only_those_it_concerns_see_it(cast: Cast) -> None:
    order = instruction(cast, cast.ecology)
    for somebody, sees in (
        (cast.county_officer, True), (cast.leader, True), (cast.department_officer, True),
        (cast.grid_member, False), (cast.dispatcher, False), (cast.owner, False),
    ):  # fmt: skip
        assert (as_(somebody).get(f"/issues/orders/{order.pk}/").status_code == 200) is sees, somebody


def test_an_order_is_given_answered_and_crossed_off_by_its_pages(cast: Cast) -> None:
    form = {
        "kind": "campaign", "number": "善综执备〔2026〕9号", "title": "夜市专项", "issued_by": "县专班",
        "issued_on": "2026-01-05", "words": "逐店看", "violation": "D-HOOD", "due_on": "2099-01-01",
        "town": cast.merchant.town, "submission": str(uuid4()),
    }  # fmt: skip
    response = as_(cast.dispatcher).post("/issues/orders/new/", form)
    order = Order.objects.get()
    assert response.headers["Location"] == f"/issues/orders/{order.pk}/"
    item = order.items.get()
    assert (item.merchant, item.unit) == (cast.merchant, cast.grid)
    act = f"/issues/orders/{order.pk}/{item.pk}/"
    said = {"act": "answer", "words": "已提醒"}
    assert as_(cast.grid_member).post(act, {**said, "submission": str(uuid4())}).status_code == 409, "without pictures"
    pictures = {"before": jpeg("brown"), "after": jpeg("white")}
    sent = as_(cast.grid_member).post(act, {**said, **pictures, "submission": str(uuid4())})
    assert sent.status_code == 302
    assert as_(cast.grid_member).post(act, {"act": "cross_off"}).status_code == 409
    assert as_(cast.county_officer).post(act, {"act": "cross_off"}).status_code == 302
    order.refresh_from_db()
    assert order.closed_at is not None


FORM = {
    "kind": "instruction", "number": "善办批〔2026〕9号", "title": "夜市油烟", "issued_by": "县领导", "issued_on": "2026-01-05",
    "words": "逐店看", "violation": "D-HOOD", "due_on": "2099-01-01",
}  # fmt: skip


def test_the_office_enters_an_instruction_about_an_issue_or_a_shop(cast: Cast) -> None:
    issue, office = find(cast.grid_member, merchant=cast.merchant), as_(cast.county_officer)
    of_issue = f"/issues/orders/new/?issue={issue.number}"
    assert of_issue in office.get(f"/issues/{issue.number}/").content.decode()
    assert of_issue not in as_(cast.dispatcher).get(f"/issues/{issue.number}/").content.decode()
    page = office.get(of_issue)
    assert (page.context["form"]["violation"].value(), page.context["form"]["kind"].value()) == (
        issue.violation, "instruction",
    )  # fmt: skip
    assert [row.unit for row in page.context["form"].unit_rows() if row.chosen] == [cast.town]
    assert cast.merchant.name in page.content.decode()
    form = {**FORM, "units": [cast.town.pk], "submission": str(uuid4())}
    assert office.post(of_issue, form).status_code == 302
    order = Order.objects.get()
    assert (order.about_issue, order.about_shop) == (issue, cast.merchant)
    assert order.title in office.get(f"/issues/{issue.number}/").content.decode()
    of_shop = f"/issues/orders/new/?merchant={cast.merchant.pk}"
    assert of_shop in office.get(f"/merchants/{cast.merchant.pk}/").content.decode()
    assert office.post(of_shop, {**form, "number": "二号", "submission": str(uuid4())}).status_code == 302
    assert Order.objects.get(number="二号").about_shop == cast.merchant
    lead = alarm(cast.merchant)
    assert lead.violation in dict(
        office.get(f"/issues/orders/new/?issue={lead.number}").context["form"].fields["violation"].choices
    )
    for unknown in ("issue=2026030599999", "merchant=99999999", "merchant=x"):
        assert office.get(f"/issues/orders/new/?{unknown}").status_code == 404


def test_each_unit_may_have_its_own_task_and_day_and_the_paper_may_be_a_picture(cast: Cast) -> None:
    form = {
        **FORM, "leader": cast.leader.pk, "units": [cast.town.pk, cast.ecology.pk], f"task-{cast.ecology.pk}": "监测两晚",
        f"due-{cast.ecology.pk}": "2098-05-01", f"task-{cast.market.pk}": "没有勾选", "scan": jpeg("white"),
        "submission": str(uuid4()),
    }  # fmt: skip
    assert as_(cast.county_officer).post("/issues/orders/new/", form).status_code == 302
    order = Order.objects.get()
    assert (order.leader, order.scan and order.scan.content_type) == (cast.leader, "image/jpeg")
    assert set(order.items.values_list("unit", "task", "due_on")) == {
        (cast.town.pk, "夜市油烟", date(2099, 1, 1)), (cast.ecology.pk, "监测两晚", date(2098, 5, 1)),
    }  # fmt: skip
    page = as_(cast.department_officer).get(f"/issues/orders/{order.pk}/").content.decode()
    assert "监测两晚" in page and cast.leader.name in page


@pytest.mark.parametrize("day", ["2020-01-01", "soon"])
def test_a_units_own_day_lies_ahead(cast: Cast, day: str) -> None:
    form = {**FORM, "units": [cast.town.pk], f"due-{cast.town.pk}": day}
    response = as_(cast.county_officer).post("/issues/orders/new/", form)
    assert response.status_code == 422
    assert day in response.content.decode(), "what was typed is still there"
    assert list(response.context["form"].errors) == ["units"]


def test_what_is_no_paper_is_refused(cast: Cast) -> None:
    form = {**FORM, "units": [cast.town.pk], "scan": SimpleUploadedFile("a.pdf", b"MZ")}
    assert as_(cast.county_officer).post("/issues/orders/new/", form).status_code == 422
    assert not Order.objects.exists()


def test_items_are_added_changed_and_withdrawn_by_their_pages(cast: Cast) -> None:
    order = instruction(cast, cast.town)
    item = order.items.get()
    at, act = f"/issues/orders/{order.pk}/", f"/issues/orders/{order.pk}/{item.pk}/"
    county = as_(cast.county_officer)
    assert as_(cast.dispatcher).get(f"{at}add/").status_code == 403
    assert county.get(f"{at}add/").status_code == 200
    more = {"due_on": "2099-01-01", "units": [cast.ecology.pk], "submission": str(uuid4())}
    for _ in range(2):
        assert county.post(f"{at}add/", more).status_code == 302
    assert order.items.count() == 2
    changed = {"act": "change", "task": "查清", "due_on": "2099-02-01", "words": "台风", "submission": str(uuid4())}
    assert as_(cast.dispatcher).post(act, changed).status_code == 409
    assert county.post(act, {**changed, "submission": str(uuid4())}).status_code == 302
    assert county.post(act, {**changed, "due_on": "x", "submission": str(uuid4())}).status_code == 409
    page = as_(cast.dispatcher).get(at).content.decode()
    assert "台风" in page and "查清并答复" in page
    assert county.post(act, {"act": "withdraw", "words": "并入专项", "submission": str(uuid4())}).status_code == 302
    item.refresh_from_db()
    assert item.state == "withdrawn"
    assert county.get(at).status_code == 200


def test_what_waits_for_a_unit_stands_in_the_work_of_its_people(cast: Cast) -> None:
    instruction(cast, cast.ecology)
    campaign(cast)
    link = "/issues/orders/"

    def shown(user: User, page: str) -> bool:
        text = as_(user).get(page).content.decode()
        return f'<a href="{link}">' in text

    assert shown(cast.department_officer, "/issues/?view=mine")
    assert shown(cast.grid_member, "/collect/")
    assert not shown(cast.dispatcher, "/issues/?view=unit")
    assert waiting(cast.grid_member, SOON + timedelta(days=1)).late == 1


def test_wrong_input_names_the_field_and_the_mend(cast: Cast) -> None:
    response = as_(cast.dispatcher).post("/issues/orders/new/", {"kind": "campaign", "due_on": "2020-01-01"})
    assert response.status_code == 422
    assert {"number", "title", "due_on"} <= set(response.context["form"].errors)
    assert not Order.objects.exists()
    assert as_(cast.grid_member).get("/issues/orders/new/").status_code == 403


def test_the_issue_of_an_order_says_whose_it_is(cast: Cast) -> None:
    item = campaign(cast).items.get(merchant=cast.merchant)
    issue = make_issue(item, "", by=cast.grid_member, at=LATER)
    assert Issue.objects.get(pk=issue.pk).moves.first().data["order"] == "善综执备〔2026〕1号"  # type: ignore[union-attr]  # it has moves


def test_the_form_of_an_order_chooses_nothing_for_whoever_fills_it_in(cast: Cast) -> None:
    """The first finding of the catalogue, chosen already, would be what most orders are about."""
    page = as_(cast.dispatcher).get("/issues/orders/new/").content.decode()
    asked = page[page.index('name="violation"') :]
    assert re.match(r'[^>]*>\s*<option value=""( selected)?>', asked)


def test_a_form_that_was_gone_back_to_and_sent_with_other_words_is_refused_and_nothing_breaks(cast: Cast) -> None:
    order = instruction(cast, cast.town)
    act = f"/issues/orders/{order.pk}/{order.items.get().pk}/"
    sent = {"act": "answer", "words": "三家已整改", "submission": str(uuid4())}
    assert as_(cast.dispatcher).post(act, sent).status_code == 302
    assert as_(cast.dispatcher).post(act, {**sent, "words": "四家已整改"}).status_code == 409
    assert order.items.get().answer == "三家已整改"
    more = {"due_on": "2099-01-01", "units": [str(cast.ecology.pk)], "submission": str(uuid4())}
    add_to = f"/issues/orders/{order.pk}/add/"
    assert as_(cast.county_officer).post(add_to, more).status_code == 302
    assert as_(cast.county_officer).post(add_to, {**more, "due_on": "2099-01-02"}).status_code == 422
    assert order.items.count() == 2


def test_whose_order_it_is_sees_it_however_far_they_see_else(cast: Cast) -> None:
    order = instruction(cast, cast.ecology)
    assert not Order.objects.visible_to(cast.dispatcher).filter(pk=order.pk).exists()
    Order.objects.filter(pk=order.pk).update(leader=cast.dispatcher)
    assert Order.objects.visible_to(cast.dispatcher).filter(pk=order.pk).exists()
