"""Joint inspections: who goes along is told when a round is planned, changed, taken back, and in the morning of its day; once."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import translation

from lingxiu.accounts.absences import declare
from lingxiu.accounts.models import Post, Unit, User
from lingxiu.issues.joint import Round, leave_out, plan, withdraw
from lingxiu.issues.joint_changes import cover_seats, move_day, swap
from lingxiu.issues.joint_models import JointInspection
from lingxiu.issues.joint_today import tell_of_today
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Merchant
from lingxiu.notices.actions import Wishes, choose
from lingxiu.notices.jobs import read_on
from lingxiu.notices.models import Delivery, Notice
from lingxiu.notices.sending import send_due
from lingxiu.notices.telling import Chosen, Way
from lingxiu.notices.wording import lines
from tests.cast import NOON, Cast, make_cast, person
from tests.issues.test_joint_rounds import walked
from tests.notices.others import Phone, Zhezhengding
from tests.notices.world import SOON, connected, told

pytestmark = pytest.mark.django_db(transaction=True)

ZONE = ZoneInfo("Asia/Shanghai")
TOMORROW = NOON.date() + timedelta(days=1)
MORNING = datetime.combine(TOMORROW, time(6, 30), ZONE)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """Committed: the journal is read only up to what is settled."""
    return make_cast()


@pytest.fixture
def crew(cast: Cast) -> dict[Unit, list[User]]:
    """Two officers each of ecology and of the town's team."""
    return {
        cast.ecology: [cast.department_officer, person("ecology2", "department_officer", cast.ecology)],
        cast.town_team: [cast.town_officer, person("team2", "town_officer", cast.town_team)],
    }


def planned(cast: Cast, crew: dict[Unit, list[User]], *shops: Merchant, **values: Any) -> JointInspection:
    wanted: dict[str, Any] = {
        "title": "夜市油烟联合检查", "day": TOMORROW, "lead": cast.ecology, "shops": shops or [cast.merchant, cast.other_merchant],
        "officers": [(unit, one) for unit, people in crew.items() for one in people], **values,
    }  # fmt: skip
    return plan(Round(**wanted), by=cast.county_officer, at=NOON, submission=uuid4()).joint


CREW = ["ecology", "ecology2", "team", "team2"]


def all_told(rule: str) -> list[str]:
    return sorted(Notice.objects.filter(rule=rule).values_list("person__username", flat=True))


def test_who_goes_along_is_told_that_a_round_is_planned_and_their_dispatcher_too(
    cast: Cast, crew: dict[Unit, list[User]]
) -> None:
    planned(cast, crew)
    assert told() == [*[(who, "N-ROUND-UNIT" if who == "dispatcher" else "N-ROUND-PLANNED")
                        for who in sorted([*CREW, "dispatcher"])]]  # fmt: skip
    assert len(told(SOON + timedelta(minutes=1))) == 5, "read on, it is told no second time"


def test_who_plans_it_and_goes_along_knows_already(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    wanted = Round("联合检查", TOMORROW, cast.ecology, [(unit, one) for unit, two in crew.items() for one in two],
                   [cast.merchant])  # fmt: skip
    plan(wanted, by=cast.town_officer, at=NOON, submission=uuid4())
    read_on(SOON)
    assert all_told("N-ROUND-PLANNED") == ["ecology", "ecology2", "team2"]


def test_a_shop_left_out_and_a_round_taken_back_are_told_to_who_would_have_gone(
    cast: Cast, crew: dict[Unit, list[User]]
) -> None:
    made = planned(cast, crew)
    leave_out(made.shops.get(merchant=cast.other_merchant), "停业", by=cast.county_officer, at=NOON)
    withdraw(made, "台风", by=cast.county_officer, at=NOON)
    read_on(SOON)
    assert all_told("N-ROUND-CHANGED") == CREW
    assert all_told("N-ROUND-WITHDRAWN") == sorted([*CREW, "dispatcher"])


def test_in_the_morning_of_its_day_they_are_told_once(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    planned(cast, crew)
    assert tell_of_today(MORNING - timedelta(minutes=1)) == 0
    assert tell_of_today(MORNING - timedelta(days=1)) == 0
    assert [tell_of_today(MORNING + timedelta(minutes=n)) for n in range(3)] == [1, 0, 0]
    assert Entry.objects.filter(kind="joint.today").count() == 1
    read_on(MORNING)
    assert all_told("N-ROUND-TODAY") == CREW


def test_after_a_standstill_it_is_told_late_the_same_day_and_on_no_other(
    cast: Cast, crew: dict[Unit, list[User]]
) -> None:
    planned(cast, crew, cast.merchant)
    planned(cast, crew, cast.other_merchant, day=TOMORROW + timedelta(days=1))
    assert tell_of_today(MORNING + timedelta(hours=9)) == 1
    assert tell_of_today(MORNING + timedelta(days=3)) == 0


def test_nobody_is_reminded_of_what_does_not_take_place_or_was_told_of_that_day(
    cast: Cast, crew: dict[Unit, list[User]]
) -> None:
    withdraw(planned(cast, crew, cast.merchant), "台风", by=cast.county_officer, at=NOON)
    all_out = planned(cast, crew, cast.other_merchant)
    leave_out(all_out.shops.get(), "停业", by=cast.county_officer, at=NOON)
    today = planned(cast, crew, cast.merchant, day=NOON.date())
    assert tell_of_today(MORNING) == tell_of_today(NOON + timedelta(hours=2)) == 0
    walked(cast, today, cast.merchant)
    assert tell_of_today(NOON + timedelta(hours=2)) == 0


def test_it_goes_by_the_ways_each_chose_when_quiet_hours_end(
    cast: Cast, crew: dict[Unit, list[User]], zhezhengding: Zhezhengding, phone: Phone
) -> None:
    connected(cast.department_officer, "5001")
    cast.town_officer.phone = "13700000009"
    cast.town_officer.save()
    choose(
        cast.town_officer,
        Wishes({"work": Chosen(frozenset({Way.SMS}), digest=True)}, time(21), time(7, 30), 6, {}), at=NOON,
    )  # fmt: skip
    made = planned(cast, crew)
    read_on(SOON)
    Delivery.objects.all().delete()
    tell_of_today(MORNING)
    read_on(MORNING)
    going = dict(Delivery.objects.values_list("person__username", "next_at"))
    local = {who: at.astimezone(ZONE).strftime("%H:%M") for who, at in going.items()}
    assert local == {"ecology": "07:30", "team": "07:45"}
    zhezhengding.now = MORNING + timedelta(hours=2)
    assert send_due(zhezhengding.now) == 2
    [sent] = zhezhengding.notices.values()
    assert "今天有联合检查：2026-03-06，2 家 · 生态环境分局" in sent["text"]
    assert "夜市" not in sent["text"], "a title is somebody's words"
    path = "/n/" + sent["text"].rpartition("/n/")[2].rstrip("。. ")
    browser = Client()
    browser.force_login(cast.department_officer)
    assert browser.get(path).url == f"/issues/joint/{made.pk}/"


def test_the_notice_opens_the_round_and_says_when_and_who_leads(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    made = planned(cast, crew)
    leave_out(made.shops.get(merchant=cast.other_merchant), "停业", by=cast.county_officer, at=NOON)
    read_on(SOON)
    notice = Notice.objects.filter(person=cast.department_officer).order_by("pk")[0]
    with translation.override("en"):
        [line] = lines([notice], officer=True)
        assert line.words == "you go along on a joint inspection: 2026-03-06, 1 shop · 生态环境分局"
    assert line.url == f"/issues/joint/{made.pk}/"
    browser = Client()
    browser.force_login(cast.department_officer)
    answer = browser.get(f"/notices/{notice.pk}/")
    assert answer.url == line.url
    assert browser.get(answer.url).status_code == 200


def test_who_left_the_body_since_is_not_told(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    planned(cast, crew)
    Post.objects.filter(user=cast.town_officer).update(until=NOON)
    read_on(SOON)
    assert all_told("N-ROUND-PLANNED") == ["ecology", "ecology2", "team2"]


def test_who_comes_who_goes_and_who_stays_are_told_apart(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    one, third = planned(cast, crew), person("ecology3", "department_officer", cast.ecology)
    read_on(SOON)
    before = Notice.objects.count()
    swap(one, cast.department_officer.pk, third, by=cast.county_officer, at=NOON)
    assert set(told()[before:]) == {
        ("ecology3", "N-ROUND-CAME"), ("ecology", "N-ROUND-WENT"), ("ecology2", "N-ROUND-CREW"),
        ("team", "N-ROUND-CREW"), ("team2", "N-ROUND-CREW"),
    }  # fmt: skip


def test_another_day_is_told_to_all_who_go_and_their_dispatchers(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    one = planned(cast, crew)
    read_on(SOON)
    before = Notice.objects.count()
    move_day(one, TOMORROW + timedelta(days=1), seen=TOMORROW, by=cast.county_officer, at=NOON)
    assert {rule for _who, rule in told()[before:]} == {"N-ROUND-MOVED"}
    assert {who for who, _rule in told()[before:]} == {"ecology", "ecology2", "team", "team2", "dispatcher"}


def test_an_empty_seat_is_told_to_who_planned_it(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    one = planned(cast, crew)
    declare(
        cast.department_officer, NOON, NOON + timedelta(days=3), reason="leave", deputy=None, at=NOON,
        by=cast.department_officer.pk,
    )  # fmt: skip
    read_on(SOON)
    before = Notice.objects.count()
    assert (cover_seats(NOON), one.officers.count()) == (0, 4)
    assert ("county", "N-ROUND-SEAT") in told()[before:]
