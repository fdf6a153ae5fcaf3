"""Orders from above: the unit is told when it is given one, and when that is due or late; whose it is, when it is answered."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from lingxiu.issues.order_models import Order, OrderItem, OrderKind
from lingxiu.issues.order_today import tell_of_orders
from lingxiu.issues.orders import Given, Wanted, answer, change, give, send_back, withdraw
from lingxiu.journal.models import Entry
from lingxiu.notices.jobs import read_on
from lingxiu.notices.models import Notice
from lingxiu.notices.wording import lines
from tests.cast import NOON, Cast, make_cast
from tests.issues.races import meanwhile, together
from tests.notices.world import SOON

pytestmark = pytest.mark.django_db(transaction=True)

ZONE = ZoneInfo("Asia/Shanghai")
DUE = NOON.date() + timedelta(days=5)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """Committed: the journal is read only up to what is settled."""
    return make_cast()


def ordered(cast: Cast) -> Order:
    given = Given(
        OrderKind.INSTRUCTION, "善办批〔2026〕3号", "学校周边油烟", "县领导", NOON.date(), "P-SMOKE", leader=cast.leader
    )
    items = [Wanted(cast.town, "查清并答复", DUE), Wanted(cast.ecology, "监测", DUE)]
    return give(given, items, by=cast.county_officer, at=NOON, submission=uuid4())


def morning(day: date, hours: int = 7) -> datetime:
    return datetime.combine(day, time(hours), ZONE)


def by_rule(rule: str) -> list[str]:
    return sorted(Notice.objects.filter(rule=rule).values_list("person__username", flat=True))


def test_the_people_of_each_unit_are_told_what_it_was_given_and_who_gave_it_knows(cast: Cast) -> None:
    order = ordered(cast)
    read_on(SOON)
    assert by_rule("N-ORDER-GIVEN") == ["dispatcher", "ecology"]
    notice = Notice.objects.get(person=cast.department_officer)
    with translation.override("en"):
        [line] = lines([notice], officer=True)
        assert line.words == "an instruction or a campaign gives your unit work: leader's instruction 善办批〔2026〕3号"
    assert line.url == f"/issues/orders/{order.pk}/"


def test_whose_order_it_is_and_who_gave_it_are_told_of_an_answer_and_the_unit_of_what_came_back(cast: Cast) -> None:
    item = ordered(cast).items.get(unit=cast.ecology)
    answer(item, "已监测", by=cast.department_officer, at=NOON)
    send_back(item, "请附报告", by=cast.county_officer, at=NOON)
    read_on(SOON)
    assert by_rule("N-ORDER-ANSWERED") == ["county", "leader"]
    assert by_rule("N-ORDER-BACK") == ["ecology"]


def test_of_many_shops_the_last_answer_of_a_unit_is_told_and_not_each(cast: Cast) -> None:
    given = Given(OrderKind.CAMPAIGN, "1", "专项", "县专班", NOON.date(), "D-TRAP", synthetic=True)
    shops = [Wanted(cast.grid, "看", DUE, shop) for shop in (cast.merchant, cast.other_merchant)]
    order = give(given, shops, by=cast.county_officer, at=NOON, submission=uuid4())
    for item in order.items.order_by("pk"):
        answer(item, "已看", by=cast.grid_member, at=NOON)
    read_on(SOON)
    assert by_rule("N-ORDER-GIVEN") == ["grid"]
    assert by_rule("N-ORDER-ANSWERED") == ["county"]


def test_a_unit_is_reminded_once_before_the_date_and_once_when_it_is_over(cast: Cast) -> None:
    order = ordered(cast)
    answer(order.items.get(unit=cast.ecology), "已监测", by=cast.department_officer, at=NOON)
    assert tell_of_orders(morning(DUE - timedelta(days=3))) == 0
    assert tell_of_orders(morning(DUE - timedelta(days=2), hours=5)) == 0, "the day has not begun"
    assert [tell_of_orders(morning(DUE - timedelta(days=2))) for _ in range(2)] == [1, 0]
    assert tell_of_orders(morning(DUE)) == 0
    assert [tell_of_orders(morning(DUE + timedelta(days=1))) for _ in range(2)] == [1, 0]
    assert list(Entry.objects.filter(kind__in=["order.due_soon", "order.overdue"]).values_list("kind", flat=True)) == [
        "order.due_soon", "order.overdue",
    ]  # fmt: skip
    read_on(morning(DUE + timedelta(days=1)))
    assert by_rule("N-ORDER-LATE") == ["dispatcher"]
    assert by_rule("N-ORDER-UNIT-LATE") == ["county", "leader"]


def test_a_new_date_is_reminded_of_anew_and_what_was_withdrawn_never(cast: Cast) -> None:
    order = ordered(cast)
    late = morning(DUE + timedelta(days=1))
    assert tell_of_orders(late) == 2
    town, ecology = order.items.get(unit=cast.town), order.items.get(unit=cast.ecology)
    change(town, task="查清并答复", due_on=DUE + timedelta(days=7), why="另有任务", by=cast.county_officer, at=late)
    withdraw(ecology, "由镇统一办理", by=cast.county_officer, at=late)
    read_on(late)
    assert by_rule("N-ORDER-CHANGED") == ["dispatcher", "ecology"]
    assert tell_of_orders(morning(DUE + timedelta(days=8))) == 1


def test_after_a_standstill_it_is_late_and_not_also_due_soon(cast: Cast) -> None:
    ordered(cast)
    assert tell_of_orders(morning(DUE + timedelta(days=30))) == 2
    assert set(Entry.objects.filter(kind__startswith="order.").values_list("kind", flat=True)) == {
        "order.given", "order.overdue",
    }  # fmt: skip


def test_the_item_somebody_is_answering_at_that_moment_does_not_split_its_units_entry(cast: Cast) -> None:
    """One officer has one of the unit's two items open in a transaction of theirs: the entry waits, and is of both."""
    order = of_two_items(cast)
    held = order.items.order_by("pk").last()
    assert held is not None

    def hold() -> None:
        OrderItem.objects.select_for_update().get(pk=held.pk)

    late = morning(DUE + timedelta(days=1))
    assert meanwhile(hold, lambda: tell_of_orders(late)) == 1
    assert overdue() == [2]


def test_of_two_workers_at_once_one_tells_and_the_other_finds_it_told(cast: Cast) -> None:
    late = morning(DUE + timedelta(days=1))
    for _ in range(5):
        of_two_items(cast)
    first: list[int] = []
    second = meanwhile(lambda: first.append(tell_of_orders(late)), lambda: tell_of_orders(late))
    assert (first, second) == ([5], 0)
    for _ in range(5):
        of_two_items(cast)
    assert sorted(together(*[lambda: tell_of_orders(late)] * 2), key=str) == [0, 5]
    assert overdue() == [2] * 10


def of_two_items(cast: Cast) -> Order:
    """An order with two items of one unit."""
    number = str(Order.objects.count())
    given = Given(OrderKind.CAMPAIGN, number, "专项", "县专班", NOON.date(), "D-TRAP", synthetic=True)
    shops = [Wanted(cast.grid, "看", DUE, shop) for shop in (cast.merchant, cast.other_merchant)]
    return give(given, shops, by=cast.county_officer, at=NOON, submission=uuid4())


def overdue() -> list[int]:
    """How many items each entry is of."""
    entries = Entry.objects.filter(kind="order.overdue").order_by("pk")
    return [entry.reference["items"] for entry in entries]
