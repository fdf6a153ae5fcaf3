"""浙政钉 against a server that reckons every signature anew; to-dos that come and go; links that sign in whom they are for."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.connectors.http import Refused, Unreachable
from lingxiu.connectors.zhezhengding import App, Todo, signature, signed_headers
from lingxiu.connectors.zhezhengding import Client as Application
from lingxiu.issues.lifecycle import Move, Result
from lingxiu.notices import links
from lingxiu.notices.jobs import find_accounts, read_on
from lingxiu.notices.models import Delivery, Link, Reach
from lingxiu.notices.reaching import addresses_of
from lingxiu.notices.sending import send_due
from tests.cast import NOON, Cast, make_cast
from tests.issues.world import alarm, complain, do, photo
from tests.notices.others import Zhezhengding
from tests.notices.world import SOON, connected, states, waiting


def app(other: Zhezhengding) -> Application:
    return Application(App(other.url, other.key, other.secret, other.tenant))


# ── the connector ──


def test_the_signature_is_what_openssl_makes_of_the_same_lines() -> None:
    """printf 'POST\\n2026-03-05T12:00:00.000+08:00\\n17726832000000001\\n/x.json\\na=1&b=二 &=' | openssl dgst -sha256 -hmac s"""
    fields = {"b": "二 &=", "a": "1"}
    assert signature("s", "POST", "2026-03-05T12:00:00.000+08:00", "17726832000000001", "/x.json", fields) == (
        "WzKPxYiB7BLxE1y9XVxO3PepalZhkKSo29cw9he406c="
    )


def test_headers_carry_their_time_and_a_nonce_of_their_own(zhezhengding: Zhezhengding) -> None:
    one, two = (signed_headers(app(zhezhengding).app, "GET", "/x", {}, NOON) for _ in range(2))
    assert one["X-Hmac-Auth-Timestamp"] == "2026-03-05T12:00:00.000+08:00"
    assert re.fullmatch(r"\d{17}", one["X-Hmac-Auth-Nonce"])
    assert {key: one[key] == two[key] for key in ("apiKey", "X-Hmac-Auth-Version")} == {
        "apiKey": True,
        "X-Hmac-Auth-Version": True,
    }


def test_a_notice_arrives_once_however_often_it_is_sent(zhezhengding: Zhezhengding) -> None:
    for _ in range(3):
        app(zhezhengding).notify("5001", "m-1", "第一网格 & 油烟=高", at=NOON)
    assert [(one["receiverIds"], one["text"]) for one in zhezhengding.notices.values()] == [
        ("5001", "第一网格 & 油烟=高")
    ]


def test_a_wrong_secret_is_refused(zhezhengding: Zhezhengding) -> None:
    wrong = Application(App(zhezhengding.url, zhezhengding.key, "another", zhezhengding.tenant))
    with pytest.raises(Refused, match="wrong signature"):
        wrong.notify("5001", "m-1", "x", at=NOON)


def test_a_clock_that_is_wrong_is_refused(zhezhengding: Zhezhengding) -> None:
    with pytest.raises(Refused, match="timestamp out of range"):
        app(zhezhengding).notify("5001", "m-1", "x", at=NOON + timedelta(minutes=6))


def test_nobody_there_is_worth_another_try(zhezhengding: Zhezhengding) -> None:
    zhezhengding.broken = 1
    with pytest.raises(Unreachable, match="503"):
        app(zhezhengding).notify("5001", "m-1", "x", at=NOON)
    with pytest.raises(Unreachable):
        Application(App("http://127.0.0.1:9", "k", "s", "t")).notify("5001", "m-1", "x", at=NOON)


def test_a_todo_is_made_once_and_finished(zhezhengding: Zhezhengding) -> None:
    client, todo = app(zhezhengding), Todo("b-1", "5001", "一鲜居", "https://x/n/1", NOON)
    task = client.create_todo(todo, at=NOON)
    assert client.create_todo(todo, at=NOON) == task
    [found] = zhezhengding.open_tasks
    assert (found["assigneeId"], found["mobileUrl"], found["dueTime"]) == (
        "5001",
        "https://x/n/1",
        "2026-03-05 12:00:00",
    )
    client.finish_todo(task, "5001", at=NOON)
    assert zhezhengding.open_tasks == []
    with pytest.raises(Refused):
        client.finish_todo(task, "5002", at=NOON)


def test_the_token_is_asked_for_once_in_two_hours(zhezhengding: Zhezhengding) -> None:
    client = app(zhezhengding)
    zhezhengding.codes = {"one": "5001", "two": "5002", "three": "5003"}
    assert client.account_of_code("one", at=NOON) == "5001"
    assert client.account_of_code("two", at=NOON) == "5002"
    assert zhezhengding.paths.count("/gettoken.json") == 1
    zhezhengding.now = NOON + timedelta(hours=2)
    assert client.account_of_code("three", at=zhezhengding.now) == "5003"
    assert zhezhengding.paths.count("/gettoken.json") == 2
    with pytest.raises(Refused):
        client.account_of_code("one", at=zhezhengding.now)


# ── notices and to-dos ──


def test_a_notice_says_number_kind_and_place_and_nothing_of_who_reported_it(
    cast: Cast, zhezhengding: Zhezhengding
) -> None:
    connected(cast.dispatcher, "5002")
    issue = complain(cast.merchant, words="我住三楼，姓王", name="王小明", phone="13900001111", place="三楼王家").issue
    Delivery.objects.all().delete()
    [row] = waiting(cast.dispatcher, "zhezhengding")
    row.notice.subject_kind, row.notice.subject_id, row.notice.rule = "issue", issue.number, "N-RECEIVED"
    row.notice.save()
    assert send_due(NOON) == 1
    [sent] = zhezhengding.notices.values()
    assert issue.number in sent["text"]
    assert "魏塘街道" in sent["text"]
    assert "待您分派" in sent["text"]
    for private in ("王", "三楼", "13900001111"):
        assert private not in sent["text"]


@pytest.mark.django_db(transaction=True)
def test_a_todo_opens_the_very_issue_and_goes_when_the_ball_moves_on(
    transactional_db: None, zhezhengding: Zhezhengding
) -> None:
    cast = make_cast()
    connected(cast.grid_member, "5001")
    issue = alarm(cast.merchant)
    read_on(SOON)
    send_due(SOON)
    [task] = zhezhengding.open_tasks
    assert issue.number in task["subject"]
    browser = signed_in(cast.grid_member)
    assert browser.get(path_of(task["mobileUrl"])).url == f"/issues/{issue.number}/"
    do(issue, Move.ACCEPT, cast.grid_member)
    issue.refresh_from_db()
    do(issue, Move.FEED_BACK, cast.grid_member, result=Result.NOT_FOUND, photos=(photo(),))
    zhezhengding.now = SOON + timedelta(hours=1)
    read_on(zhezhengding.now)
    send_due(zhezhengding.now)
    assert zhezhengding.open_tasks == []
    assert states(cast.grid_member, "todo_done") == ["sent"]


def test_a_todo_not_made_yet_is_finished_once_it_is(cast: Cast, zhezhengding: Zhezhengding) -> None:
    connected(cast.grid_member, "5001")
    [todo] = waiting(cast.grid_member, "todo")
    Delivery.objects.create(notice=todo.notice, person=cast.grid_member, way="todo_done", next_at=NOON, finishes=todo)
    zhezhengding.broken = 1
    assert send_due(NOON) == 0
    assert states(cast.grid_member, "todo_done") == ["waiting"]
    zhezhengding.now = NOON + timedelta(minutes=2)
    assert send_due(zhezhengding.now) == 2
    assert zhezhengding.open_tasks == []


def test_accounts_of_officers_are_learned_from_their_phones(cast: Cast, zhezhengding: Zhezhengding) -> None:
    for user, number in ((cast.grid_member, "13700000001"), (cast.dispatcher, "13700000002")):
        user.phone = number
        user.save()
    zhezhengding.people = {"13700000001": "5001", cast.owner.phone: "7777"}
    assert find_accounts(NOON) == 1
    assert addresses_of(cast.grid_member)["zhezhengding"] == "5001"
    assert not Reach.objects.exclude(user=cast.grid_member).exists(), "owners are not asked about"


# ── links ──


def signed_in(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def path_of(url: str) -> str:
    return "/n/" + url.rpartition("/")[2]


def link_for(user: User, address: str = "/issues/2026030500001/") -> str:
    return path_of(links.make(user.pk, address, at=timezone.now()))


def test_a_link_leads_its_person_there_and_again(cast: Cast) -> None:
    path = link_for(cast.grid_member)
    for _ in range(2):
        assert signed_in(cast.grid_member).get(path).url == "/issues/2026030500001/"
    assert Link.objects.get().used_at is not None


def test_a_stranger_signs_in_first_and_learns_nothing(cast: Cast) -> None:
    path = link_for(cast.grid_member)
    answer = Client().get(path)
    assert answer.url == f"/sign-in/?next=%2Fn%2F{path.removeprefix('/n/')}"
    assert Link.objects.get().used_at is None
    assert Client().get("/n/made-up").url.startswith("/sign-in/")


def test_somebody_else_finds_their_own_notices(cast: Cast) -> None:
    path = link_for(cast.grid_member)
    assert signed_in(cast.dispatcher).get(path).url == "/notices/"
    assert signed_in(cast.dispatcher).get("/n/made-up").url == "/notices/"
    assert Link.objects.get().used_at is None


def test_with_the_other_sides_word_the_link_signs_in_once(cast: Cast, zhezhengding: Zhezhengding) -> None:
    zhezhengding.now = timezone.now()
    connected(cast.grid_member, "5001")
    path = link_for(cast.grid_member)
    zhezhengding.codes = {"theirs": "5001", "anothers": "5002", "later": "5001"}
    assert Client().get(f"{path}?auth_code=anothers").url.startswith("/sign-in/")
    browser = Client()
    assert browser.get(f"{path}?auth_code=theirs").url == "/issues/2026030500001/"
    assert browser.get("/notices/").status_code == 200
    again = Client()
    assert again.get(f"{path}?auth_code=later").url.startswith("/sign-in/"), "a link signs in once"
    assert again.get("/notices/").status_code == 302


def test_a_link_past_its_time_or_of_somebody_disabled_signs_nobody_in(cast: Cast, zhezhengding: Zhezhengding) -> None:
    zhezhengding.now = timezone.now()
    connected(cast.grid_member, "5001")
    path = link_for(cast.grid_member)
    zhezhengding.codes = {"one": "5001", "two": "5001"}
    Link.objects.update(expires_at=zhezhengding.now - timedelta(seconds=1))
    assert Client().get(f"{path}?auth_code=one").url.startswith("/sign-in/")
    Link.objects.update(expires_at=zhezhengding.now + timedelta(hours=1))
    User.objects.filter(pk=cast.grid_member.pk).update(is_active=False)
    assert Client().get(f"{path}?auth_code=two").url.startswith("/sign-in/")


def test_tokens_are_not_kept_and_old_links_go(cast: Cast) -> None:
    path = link_for(cast.grid_member)
    assert path.removeprefix("/n/") not in str(Link.objects.values())
    assert links.forget_old(NOON + timedelta(days=3650)) == 1


# ── the page that asks the client ──

SCRIPT = "https://jsapi.example.gov.cn/gdt/1.3.2/index.js"


@pytest.fixture
def _with_the_script(settings: Any) -> None:
    settings.ZHEZHENGDING_JSAPI = SCRIPT


@pytest.mark.usefixtures("_with_the_script", "plain_static")
def test_the_page_asks_the_client_and_alone_may_run_its_script(cast: Cast) -> None:
    page = Client(headers={"accept-language": "en"}).get(link_for(cast.grid_member))
    assert page.status_code == 200
    assert f'data-script="{SCRIPT}"' in page.content.decode()
    policy = [directive.strip() for directive in page.headers["Content-Security-Policy"].split(";")]
    assert "script-src 'self' https://jsapi.example.gov.cn" in policy
    assert page.headers["Referrer-Policy"] == "same-origin", "the script's host learns no link"
    assert "jsapi" not in Client().get("/sign-in/").headers["Content-Security-Policy"]


@pytest.mark.usefixtures("_with_the_script", "plain_static")
def test_a_code_that_is_posted_signs_its_person_in_once(cast: Cast, zhezhengding: Zhezhengding) -> None:
    zhezhengding.now = timezone.now()
    connected(cast.grid_member, "5001")
    path = link_for(cast.grid_member)
    zhezhengding.codes = {"theirs": "5001", "anothers": "5002", "later": "5001"}
    for code in ("anothers", "made up", ""):
        refused = Client(headers={"accept-language": "en"}).post(path, {"auth_code": code})
        assert refused.status_code == 403
        assert "names somebody else, or this link is used up" in refused.content.decode()
        assert 'data-island="arrive"' not in refused.content.decode(), "it does not ask again and again"
    browser = Client()
    assert browser.post(path, {"auth_code": "theirs"}).url == "/issues/2026030500001/"
    assert browser.get("/notices/").status_code == 200
    assert Client().post(path, {"auth_code": "later"}).status_code == 403
    assert Client().get(path).url.startswith("/sign-in/"), "of a link that is spent nobody need be asked"


@pytest.mark.usefixtures("_with_the_script", "plain_static")
def test_a_code_comes_from_our_own_page(cast: Cast, zhezhengding: Zhezhengding) -> None:
    zhezhengding.codes = {"theirs": "5001"}
    connected(cast.grid_member, "5001")
    answer = Client(enforce_csrf_checks=True).post(link_for(cast.grid_member), {"auth_code": "theirs"})
    assert answer.status_code == 403
    assert zhezhengding.codes, "nobody was asked"


def test_without_the_script_the_link_leads_to_the_sign_in_as_before(cast: Cast) -> None:
    assert Client().get(link_for(cast.grid_member)).url.startswith("/sign-in/")
    assert Client().post(link_for(cast.grid_member), {"auth_code": "x"}).url.startswith("/sign-in/")
