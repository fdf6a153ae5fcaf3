"""Before an officer enters a find, they see what is open at the shop already; how near and how old, policy says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client

from lingxiu.accounts.models import User
from lingxiu.issues.bulk import NotInBulk
from lingxiu.issues.bulk import _refuse_grave as refuse_grave
from lingxiu.issues.queries import About, alike
from lingxiu.policy.actions import load
from lingxiu.policy.queries import forget
from tests.cast import NOON, Cast
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
