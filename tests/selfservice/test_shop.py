"""The owner's phone: whose shop, what is told of it, whom to call."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from lingxiu.accounts.models import Bond, User
from lingxiu.merchants.models import CareRecord, Facility, Merchant, Standing, Status
from lingxiu.selfservice.models import SelfCheck
from tests.cast import BEGAN, NOON, Cast, make_merchant
from tests.rating.world import issue, true_complaint

TODAY = date(2026, 3, 5)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def signed_in(user: User, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


def page(user: User, path: str = "/shop/", language: str = "en") -> str:
    response = signed_in(user, language).get(path)
    assert response.status_code == 200, (path, response.status_code)
    return response.content.decode()


def status(user: User, path: str) -> int:
    return signed_in(user).get(path).status_code


def cared(merchant: Merchant, kind: str, days_ago: int) -> None:
    CareRecord.objects.create(merchant=merchant, kind=kind, on=TODAY - timedelta(days=days_ago), recorded_at=NOON)


def in_order(merchant: Merchant) -> None:
    for kind in CareRecord.Kind:
        cared(merchant, kind, 1)
    SelfCheck.objects.create(merchant=merchant, month=date(2026, 3, 1), declared_at=NOON)


def second_shop(cast: Cast, user: User, kind: str, name: str = "姚记土菜馆") -> Merchant:
    assert cast.merchant.area is not None
    merchant = make_merchant(name, cast.merchant.area, 120.93, 30.84)
    Bond.objects.create(user=user, merchant_id=merchant.pk, kind=kind, made_at=BEGAN)
    return merchant


# ── whose shop ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_owner_with_one_shop_stands_in_it_at_once(cast: Cast) -> None:
    assert cast.merchant.name in page(cast.owner)


def test_with_several_shops_the_most_pressing_comes_first(cast: Cast) -> None:
    in_order(cast.merchant)
    other = second_shop(cast, cast.owner, "owner")
    text = page(cast.owner)
    assert text.index(other.name) < text.index(cast.merchant.name), "the other's self-check is still to do"
    assert f'href="/shop/{other.pk}/"' in text


def test_a_shop_may_be_asked_for_by_its_number(cast: Cast) -> None:
    second_shop(cast, cast.owner, "owner")
    response = signed_in(cast.owner).get(f"/shop/?merchant={cast.merchant.pk}")
    assert response.headers["Location"] == f"/shop/{cast.merchant.pk}/"
    assert status(cast.owner, f"/shop/?merchant={cast.other_merchant.pk}") == 200


def test_a_strangers_shop_does_not_exist(cast: Cast) -> None:
    for path in ("", "check/", "cleaning/", "trap/", "waste/"):
        assert status(cast.stranger_owner, f"/shop/{cast.merchant.pk}/{path}") == 404


def test_a_shop_closed_for_good_is_gone(cast: Cast) -> None:
    Merchant.objects.filter(pk=cast.merchant.pk).update(status=Status.CLOSED)
    assert status(cast.owner, f"/shop/{cast.merchant.pk}/") == 404


def test_officers_have_their_own_doors(cast: Cast) -> None:
    for role in ("grid_member", "county_officer", "town_dispatcher"):
        assert status(cast.by_role[role], "/shop/") == 404
        assert status(cast.by_role[role], f"/shop/{cast.merchant.pk}/") == 404


def test_an_owner_without_a_shop_is_told_how_to_get_it(cast: Cast) -> None:
    Bond.objects.filter(user=cast.owner).update(ended_at=NOON)
    assert "No shop is bound to your phone yet" in page(cast.owner)


def test_a_bond_that_ended_opens_nothing(cast: Cast) -> None:
    Bond.objects.filter(user=cast.owner).update(ended_at=NOON)
    assert status(cast.owner, f"/shop/{cast.merchant.pk}/") == 404


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("owner", {"", "check/", "cleaning/", "trap/", "waste/"}),
        ("cleaning_company", {"", "cleaning/", "trap/"}),
        ("waste_hauler", {"", "waste/"}),
    ],
)
def test_each_may_do_what_they_are_bound_for(cast: Cast, role: str, allowed: set[str]) -> None:
    opened = {
        path
        for path in ("", "check/", "cleaning/", "trap/", "waste/")
        if status(cast.by_role[role], f"/shop/{cast.merchant.pk}/{path}") == 200
    }
    assert opened == allowed


def test_an_owner_of_one_shop_who_cleans_another_may_not_declare_for_it(cast: Cast) -> None:
    served = second_shop(cast, cast.owner, "cleaning_company")
    assert status(cast.owner, f"/shop/{served.pk}/cleaning/") == 404, "no role of theirs lets them clean"
    assert status(cast.owner, f"/shop/{served.pk}/check/") == 404


# ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_sentence_one_date_one_button(cast: Cast) -> None:
    in_order(cast.merchant)
    CareRecord.objects.filter(kind="purifier_cleaned").update(on=TODAY - timedelta(days=95))
    text = page(cast.owner)
    assert "Have the purifier cleaned" in text
    assert "by 2026-02-28" in text
    assert "5 days late" in text
    assert text.count("btn-primary") == 1
    assert f'href="/shop/{cast.merchant.pk}/cleaning/"' in text


def test_where_nothing_is_wrong_it_says_so_and_names_the_next_date(cast: Cast) -> None:
    in_order(cast.merchant)
    text = page(cast.owner)
    assert "Nothing is wrong with your shop" in text
    assert "by 2026-03-11" in text
    assert "btn-primary" not in text


def test_a_device_reminds_and_never_finds(cast: Cast) -> None:
    in_order(cast.merchant)
    issue(cast.merchant, "L-FUME", "alarm", TODAY - timedelta(days=1))
    for language, says, word in (("en", "Fume values are high", "reminder"), ("zh-hans", "油烟数值偏高", "提醒")):
        text = page(cast.owner, language=language)
        assert says in text
        assert word in text
        assert "超标" not in text
        assert "exceed" not in text.lower()


def test_the_grid_member_is_one_call_away(cast: Cast) -> None:
    member = User.objects.get(pk=cast.grid_member.pk)
    member.name, member.phone = "沈建国", "13812345678"
    member.save()
    text = page(cast.owner)
    assert 'href="tel:13812345678"' in text
    assert "沈建国" in text


def test_a_reminder_alone_makes_the_call_the_one_button(cast: Cast) -> None:
    member = User.objects.get(pk=cast.grid_member.pk)
    member.phone = "13812345678"
    member.save()
    in_order(cast.merchant)
    issue(cast.merchant, "D-HOOD", "grid_member", TODAY - timedelta(days=1))
    text = page(cast.owner)
    assert text.count("btn-primary") == 1
    assert text.count("tel:13812345678") == 1
    assert "Wash hood and filters today" in text


def test_an_owner_never_learns_who_complained(cast: Cast) -> None:
    complaint = true_complaint(cast.merchant, TODAY - timedelta(days=1))
    waiting = issue(cast.merchant, "P-SMOKE", "public", TODAY, people=1)
    report = waiting.reports.get()
    report.words, report.place = "楼上王阿姨", "3幢502"
    report.save()
    text = page(cast.owner, language="zh-hans")
    assert waiting.number in text
    assert complaint.number not in text, "it is closed"
    assert "王阿姨" not in text
    assert "幢502" not in text


def test_companies_are_told_nothing_of_issues_or_levels(cast: Cast) -> None:
    Standing.objects.filter(merchant=cast.merchant).update(fume_level=3)
    number = issue(cast.merchant, "D-HOOD", "grid_member", TODAY).number
    for user in (cast.cleaning_company, cast.waste_hauler):
        text = page(user, f"/shop/{cast.merchant.pk}/")
        assert number not in text
        assert "/level/" not in text


def test_a_company_sees_its_shops_by_what_is_due(cast: Cast) -> None:
    other = second_shop(cast, cast.cleaning_company, "cleaning_company")
    cared(cast.merchant, "purifier_cleaned", 5)
    cared(other, "purifier_cleaned", 100)
    text = page(cast.cleaning_company)
    assert text.index(other.name) < text.index(cast.merchant.name)
    assert "10 days late" in text


def test_a_hauler_goes_from_the_list_straight_to_the_record(cast: Cast) -> None:
    other = second_shop(cast, cast.waste_hauler, "waste_hauler")
    assert f'href="/shop/{other.pk}/waste/"' in page(cast.waste_hauler)


def test_many_shops_can_be_searched_by_a_part_of_the_name(cast: Cast) -> None:
    for number in range(8):
        second_shop(cast, cast.waste_hauler, "waste_hauler", f"第{number}饭店")
    text = page(cast.waste_hauler, "/shop/?q=第3")
    assert "第3饭店" in text
    assert "第4饭店" not in text
    assert "No shop of yours has this name" in page(cast.waste_hauler, "/shop/?q=没有")


def test_who_serves_shops_reads_what_is_theirs_to_do(cast: Cast) -> None:
    second_shop(cast, cast.waste_hauler, "waste_hauler")
    cared(cast.merchant, "waste_handed_over", 30)
    text = page(cast.waste_hauler)
    assert "Shops I serve" in text
    assert "Collect the kitchen waste" in text
    assert "Hand the kitchen waste to the collector" in page(cast.owner)


def test_very_many_shops_come_page_by_page(cast: Cast) -> None:
    for number in range(55):
        second_shop(cast, cast.waste_hauler, "waste_hauler", f"第{number:02}饭店")
    text = page(cast.waste_hauler)
    assert text.count("<td") == 50 * 3
    assert "1–50 of 56" in text
    assert 'href="?page=2" rel="next"' in text
    second = page(cast.waste_hauler, "/shop/?page=2")
    assert second.count("<td") == 6 * 3
    assert 'rel="next"' not in second


def test_what_comes_after_stands_in_the_order_of_its_dates(cast: Cast) -> None:
    cared(cast.merchant, "purifier_cleaned", 100)
    cared(cast.merchant, "waste_handed_over", 1)
    after = page(cast.owner, f"/shop/{cast.merchant.pk}/").split("After that")[1].split("Your grid member")[0]
    dates = re.findall(r"by (\d{4}-\d\d-\d\d)", after)
    assert len(dates) > 1
    assert dates == sorted(dates)


def test_the_list_takes_as_many_statements_for_many_shops_as_for_two(cast: Cast) -> None:
    def statements() -> int:
        client = signed_in(cast.waste_hauler)
        with CaptureQueriesContext(connection) as captured:
            client.get("/shop/")
        return len(captured)

    second_shop(cast, cast.waste_hauler, "waste_hauler")
    statements()  # the policy is read once a process
    few = statements()
    for number in range(9):
        second_shop(cast, cast.waste_hauler, "waste_hauler", f"第{number}饭店")
    assert statements() == few


def test_a_dossier_that_knows_of_a_purifier_has_it_asked_for(cast: Cast) -> None:
    Facility.objects.create(merchant=cast.merchant, kind="purifier")
    assert "Have the purifier cleaned" in page(cast.owner)
    assert "Have the grease trap emptied" not in page(cast.owner)


@pytest.mark.parametrize("path", ["/shop/", "/shop/{}/check/", "/shop/{}/cleaning/", "/shop/{}/waste/"])
def test_every_page_stands_in_both_languages(cast: Cast, path: str) -> None:
    address = path.format(cast.merchant.pk)
    assert 'lang="zh-hans"' in page(cast.owner, address, "zh-hans")
    assert 'lang="en"' in page(cast.owner, address, "en")


def test_midnight_is_the_countys(cast: Cast) -> None:
    cared(cast.merchant, "waste_handed_over", 6)  # due on 2026-03-06
    in_order_but_waste = [kind for kind in CareRecord.Kind if kind != "waste_handed_over"]
    for kind in in_order_but_waste:
        cared(cast.merchant, kind, 1)
    SelfCheck.objects.create(merchant=cast.merchant, month=date(2026, 3, 1), declared_at=NOON)
    with time_machine.travel(datetime(2026, 3, 6, 15, 59, tzinfo=UTC), tick=False):
        assert "late" not in page(cast.owner, f"/shop/{cast.merchant.pk}/").split("Next dates")[0].split("<main")[1]
    with time_machine.travel(datetime(2026, 3, 6, 16, 1, tzinfo=UTC), tick=False):
        assert "1 day late" in page(cast.owner, f"/shop/{cast.merchant.pk}/")
