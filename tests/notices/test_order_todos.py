"""An order stands on the 浙政钉 list of the people of each unit that has something of it to answer, and on nobody else's."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client

from lingxiu.accounts.models import Post, User
from lingxiu.issues.order_models import Order, OrderKind
from lingxiu.issues.orders import Given, Wanted, add, answer, cross_off, give, send_back, withdraw
from lingxiu.notices.jobs import read_on
from lingxiu.notices.models import Delivery
from lingxiu.notices.sending import send_due
from tests.cast import NOON, Cast, make_cast
from tests.notices.others import Zhezhengding
from tests.notices.world import SOON, connected, states

pytestmark = pytest.mark.django_db(transaction=True)

DUE = NOON.date() + timedelta(days=5)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """Committed, and known to 浙政钉: the town's dispatcher, the officer of ecology, who gives orders, whose they are."""
    cast = make_cast()
    for number, user in enumerate((cast.dispatcher, cast.department_officer, cast.county_officer, cast.leader)):
        connected(user, str(5001 + number))
    return cast


def ordered(cast: Cast) -> Order:
    given = Given(OrderKind.INSTRUCTION, "善办批〔2026〕3号", "学校周边油烟", "县领导", NOON.date(), "P-SMOKE")
    items = [Wanted(cast.town, "查清并答复", DUE), Wanted(cast.ecology, "监测", DUE + timedelta(days=1))]
    return give(given, items, by=cast.county_officer, at=NOON, submission=uuid4())


def round_of(zhezhengding: Zhezhengding, minutes: int = 0) -> list[str]:
    """The worker reads on and sends. Returns on whose lists something stands then, in order."""
    zhezhengding.now = SOON + timedelta(minutes=minutes)
    read_on(zhezhengding.now)
    send_due(zhezhengding.now)
    return sorted(task["assigneeId"] for task in zhezhengding.open_tasks)


def test_each_units_people_have_one_line_that_opens_their_own_item(cast: Cast, zhezhengding: Zhezhengding) -> None:
    order = ordered(cast)
    assert round_of(zhezhengding) == ["5001", "5002"]
    task = next(task for task in zhezhengding.open_tasks if task["assigneeId"] == "5002")
    assert "善办批〔2026〕3号" in task["subject"] and "学校周边" not in task["subject"], "its title stays inside"
    assert task["dueTime"] == f"{DUE + timedelta(days=1)} 23:59:00"
    item = order.items.get(unit=cast.ecology)
    assert opened(cast.department_officer, task["mobileUrl"]) == f"/issues/orders/{order.pk}/#item-{item.pk}"
    assert round_of(zhezhengding, 1) == ["5001", "5002"], "read on again, nothing doubles"


def opened(user: User, url: str) -> str:
    browser = Client()
    browser.force_login(user)
    return str(browser.get("/n/" + url.rpartition("/")[2]).headers["Location"])


def test_it_goes_with_the_answer_comes_again_when_sent_back_and_goes_for_good(
    cast: Cast, zhezhengding: Zhezhengding
) -> None:
    item = ordered(cast).items.get(unit=cast.ecology)
    round_of(zhezhengding)
    answer(item, "已监测", by=cast.department_officer, at=SOON)
    assert round_of(zhezhengding, 1) == ["5001"]
    send_back(item, "请附报告", by=cast.county_officer, at=SOON)
    assert round_of(zhezhengding, 2) == ["5001", "5002"]
    answer(item, "报告已附", by=cast.department_officer, at=SOON)
    cross_off(item, by=cast.county_officer, at=SOON)
    assert round_of(zhezhengding, 3) == ["5001"]
    assert states(cast.department_officer, "todo_done") == ["sent", "sent"]


def test_what_is_withdrawn_goes_and_what_is_added_comes(cast: Cast, zhezhengding: Zhezhengding) -> None:
    order = ordered(cast)
    round_of(zhezhengding)
    withdraw(order.items.get(unit=cast.town), "由生态环境分局统一办理", by=cast.county_officer, at=SOON)
    assert round_of(zhezhengding, 1) == ["5002"]
    add(order, [Wanted(cast.ecology, "再测一次", DUE), Wanted(cast.town, "配合", DUE)], by=cast.county_officer, at=SOON)
    assert round_of(zhezhengding, 2) == ["5001", "5002"], "one line each, however many items"


def test_of_two_items_the_line_stays_until_both_are_answered(cast: Cast, zhezhengding: Zhezhengding) -> None:
    given = Given(OrderKind.CAMPAIGN, "1", "专项", "县专班", NOON.date(), "D-TRAP", synthetic=True)
    shops = [Wanted(cast.town, "看", DUE, shop) for shop in (cast.merchant, cast.other_merchant)]
    first, second = give(given, shops, by=cast.county_officer, at=NOON, submission=uuid4()).items.order_by("pk")
    assert round_of(zhezhengding) == ["5001"]
    answer(first, "已看", by=cast.dispatcher, at=SOON)
    assert round_of(zhezhengding, 1) == ["5001"]
    answer(second, "已看", by=cast.dispatcher, at=SOON)
    assert round_of(zhezhengding, 2) == []


def test_who_went_to_another_post_has_it_no_more(cast: Cast, zhezhengding: Zhezhengding) -> None:
    order = ordered(cast)
    round_of(zhezhengding)
    Post.objects.filter(user=cast.department_officer).update(unit=cast.market)
    answer(order.items.get(unit=cast.town), "已查清", by=cast.dispatcher, at=SOON)
    assert round_of(zhezhengding, 1) == []


def test_what_was_answered_before_it_could_leave_never_leaves(cast: Cast, zhezhengding: Zhezhengding) -> None:
    item = ordered(cast).items.get(unit=cast.ecology)
    read_on(SOON)
    answer(item, "已监测", by=cast.department_officer, at=SOON)
    assert round_of(zhezhengding, 1) == ["5001"]
    assert [task.fields["assigneeId"] for task in zhezhengding.tasks.values()] == ["5001"]
    assert states(cast.department_officer, "todo") == ["needless"]


def test_only_its_units_are_owed_it(cast: Cast, zhezhengding: Zhezhengding) -> None:
    ordered(cast)
    round_of(zhezhengding)
    assert not Delivery.objects.filter(way="todo", person__in=[cast.county_officer, cast.leader]).exists()
