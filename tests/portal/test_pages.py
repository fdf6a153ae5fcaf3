"""Pages that show several rooms: each opens for those it is for, in both languages, with a fixed number of queries."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client

from lingxiu.accounts.absences import declare
from lingxiu.accounts.models import User
from lingxiu.issues.lifecycle import Move
from lingxiu.journal.actions import Scope, record
from lingxiu.merchants.models import Code, Licence, Merchant
from lingxiu.portal.events import latest_events
from tests.cast import NOON, Cast, make_cast, make_merchant, person
from tests.issues.world import alarm, complain, do, find


@pytest.fixture
def reader(client: Client, cast: Cast) -> Any:
    """`reader("leader")`: a client signed in as the person of that role."""

    def sign_in(role: str) -> Client:
        client.force_login(cast.by_role[role])
        return client

    return sign_in


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize(
    "role", ["system_administrator", "county_officer", "leader", "department_officer", "town_dispatcher"]
)
def test_the_dashboard_opens_for_whoever_sees_more_than_a_grid(reader: Any, role: str, language: str) -> None:
    answer = reader(role).get("/", headers={"accept-language": language})
    assert answer.status_code == 200
    assert ("Waiting to be sent" if language == "en" else "待分派") in answer.content.decode()


def test_only_whoever_sees_the_whole_county_is_told_how_much_of_its_register_has_a_dossier(reader: Any) -> None:
    """The register is the county's: beside a town's own number of merchants its share would be read as the town's."""
    Licence.objects.create(kind="food", number="JY23304210000001", name="知味里", merchant=None)
    assert "建档率" in reader("county_officer").get("/").content.decode()
    assert "建档率" not in reader("town_dispatcher").get("/").content.decode()


def test_a_dispatcher_sees_what_came_in_and_who_is_to_have_it_first(reader: Any, cast: Cast) -> None:
    """Beside the numbers of one town stands the list of what waits to be sent, the first due first."""
    waiting = complain(cast.merchant).issue
    sent = find(cast.grid_member)
    page = reader("town_dispatcher").get("/").content.decode()
    card = page[page.index('id="waiting"') :]
    card = card[: card.index("</section>")]
    assert waiting.number in card
    assert sent.number not in card
    assert 'id="waiting"' not in reader("county_officer").get("/").content.decode()


def test_the_dashboard_says_for_whom_somebody_stands_in(reader: Any, cast: Cast) -> None:
    colleague = person("grid-b", "grid_member", cast.grid)
    find(cast.grid_member, merchant=cast.merchant)
    declare(cast.grid_member, NOON, NOON + timedelta(days=3), reason="leave", deputy=colleague, at=NOON, by=None)
    issue = alarm(cast.merchant)
    do(issue, Move.RETURN, cast.dispatcher, words="收回")
    do(issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid, person=cast.grid_member)
    page = reader("county_officer").get("/").content.decode()
    assert f"{cast.grid.name} · {colleague.name}（代{cast.grid_member.name}）" in page


def test_a_grid_member_starts_at_the_round_and_an_owner_at_the_shop(reader: Any) -> None:
    assert reader("grid_member").get("/").headers["Location"] == "/collect/"
    assert reader("owner").get("/").headers["Location"] == "/shop/"


def test_a_stranger_finds_where_to_report(client: Client, db: None) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert "/complain/" in page.content.decode()


def test_the_portrait_costs_the_same_however_much_there_is(
    reader: Any, cast: Cast, django_assert_max_num_queries: Any
) -> None:
    client = reader("county_officer")
    client.get(f"/merchants/{cast.merchant.pk}/")
    with django_assert_max_num_queries(26):
        assert client.get(f"/merchants/{cast.merchant.pk}/").status_code == 200


def test_a_merchant_of_another_town_does_not_exist_for_a_dispatcher(reader: Any, cast: Cast) -> None:
    assert reader("town_dispatcher").get(f"/merchants/{cast.other_merchant.pk}/").status_code == 404


# ── the code ──


def token_of(merchant: Merchant) -> str:
    return Code.objects.get(merchant=merchant, revoked_at=None).token


def test_a_code_opens_the_public_face_for_anyone(client: Client, cast: Cast) -> None:
    cast.merchant.legal_person, cast.merchant.phone = "王小明", "13812341234"
    cast.merchant.save()
    page = client.get(f"/m/{token_of(cast.merchant)}").content.decode()
    assert cast.merchant.name in page
    assert "王小明" not in page
    assert "13812341234" not in page


def test_a_code_opens_the_portrait_for_an_officer_and_the_public_face_beyond_their_town(
    reader: Any, cast: Cast
) -> None:
    client = reader("town_dispatcher")
    assert client.get(f"/m/{token_of(cast.merchant)}").headers["Location"] == f"/merchants/{cast.merchant.pk}/"
    assert client.get(f"/m/{token_of(cast.other_merchant)}").status_code == 200


def test_a_forged_code_is_told_from_a_replaced_one(client: Client, cast: Cast) -> None:
    code = Code.objects.get(merchant=cast.merchant)
    code.revoked_at = NOON
    code.save()
    assert client.get(f"/m/{code.token}").status_code == 410
    assert client.get("/m/AAAAAAAAAAAAAAAAAAAAAA").status_code == 404


# ── /pulse ──


def cursor_of(answer: Any) -> str:
    return str(json.loads(answer.headers["HX-Trigger"])["lingxiu:changed"]["next"])


@pytest.mark.django_db(transaction=True)
def test_pulse_tells_only_those_concerned(client: Client) -> None:
    cast = make_cast()
    client.force_login(cast.dispatcher)
    since = cursor_of(client.get("/pulse"))
    assert "HX-Trigger" not in client.get(f"/pulse?since={since}").headers

    with transaction.atomic():
        record("issue.closed", "issue", "20260305-00001", at=NOON, scope=Scope(town=cast.other_town.code))
    assert "HX-Trigger" not in client.get(f"/pulse?since={since}").headers
    with transaction.atomic():
        record("issue.closed", "issue", "20260305-00002", at=NOON, scope=Scope(town=cast.town.code))
    news = client.get(f"/pulse?since={since}")
    assert news.status_code == 204
    assert "HX-Trigger" not in client.get(f"/pulse?since={cursor_of(news)}").headers


def news_for(user: User, client: Client) -> Any:
    """`news()`: whether anything was told to this person since the last time."""
    client.force_login(user)
    since = cursor_of(client.get("/pulse"))

    def news() -> bool:
        nonlocal since
        answer = client.get(f"/pulse?since={since}")
        told = "HX-Trigger" in answer.headers
        since = cursor_of(answer) if told else since
        return told

    return news


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("who", ["owner", "waste_hauler"])
def test_the_shops_people_do_not_hear_of_a_complaint_before_it_is_judged(client: Client, who: str) -> None:
    cast = make_cast()
    news = news_for(getattr(cast, who), client)
    row = complain(cast.merchant)
    assert not news()
    do(row.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    assert news() == (who == "owner")


@pytest.mark.django_db(transaction=True)
def test_a_department_hears_of_the_issues_it_may_open_and_of_every_merchant(client: Client) -> None:
    cast = make_cast()
    market = person("market", "department_officer", cast.market)
    news = news_for(market, client)
    complain(cast.merchant)
    assert not news(), "smoke is another department's"
    find(cast.town_officer, "V-F7", merchant=cast.merchant)
    assert news()
    with transaction.atomic():
        record("merchant.updated", "merchant", cast.merchant.pk, at=NOON, scope=Scope(merchant_id=cast.merchant.pk))
    assert news()


def test_the_last_events_are_of_issues_one_may_open(client: Client, cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    for user, told in ((cast.county_officer, True), (person("market", "department_officer", cast.market), False)):
        client.force_login(user)
        page = client.get("/").content.decode()
        assert (issue.number in page) is told


def test_the_last_events_name_the_shop_to_officers_before_it_is_told(cast: Cast) -> None:
    issue = complain(cast.merchant).issue
    [event] = [one for one in latest_events(cast.dispatcher) if issue.number in one.url]
    assert event.about.startswith(cast.merchant.name)


@pytest.mark.parametrize("since", ["", "x", "1", "1.2.3", "-1.5", "1.99999999999999999999"])
def test_pulse_takes_any_cursor_it_did_not_make_for_none(client: Client, db: None, since: str) -> None:
    assert cursor_of(client.get("/pulse", {"since": since}))


# ── operation ──


def test_an_operator_can_ask_how_it_is(client: Client, cast: Cast) -> None:
    assert client.get("/healthz").content == b"ok\n"
    assert client.get("/readyz").json()["ready"] is True
    counted = client.get("/metrics").content.decode()
    for name in ("lingxiu_merchants 2.0", "lingxiu_frames_total", "lingxiu_readings_total"):
        assert name in counted


# ── the map ──


@pytest.mark.parametrize("path", ["merchants", "alarms", "areas", "ground"])
def test_layers_are_answered_once_a_state(reader: Any, path: str) -> None:
    client = reader("county_officer")
    first = client.get(f"/map/{path}.geojson")
    assert first.status_code == 200
    assert json.loads(first.content)["type"] == "FeatureCollection"
    again = client.get(f"/map/{path}.geojson", headers={"if-none-match": first.headers["ETag"]})
    assert again.status_code == 304


def test_the_map_shows_each_reader_their_own_merchants_in_one_query(
    reader: Any, cast: Cast, django_assert_max_num_queries: Any
) -> None:
    for n in range(40):
        make_merchant(f"小店{n}", cast.merchant.area, 120.92, 30.85)  # type: ignore[arg-type]
    client = reader("town_dispatcher")
    client.get("/map/merchants.geojson")
    with django_assert_max_num_queries(8):
        features = json.loads(client.get("/map/merchants.geojson").content)["features"]
    assert len(features) == 41
    assert cast.other_merchant.name not in {feature["properties"]["name"] for feature in features}


def test_the_map_is_for_officers(reader: Any) -> None:
    assert reader("owner").get("/map/merchants.geojson").status_code == 404
