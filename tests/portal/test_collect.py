"""My work today: by what is due, each row with a call, the way there and nothing that is nobody's business."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from lingxiu.china.coordinates import distance_m, gcj02_to_wgs84
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from lingxiu.journal.models import Entry
from lingxiu.policy.queries import in_force
from lingxiu.portal.collect import _groups, _work
from lingxiu.portal.hands import calls, for_wechat, latest_picture, way_to
from tests.cast import Cast
from tests.issues.world import complain, do, find, photo

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 MicroMessenger/8.0.49"
ANDROID = "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.49"


@pytest.fixture
def issue(cast: Cast) -> Issue:
    return find(cast.grid_member, "D-HOOD", merchant=cast.merchant)


def words_of(issue: Issue) -> str:
    return for_wechat(issue, in_force().catalogues.violation(issue.violation))


# ── what is due ──


def test_rows_stand_under_late_today_and_later(cast: Cast) -> None:
    now = timezone.localtime().replace(hour=10)
    rows = [find(cast.grid_member, what, merchant=cast.merchant) for what in ("D-HOOD", "D-BIN", "D-OIL", "D-FAN")]
    dues = (timedelta(hours=-1), timedelta(hours=3), timedelta(days=2), timedelta(days=-1))
    for row, due in zip(rows, dues, strict=True):
        Issue.objects.filter(pk=row.pk).update(step_due_at=now + due)
    groups = _groups(_work(cast.grid_member, ANDROID, now), now)
    assert [(group.id, [stop.issue.violation for stop in group.stops]) for group in groups] == [
        ("late", ["D-FAN", "D-HOOD"]), ("today", ["D-BIN"]), ("later", ["D-OIL"]),
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_page_opens_and_costs_the_same_however_much_there_is(
    client: Client, cast: Cast, language: str, django_assert_max_num_queries: Any
) -> None:
    client.force_login(cast.grid_member)
    for what in ("D-HOOD", "D-BIN", "D-OIL"):
        find(cast.grid_member, what, merchant=cast.merchant)
    client.get("/collect/")
    with django_assert_max_num_queries(16):
        page = client.get("/collect/", headers={"accept-language": language, "user-agent": ANDROID})
    assert page.status_code == 200
    assert "amapuri://" in page.content.decode()


def test_a_row_says_where_it_is_with_a_point_in_every_language(client: Client, cast: Cast, issue: Issue) -> None:
    client.force_login(cast.grid_member)
    page = client.get("/collect/?part=live").content.decode()
    assert f'data-lng="{issue.lng}" data-lat="{issue.lat}"' in page


def given(issue: Issue, cast: Cast, role: str) -> None:
    """The issue goes to whoever of this role may handle it, level by level."""
    if role == "grid_member":
        return
    do(issue, Move.ESCALATE, cast.grid_member, words="管不了")
    if role == "town_officer":
        do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.town_team)
        return
    do(issue, Move.ESCALATE, cast.dispatcher, words="要县里定")
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.ecology)


@pytest.mark.parametrize("role", ["grid_member", "town_officer", "department_officer"])
def test_whoever_handles_issues_has_the_round_and_its_entry(
    client: Client, cast: Cast, issue: Issue, role: str
) -> None:
    given(issue, cast, role)
    client.force_login(cast.by_role[role])
    page = client.get("/collect/").content.decode()
    assert f'id="stop-{issue.number}"' in page
    assert '<a href="/collect/" aria-current="page">' in page[page.index("phone-bar") :]
    assert ("最久未走访" in page) == (role == "grid_member"), "visits are the grid's"


@pytest.mark.parametrize("role", ["town_dispatcher", "county_officer", "leader", "assessor", "owner"])
def test_whoever_handles_none_has_no_round(client: Client, cast: Cast, role: str) -> None:
    client.force_login(cast.by_role[role])
    assert client.get("/collect/").status_code == 404


# ── the next one ──


def next_of(client: Client, issue: Issue) -> str:
    """Which issue its page leads on to."""
    page = client.get(f"/issues/{issue.number}/").content.decode()
    found = re.search(r'href="/issues/(\d{13})/"[^>]*>(?:(?!</a>).)*下一条', page, re.DOTALL)
    return found[1] if found else ""


def test_an_issues_page_leads_on_to_the_one_due_next_and_round(client: Client, cast: Cast, issue: Issue) -> None:
    client.force_login(cast.grid_member)
    assert next_of(client, issue) == ""
    rows = [issue, *(find(cast.grid_member, what, merchant=cast.merchant) for what in ("D-BIN", "D-OIL"))]
    for n, row in enumerate(rows):
        Issue.objects.filter(pk=row.pk).update(step_due_at=timezone.now() + timedelta(days=n))
    first, second, third = (row.number for row in rows)
    assert [next_of(client, row) for row in rows] == [second, third, first]
    do(issue, Move.ESCALATE, cast.grid_member, words="管不了")
    assert next_of(client, issue) == second, "it left their hands: on with the first"


def test_a_dispatcher_is_led_through_what_waits_to_be_sent(client: Client, cast: Cast) -> None:
    waiting = [complain(cast.merchant, violation=what).issue for what in ("P-SMOKE", "P-NOISE")]
    client.force_login(cast.dispatcher)
    assert {next_of(client, row) for row in waiting} == {row.number for row in waiting}
    do(waiting[0], Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    assert next_of(client, waiting[0]) == waiting[1].number


# ── the way there ──


@pytest.mark.parametrize(("agent", "scheme"), [(IPHONE, "iosamap"), (ANDROID, "amapuri")])
def test_amap_is_given_its_own_shifted_position(issue: Issue, agent: str, scheme: str) -> None:
    way = way_to(issue, agent)
    assert way is not None
    address = urlsplit(way.amap)
    asked = parse_qs(address.query)
    given = gcj02_to_wgs84(float(asked["dlon"][0]), float(asked["dlat"][0]))
    assert issue.lng is not None and issue.lat is not None
    assert (address.scheme, asked["dev"], asked["dname"]) == (scheme, ["0"], ["一鲜居"])
    assert distance_m(given, (issue.lng, issue.lat)) < 1


def test_other_programs_are_given_the_true_position(issue: Issue) -> None:
    way = way_to(issue, ANDROID)
    assert way is not None
    assert way.geo.startswith(f"geo:{issue.lat:.6f},{issue.lng:.6f}?q=")


def test_where_no_place_is_known_there_is_no_way(cast: Cast) -> None:
    assert way_to(find(cast.grid_member, place="某处", area=cast.grid.code), ANDROID) is None


# ── whom to call ──


@pytest.fixture
def numbers(cast: Cast) -> None:
    cast.merchant.phone = "13812341234"
    cast.merchant.save()
    cast.dispatcher.phone = "057384010001"
    cast.dispatcher.save()


def test_a_grid_member_calls_the_shop_or_the_command_room_and_the_shops_number_stands_in_no_page(
    client: Client, cast: Cast, issue: Issue, numbers: None
) -> None:
    client.force_login(cast.grid_member)
    for address in ("/collect/", f"/issues/{issue.number}/"):
        page = client.get(address).content.decode()
        assert "tel:057384010001" in page
        assert f'action="/issues/{issue.number}/call/"' in page
        assert "13812341234" not in page


def test_the_shops_number_is_given_once_asked_for_and_that_is_written_down(
    client: Client, cast: Cast, issue: Issue, numbers: None
) -> None:
    client.force_login(cast.grid_member)
    page = client.post(f"/issues/{issue.number}/call/")
    assert 'href="tel:13812341234"' in page.content.decode()
    assert "<h1>" in page.content.decode(), "without script it is a page"
    assert "no-store" in page.headers["Cache-Control"]
    part = client.post(f"/issues/{issue.number}/call/", headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith('<a class="btn btn-primary" href="tel:13812341234"')
    looks = Entry.objects.filter(kind="personal_data.seen", subject_id=str(cast.merchant.pk))
    assert [(look.actor_id, look.reference) for look in looks] == [(cast.grid_member.pk, {"issue": issue.number})] * 2


@pytest.mark.parametrize("role", ["town_officer", "department_officer"])
def test_whoever_has_the_issue_may_call_and_nobody_who_has_it_not(
    client: Client, cast: Cast, issue: Issue, numbers: None, role: str
) -> None:
    client.force_login(cast.by_role[role])
    assert client.post(f"/issues/{issue.number}/call/").status_code == 403
    given(issue, cast, role)
    assert client.post(f"/issues/{issue.number}/call/").status_code == 200
    client.force_login(cast.grid_member)
    assert client.post(f"/issues/{issue.number}/call/").status_code == 403, "it left their hands"


def test_its_dispatcher_may_call_and_another_town_s_finds_no_such_issue(
    client: Client, cast: Cast, issue: Issue, numbers: None
) -> None:
    client.force_login(cast.dispatcher)
    assert client.post(f"/issues/{issue.number}/call/").status_code == 200
    client.force_login(cast.other_dispatcher)
    assert client.post(f"/issues/{issue.number}/call/").status_code == 404


def test_who_works_along_may_call_and_once_it_is_over_nobody(
    client: Client, cast: Cast, issue: Issue, numbers: None
) -> None:
    do(issue, Move.ESCALATE, cast.grid_member, words="管不了")
    do(issue, Move.ESCALATE, cast.dispatcher, words="要县里定")
    do(issue, Move.DISPATCH, cast.county_officer, unit=cast.enforcement)
    do(issue, Move.INVOLVE, cast.county_officer, units=(cast.ecology,))
    client.force_login(cast.department_officer)
    assert client.post(f"/issues/{issue.number}/call/").status_code == 200
    do(issue, Move.DISMISS, cast.county_officer, words="重复")
    assert client.post(f"/issues/{issue.number}/call/").status_code == 403


def test_without_a_number_there_is_no_button(client: Client, cast: Cast, issue: Issue) -> None:
    assert calls([issue], cast.grid_member, timezone.now()) == {issue.pk: []}
    client.force_login(cast.grid_member)
    assert client.post(f"/issues/{issue.number}/call/").status_code == 403


def test_who_may_open_every_shops_number_is_led_to_where_that_is_recorded(cast: Cast, issue: Issue) -> None:
    found = calls([issue], cast.county_officer, timezone.now())
    assert found[issue.pk][0].url == f"/merchants/{cast.merchant.pk}/dossier/"


# ── for the group on WeChat ──


def test_the_text_says_number_shop_what_where_due_and_the_other_number(issue: Issue) -> None:
    issue.other_system, issue.other_number = "four-platforms", "SPT-1"
    text = words_of(issue)
    due = timezone.localtime(issue.step_due_at).strftime("%Y-%m-%d %H:%M")
    for part in (issue.number, "一鲜居", "集气罩油垢重", cast_address(issue), due, "SPT-1"):
        assert part in text


def cast_address(issue: Issue) -> str:
    assert issue.merchant is not None
    return issue.merchant.address


def test_it_never_says_what_a_reporter_wrote(cast: Cast) -> None:
    told = complain(
        None, words="我家三楼闻到", place="解放路8号302室", town="330421001", name="王小明", phone="13812341234"
    )
    text = words_of(told.issue)
    for part in ("三楼", "302", "王小明", "13812341234"):
        assert part not in text
    assert "魏塘街道" in text


def test_its_picture_is_the_newest_an_officer_took(cast: Cast, issue: Issue) -> None:
    do(issue, Move.ACCEPT, cast.grid_member)
    assert latest_picture(issue.moves.all()) == ""
    do(issue, Move.HANDLE, cast.grid_member, words="看了", photos=(photo(1),))
    do(issue, Move.HANDLE, cast.grid_member, words="又看了", photos=(photo(2),))
    do(issue, Move.CORRECT, cast.owner, words="洗了", photos=(photo(3),))
    assert latest_picture(issue.moves.all()) == photo(2)


# ── its number elsewhere ──


def test_the_number_is_written_down_on_the_page_and_a_second_time_refused_by_name(
    client: Client, cast: Cast, issue: Issue
) -> None:
    client.force_login(cast.grid_member)
    sent = {"other_system": "four-platforms", "other_number": "SPT-1"}
    assert client.post(f"/issues/{issue.number}/elsewhere/", sent).status_code == 302
    assert "SPT-1" in client.get(f"/issues/{issue.number}/?part=timeline").content.decode()
    other = find(cast.grid_member, "D-BIN", merchant=cast.merchant)
    refused = client.post(f"/issues/{other.number}/elsewhere/", sent)
    assert refused.status_code == 409
    assert f"{issue.number} 已经是这个编号" in refused.content.decode()


# ── two taps and a photo ──


def test_from_a_shop_to_a_find_it_takes_its_kind_a_photo_and_send(client: Client, cast: Cast) -> None:
    client.force_login(cast.grid_member)
    page = client.get(f"/merchants/{cast.merchant.pk}/").content.decode()
    assert f"/issues/new/?merchant={cast.merchant.pk}&violation=D-HOOD" in page
    form = client.get(f"/issues/new/?merchant={cast.merchant.pk}&violation=D-HOOD").content.decode()
    assert 'value="D-HOOD" required checked' in form
    assert form.index('data-island="photo"') < form.index('name="violation"')
