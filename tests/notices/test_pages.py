"""The pages: everybody's notices and choices, the administrator's view of what could not be sent."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from lingxiu.accounts.models import User
from lingxiu.journal.models import Entry
from lingxiu.notices.actions import chosen_by, manner_of, tell
from lingxiu.notices.models import Delivery, Habit, Notice, Reach, Untold
from lingxiu.notices.telling import Chosen, Way
from lingxiu.policy.queries import in_force
from tests.cast import NOON, Cast
from tests.issues.world import alarm
from tests.notices.others import Phone
from tests.notices.world import silent, waiting

CHINESE = re.compile(r"[一-鿿]+")


def browser(user: User, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


def page(user: User, path: str = "/notices/", language: str = "en") -> str:
    answer = browser(user, language).get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def all_told(cast: Cast) -> None:
    """Something for grid member, dispatcher and owner."""
    alarm(cast.merchant)
    silent(cast.merchant)
    tell(Entry.objects.order_by("pk"), at=NOON)


def test_everybody_has_a_page_of_their_own_notices(cast: Cast) -> None:
    all_told(cast)
    for role, user in cast.by_role.items():
        found = page(user)
        mine = Notice.objects.filter(person=user).count()
        assert found.count('href="/notices/') - found.count('href="/notices/"') >= mine, role
        assert ("Nothing new" in found) == (mine == 0), role


def test_a_notice_leads_to_its_thing_and_is_read(cast: Cast) -> None:
    all_told(cast)
    mine = Notice.objects.get(person=cast.grid_member, rule="N-GIVEN")
    assert browser(cast.grid_member).get(f"/notices/{mine.pk}/").url == f"/issues/{mine.subject_id}/"
    mine.refresh_from_db()
    assert mine.read_at is not None
    shops = Notice.objects.get(person=cast.owner, rule="N-SHOP-ISSUE")
    assert browser(cast.owner).get(f"/notices/{shops.pk}/").url == f"/merchants/{cast.merchant.pk}/"
    assert browser(cast.owner).get(f"/notices/{mine.pk}/").status_code == 404
    assert browser(cast.owner).post(f"/notices/{mine.pk}/").status_code == 404


def test_read_and_unread_one_and_all(cast: Cast) -> None:
    all_told(cast)
    client = browser(cast.grid_member)
    first = Notice.objects.filter(person=cast.grid_member)[0]
    client.post(f"/notices/{first.pk}/", {"read": "1"})
    assert Notice.objects.filter(person=cast.grid_member, read_at=None).count() == 1
    client.post(f"/notices/{first.pk}/", {"read": "0", "view": "all"})
    assert Notice.objects.filter(person=cast.grid_member, read_at=None).count() == 2
    assert client.post("/notices/read/").url == "/notices/"
    assert not Notice.objects.filter(person=cast.grid_member, read_at=None).exists()
    assert Notice.objects.filter(person=cast.owner, read_at=None).count() == 2, "others' are theirs"


def test_the_bell_counts_what_is_unread(cast: Cast) -> None:
    all_told(cast)
    assert "2 not read" in page(cast.grid_member, "/notices/settings/")
    browser(cast.grid_member).post("/notices/read/")
    assert "not read" not in page(cast.grid_member, "/notices/settings/")


def test_older_ones_stand_on_further_pages(cast: Cast) -> None:
    waiting(cast.grid_member, "sms", count=35)
    first = page(cast.grid_member)
    assert len(re.findall(r'href="/notices/\d+/"', first)) == 30
    before = re.search(r"\?before=(\d+)", first)
    assert before
    rest = page(cast.grid_member, f"/notices/?before={before[1]}")
    assert len(re.findall(r'href="/notices/\d+/"', rest)) == 5
    assert ">Older<" not in rest


def test_a_page_takes_the_same_few_queries_however_much_stands_on_it(
    cast: Cast, django_assert_max_num_queries: Any
) -> None:
    all_told(cast)
    waiting(cast.grid_member, "sms", count=25)
    client = browser(cast.grid_member)
    client.get("/notices/")
    with django_assert_max_num_queries(12):
        client.get("/notices/")


@pytest.mark.parametrize("path", ["/notices/", "/notices/?view=all", "/notices/settings/"])
def test_english_pages_are_english(cast: Cast, path: str, phone: Phone) -> None:
    for user in (cast.grid_member, cast.owner, cast.administrator):
        words = re.sub(r'<(\w+)[^>]*lang="zh[^>]*>.*?</\1>', "", page(user, path), flags=re.DOTALL)
        assert CHINESE.findall(words) == []


def test_chinese_pages_are_chinese(cast: Cast) -> None:
    all_told(cast)
    found = page(cast.grid_member, language="zh-hans")
    for words in ("通知", "问题交给您处置", "辖区设备失联"):
        assert words in found


def test_a_shop_is_told_in_words_of_a_kitchen_of_a_reminder_never_of_a_finding(cast: Cast) -> None:
    all_told(cast)
    found = page(cast.owner, language="zh-hans")
    says = {row.violation: row.says.zh for row in in_force().catalogues.selfcheck.issues}["L-FUME"]
    assert says in found
    for words in ("线索", "超标", "违法"):
        assert words not in found


def test_the_usual_ways_are_ticked_until_somebody_chooses(cast: Cast, phone: Phone) -> None:
    found = page(cast.dispatcher, "/notices/settings/")
    assert " checked" not in found, "text messages are for what is urgent, which brings them itself"
    assert page(cast.owner, "/notices/settings/").count(" checked") == 1


# ── choosing ──

HOURS = {"quiet_from": "22:00", "quiet_until": "06:30", "most_an_hour": "3"}


def test_what_is_chosen_is_kept(cast: Cast, phone: Phone, settings: Any) -> None:
    settings.MAIL_FROM = "a@b.example"
    sent = {**HOURS, "topic_work": ["sms", "digest"], "email": "me@b.example", "robot": "dingtalk://" + "a1b2c3d4" * 4}
    answer = browser(cast.dispatcher).post("/notices/settings/", sent)
    assert answer.url == "/notices/settings/"
    assert chosen_by(cast.dispatcher, "work") == Chosen(frozenset({Way.SMS}), digest=True)
    assert chosen_by(cast.dispatcher, "time") == Chosen(frozenset())
    assert chosen_by(cast.owner, "shop") is None
    manner = manner_of(cast.dispatcher, in_force().catalogues.notices)
    assert (manner.quiet_from.hour, manner.quiet_until.minute, manner.most_an_hour) == (22, 30, 3)
    assert set(Reach.objects.filter(user=cast.dispatcher).values_list("way", flat=True)) == {"email", "robot"}
    found = page(cast.dispatcher, "/notices/settings/")
    assert 'value="me@b.example"' in found
    assert "22:00" in found


def test_an_address_taken_away_is_gone(cast: Cast, settings: Any) -> None:
    settings.MAIL_FROM = "a@b.example"
    browser(cast.dispatcher).post("/notices/settings/", {**HOURS, "email": "me@b.example"})
    browser(cast.dispatcher).post("/notices/settings/", {**HOURS, "email": ""})
    assert not Reach.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"robot": "http://127.0.0.1/"}, "This is no address of a robot"),
        ({"quiet_from": "25:00"}, "Enter a valid time"),
        ({"most_an_hour": "0"}, "greater than or equal to 1"),
        ({"topic_work": ["pigeon"]}, "pigeon"),
    ],
)
def test_a_wrong_choice_is_refused_and_says_why(cast: Cast, wrong: dict[str, Any], says: str) -> None:
    answer = browser(cast.dispatcher).post("/notices/settings/", {**HOURS, **wrong})
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert not Habit.objects.exists()


def test_owners_choose_about_their_shop_and_have_no_robots(cast: Cast, phone: Phone) -> None:
    found = page(cast.owner, "/notices/settings/")
    assert "my shop" in found
    assert "what is given to me" not in found
    assert "robot" not in found.lower()


# ── the administrator ──


def test_what_could_not_be_sent_is_seen_and_sent_again(cast: Cast) -> None:
    [row] = waiting(cast.grid_member, "sms")
    Delivery.objects.update(state="failed", tries=7, error="nobody answered")
    Untold.objects.create(entry_id=1, kind="report.added", error="ValueError", at=NOON)
    assert "1 message could not be sent" in page(cast.administrator)
    found = page(cast.administrator, "/notices/deliveries/")
    for words in ("nobody answered", "could not be sent", "7 tries", "report.added"):
        assert words in found
    assert "13" not in re.findall(r"\b1[3-9]\d{9}\b", found)
    client = browser(cast.administrator)
    assert client.post(f"/notices/deliveries/{row.pk}/again/").url == "/notices/deliveries/"
    assert client.post(f"/notices/deliveries/{row.pk}/again/").status_code == 404
    row.refresh_from_db()
    assert (row.state, row.tries) == ("waiting", 0)


def test_only_the_administrator_sees_it(cast: Cast) -> None:
    for role, user in cast.by_role.items():
        wanted = 200 if role == "system_administrator" else 403
        assert browser(user).get("/notices/deliveries/").status_code == wanted, role


def test_the_administrator_enters_where_people_are_reached(cast: Cast) -> None:
    client = browser(cast.administrator)
    assert client.get("/admin/notices/reach/").status_code == 200
    sent = {"user": cast.grid_member.pk, "way": "zhezhengding", "address": "5001"}
    assert client.post("/admin/notices/reach/add/", sent).status_code == 302
    assert Reach.objects.get().address == "5001"
