"""Before an officer enters a find, they see what is open at the shop already; how near and how old, policy says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.issues.actions.opening import Found, report
from lingxiu.issues.bulk import NotInBulk
from lingxiu.issues.bulk import _refuse_grave as refuse_grave
from lingxiu.issues.models import Issue, Source
from lingxiu.issues.queries import About, alike
from lingxiu.policy.actions import load
from lingxiu.policy.queries import forget
from tests.cast import NOON, Cast
from tests.exchange.world import a_picture
from tests.issues.world import LATER, complain, find, to_closed


def page(user: User, cast: Cast) -> str:
    client = Client()
    client.force_login(user)
    return client.get(f"/issues/new/?merchant={cast.merchant.pk}").content.decode()


def test_what_is_open_at_the_shop_stands_above_the_form(cast: Cast) -> None:
    ended = to_closed(cast, find(cast.grid_member, merchant=cast.merchant))
    same = find(cast.grid_member, "D-HOOD", merchant=cast.merchant)
    elsewhere = find(cast.other_grid_member, merchant=cast.other_merchant)
    shown = page(cast.town_officer, cast)
    assert f"/issues/{same.number}/" in shown
    assert ended.number not in shown
    assert elsewhere.number not in shown


def test_where_nothing_is_open_nothing_is_asked(cast: Cast) -> None:
    to_closed(cast, find(cast.grid_member, merchant=cast.merchant))
    assert "issues/2026" not in page(cast.town_officer, cast)


def county_says(tmp_path: Path, text: str) -> None:
    (tmp_path / "working.yaml").write_text(text, encoding="utf-8")
    load(tmp_path, at=NOON)
    forget()


@pytest.fixture
def _forgotten() -> Iterator[None]:
    yield
    forget()


@pytest.mark.usefixtures("_forgotten")
def test_a_county_says_how_near_and_how_old_the_same_may_be(cast: Cast, tmp_path: Path) -> None:
    near = complain(place="桥头", lng=120.923, lat=30.85).issue
    asked = About("P-SMOKE", None, cast.town.town, "", LATER + timedelta(days=20), 120.92, 30.85)
    assert alike(asked, cast.dispatcher) == [near]
    county_says(tmp_path, "alike: {metres: 200}\n")
    assert alike(asked, cast.dispatcher) == []
    county_says(tmp_path, "alike: {metres: 2000, days: 10}\n")
    assert alike(asked, cast.dispatcher) == []


@pytest.mark.usefixtures("_forgotten")
def test_a_county_says_what_may_be_ended_by_the_dozen(cast: Cast, tmp_path: Path) -> None:
    slight = find(cast.grid_member, merchant=cast.merchant)
    refuse_grave(slight)
    county_says(tmp_path, "in_bulk: {most_severe: 0}\n")
    with pytest.raises(NotInBulk, match="severe"):
        refuse_grave(slight)


# ── without a shop ───────────────────────────────────────────────────────────────────────────────────────────────


def enter(user: User, place: str, violation: str = "D-BIN", **values: object) -> HttpResponse:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    sent = {"violation": violation, "place": place, "submission": str(uuid4()), **values}
    return client.post("/issues/new/", sent)  # type: ignore[return-value]  # Django's test response


def test_a_find_of_a_place_alone_shows_what_is_open_there_before_anything_is_recorded(cast: Cast) -> None:
    assert enter(cast.grid_member, "人民大道8号后门").status_code == 302
    known = Issue.objects.get()
    shown = enter(cast.grid_member, "人民大道8号后门垃圾桶")
    assert shown.status_code == 422
    text = shown.content.decode()
    assert f"/issues/{known.number}/" in text
    assert "Nothing is recorded yet" in text
    assert 'name="same" value="new"' in text
    assert Issue.objects.get() == known
    assert enter(cast.grid_member, "人民大道8号后门垃圾桶", same="new").status_code == 302
    assert Issue.objects.count() == 2


@pytest.mark.parametrize(("place", "violation"), [("中山路99号", "D-BIN"), ("人民大道8号后门", "D-HOOD")])
def test_what_is_elsewhere_or_of_another_kind_is_not_asked_about(cast: Cast, place: str, violation: str) -> None:
    enter(cast.grid_member, "人民大道8号后门")
    assert enter(cast.grid_member, place, violation).status_code == 302


def test_where_the_phone_told_its_position_that_counts(cast: Cast) -> None:
    report(
        Found(Source.GRID_MEMBER, "D-BIN", "x", NOON, lng=120.9201, lat=30.8401, found_by=cast.county_officer),
        at=timezone.now(),
    )
    near: dict[str, object] = {"photo_lng": "120.92", "photo_lat": "30.84"}
    assert enter(cast.county_officer, "某处", **near, photo=SimpleUploadedFile("a.jpg", a_picture())).status_code == 422
