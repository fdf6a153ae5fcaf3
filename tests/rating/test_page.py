"""The explanation of a level: who may read it, and that it says in words what the score was reckoned from."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils.translation import override

from lingxiu.accounts.models import User
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.rating.actions import recompute
from lingxiu.rating.explaining import BETTER, WORDS, explain, in_words
from lingxiu.rating.models import FumeScore
from lingxiu.rating.scoring import DIMENSIONS
from tests.cast import Cast
from tests.rating.world import NOON, TODAY, days_ago, does_everything, heard, issue, monitor, noon_of, true_complaint


def page(merchant: Merchant, user: User | None, language: str = "en") -> tuple[int, str]:
    client = Client(headers={"accept-language": language})
    if user:
        client.force_login(user)
    response = client.get(f"/merchants/{merchant.pk}/level/")
    return response.status_code, response.content.decode()


def a_mixed_shop(merchant: Merchant) -> None:
    does_everything(merchant)
    heard(monitor(merchant), days_ago(40), days_ago(3), fan=400, high=32, unlinked=90)
    true_complaint(merchant, days_ago(5))
    issue(merchant, "D-HOOD", "grid_member", days_ago(3))
    recompute(TODAY, NOON)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("county_officer", True),
        ("leader", True),
        ("department_officer", True),
        ("town_dispatcher", True),
        ("grid_member", True),
        ("assessor", True),
        ("owner", True),
        ("cleaning_company", False),
        ("waste_hauler", False),
    ],
)
def test_officers_and_the_owner_read_the_explanation_and_nobody_else(cast: Cast, role: str, allowed: bool) -> None:
    assert page(cast.merchant, cast.by_role[role])[0] == (200 if allowed else 404)


def test_a_stranger_is_sent_to_sign_in_and_another_owner_finds_nothing(cast: Cast) -> None:
    assert page(cast.merchant, None)[0] == 302
    assert page(cast.merchant, cast.stranger_owner)[0] == 404
    assert page(cast.merchant, cast.other_grid_member)[0] == 404


def test_a_merchant_without_a_score_says_when_there_will_be_one(cast: Cast) -> None:
    status, text = page(cast.merchant, cast.owner)
    assert status == 200
    assert "Not rated yet" in text


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_each_dimension_says_what_it_was_reckoned_from(cast: Cast, language: str) -> None:
    a_mixed_shop(cast.merchant)
    status, text = page(cast.merchant, cast.grid_member, language)
    assert status == 200
    words = {
        "en": [
            "High values during 8.0% of the fan",
            "1 complaint was found true in 90 days",
            "due every 90 days",
            "up to +",
        ],
        "zh-hans": ["8.0%", "90 天内有 1 件属实投诉", "每 90 天一次", "最多 +"],
    }
    for sentence in words[language]:
        assert sentence in text


def test_officers_can_open_the_issues_that_count_and_owners_read_their_numbers(cast: Cast) -> None:
    a_mixed_shop(cast.merchant)
    number = true_complaint(cast.merchant, days_ago(6)).number
    recompute(TODAY, NOON)
    assert f'href="/issues/{number}/"' in page(cast.merchant, cast.grid_member)[1]
    owners = page(cast.merchant, cast.owner)[1]
    assert number in owners
    assert f'href="/issues/{number}/"' not in owners


def test_what_holds_the_level_down_stands_first(cast: Cast) -> None:
    does_everything(cast.merchant)
    grave = issue(cast.merchant, "V-A1b", "officer", days_ago(3)).number
    recompute(TODAY, NOON)
    text = page(cast.merchant, cast.owner)[1]
    assert "Level 3 until this is put right" in text
    assert text.index(grave) < text.index("What it is made of")


def test_the_page_explains_by_the_edition_of_the_score(cast: Cast) -> None:
    from lingxiu.policy.models import Edition

    a_mixed_shop(cast.merchant)
    old = Edition.objects.order_by("-id")[0]
    indicators = {**old.body["indicators"], "level_1_from": 99.0}
    Edition.objects.create(sha256="0" * 64, body={**old.body, "indicators": indicators}, loaded_at=NOON)
    assert "Level 1 from 85" in page(cast.merchant, cast.grid_member)[1]


def test_the_gains_of_all_dimensions_make_the_score_whole(cast: Cast) -> None:
    a_mixed_shop(cast.merchant)
    score = FumeScore.objects.get(merchant=cast.merchant)
    gains = [part.gain or 0 for part in explain(score, in_force().catalogues)]
    assert score.score is not None
    assert score.score + sum(gains) == pytest.approx(100, abs=0.3)


def test_every_way_a_dimension_can_turn_out_has_its_words() -> None:
    """Each `why` that scoring may give, met by what really gives it."""
    assert set(BETTER) == set(DIMENSIONS)
    assert {dimension for dimension, _ in WORDS} == set(DIMENSIONS)


def test_a_silent_monitor_is_said_to_be_silent(cast: Cast) -> None:
    heard(monitor(cast.merchant), days_ago(40), days_ago(20))
    recompute(TODAY, NOON)
    part = FumeScore.objects.get(merchant=cast.merchant).dimensions[0]
    with override("en"):
        assert "silent for 19 days and nobody said why" in in_words(part)


def test_the_history_shows_the_first_day_of_each_level(cast: Cast) -> None:
    does_everything(cast.merchant)
    for day in (days_ago(2), days_ago(1)):
        recompute(day, noon_of(day))
    issue(cast.merchant, "V-A1", "officer", TODAY)
    recompute(TODAY, NOON)
    text = page(cast.merchant, cast.owner)[1]
    assert "2026-03-05" in text
    assert "2026-03-03" in text
    assert "2026-03-04" not in text.split("How it was")[1]
