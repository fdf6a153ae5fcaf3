"""Levels as they are kept: what is gathered, what is written down, what repeats, what never improves."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from lingxiu.issues.writing import JOURNAL
from lingxiu.journal.actions import Scope, record
from lingxiu.journal.models import Entry
from lingxiu.merchants.actions import Care, record_care
from lingxiu.merchants.models import CareRecord, Merchant, Standing, Status
from lingxiu.policy.models import Edition
from lingxiu.policy.queries import forget, in_force
from lingxiu.rating.actions import recompute, recompute_for, repeat
from lingxiu.rating.jobs import RESTS_ON, keep_up
from lingxiu.rating.models import FumeScore
from lingxiu.rating.queries import gather, rating_day
from lingxiu.rating.records import facts_as_json, facts_from
from lingxiu.selfservice.models import SelfCheck
from tests.cast import Cast, make_cast, make_merchant
from tests.rating.world import (
    NIGHT,
    NOON,
    TODAY,
    cared,
    days_ago,
    does_everything,
    heard,
    issue,
    maintained,
    monitor,
    noon_of,
    true_complaint,
)


def score_of(merchant: Merchant, day: date = TODAY) -> FumeScore:
    return FumeScore.objects.get(merchant=merchant, day=day)


def part(score: FumeScore, dimension: str) -> dict[str, object]:
    return next(part for part in score.dimensions if part["id"] == dimension)


def rated(merchant: Merchant) -> FumeScore:
    recompute(TODAY, NOON)
    return score_of(merchant)


def numbers(score: FumeScore) -> tuple[object, ...]:
    return score.scheme, score.score, score.level, score.coverage, score.dimensions, score.held_by


# ── gathering ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_shop_that_does_everything_is_level_1(cast: Cast) -> None:
    does_everything(cast.merchant)
    score = rated(cast.merchant)
    assert (score.scheme, score.score, score.level, score.coverage) == ("without_device", 100, 1, 1)
    assert score.edition == in_force().id


def test_a_shop_nobody_recorded_anything_of_is_not_rated(cast: Cast) -> None:
    score = rated(cast.merchant)
    assert (score.score, score.level, score.coverage) == (None, None, 0.2)


def test_a_merchant_with_a_monitor_is_rated_by_the_other_scheme(cast: Cast) -> None:
    does_everything(cast.merchant)
    heard(monitor(cast.merchant), days_ago(40), days_ago(1), fan=400, high=32)
    score = rated(cast.merchant)
    assert score.scheme == "with_device"
    assert part(score, "concentration")["points"] == 50
    assert part(score, "concentration")["inputs"] == {
        "mn": "LX0001", "silent_days": 0, "minutes": 30 * 400, "share": 0.08,
    }  # fmt: skip


def test_linkage_is_minutes_with_both_by_minutes_with_the_fan(cast: Cast) -> None:
    heard(monitor(cast.merchant), days_ago(30), days_ago(1), fan=400, unlinked=90)
    assert part(rated(cast.merchant), "linkage")["points"] == 50


def test_the_day_itself_is_not_measured_for_it_is_not_over(cast: Cast) -> None:
    device = monitor(cast.merchant)
    heard(device, days_ago(10), days_ago(1))
    heard(device, TODAY, TODAY, high=300)
    assert part(rated(cast.merchant), "concentration")["points"] == 100


def test_a_retired_monitor_and_a_grease_trap_sensor_do_not_count(cast: Cast) -> None:
    monitor(cast.merchant, "LX1", state="retired", installed_on=days_ago(100))
    monitor(cast.merchant, "LX2", kind="grease_trap", installed_on=days_ago(100))
    assert rated(cast.merchant).scheme == "without_device"


def test_a_new_monitor_has_a_week_to_speak_up(cast: Cast) -> None:
    device = monitor(cast.merchant, installed_on=days_ago(8))
    assert rated(cast.merchant).scheme == "without_device"
    device.installed_on = days_ago(9)
    device.save()
    score = rated(cast.merchant)
    assert (score.scheme, part(score, "concentration")["why"]) == ("with_device", "dark")


def test_complaints_count_only_when_found_true(cast: Cast) -> None:
    does_everything(cast.merchant)
    issue(cast.merchant, "P-SMOKE", "public", days_ago(5), people=1)
    issue(cast.merchant, "P-SMELL", "public", days_ago(6), result="not_found", closed=True, people=1)
    issue(cast.merchant, "L-FUME", "alarm", days_ago(7), result="fixed", closed=True)
    assert part(rated(cast.merchant), "complaints")["points"] == 100
    counted = true_complaint(cast.merchant, days_ago(5))
    score = rated(cast.merchant)
    assert part(score, "complaints")["points"] == 70
    assert part(score, "complaints")["inputs"]["complaints"] == [counted.number]  # type: ignore[index]  # JSON


def test_a_neighbour_who_joins_a_true_alarm_makes_it_a_complaint(cast: Cast) -> None:
    issue(cast.merchant, "L-FUME", "alarm", days_ago(7), result="fixed", closed=True, people=2)
    assert part(rated(cast.merchant), "complaints")["points"] == 70


def test_complaints_older_than_ninety_days_are_forgotten(cast: Cast) -> None:
    true_complaint(cast.merchant, days_ago(95))
    assert part(rated(cast.merchant), "complaints")["points"] == 100


def test_a_finding_of_an_officer_counts_under_its_task_until_it_proves_untrue(cast: Cast) -> None:
    does_everything(cast.merchant)
    found = issue(cast.merchant, "D-TRAP", "grid_member", days_ago(3))
    issue(cast.merchant, "D-TRAP", "grid_member", days_ago(4), result="not_found")
    issue(cast.merchant, "D-TRAP", "self_check", days_ago(4))
    score = rated(cast.merchant)
    assert part(score, "drains")["points"] == 50
    assert part(score, "drains")["inputs"]["findings"] == [found.number]  # type: ignore[index]  # JSON


@pytest.mark.parametrize("violation", ["V-A1", "V-A1b", "V-A2"])
def test_an_unfixed_grave_finding_is_level_3_until_it_is_closed(cast: Cast, violation: str) -> None:
    does_everything(cast.merchant)
    found = issue(cast.merchant, violation, "officer", days_ago(200))
    score = rated(cast.merchant)
    assert (score.score, score.level) == (100, 3)
    assert score.held_by == [{"by": "veto", "inputs": {"issues": [found.number]}}]


def test_a_grave_finding_that_was_closed_holds_nothing_down(cast: Cast) -> None:
    does_everything(cast.merchant)
    issue(cast.merchant, "V-A1", "officer", days_ago(100), result="fixed", closed=True)
    assert rated(cast.merchant).level == 1


def test_a_merchant_closed_for_good_is_not_rated(cast: Cast) -> None:
    Merchant.objects.filter(pk=cast.merchant.pk).update(status=Status.CLOSED)
    assert recompute(TODAY, NOON) == 1


def test_facts_are_read_in_as_many_statements_however_many_merchants_there_are(cast: Cast) -> None:
    area = cast.merchant.area
    assert area is not None
    ids = [cast.merchant.pk, *(make_merchant(f"店{n}", area, 120.92, 30.85).pk for n in range(12))]
    catalogues = in_force().catalogues
    with CaptureQueriesContext(connection) as few:
        gather(TODAY, ids[:1], at=NOON, catalogues=catalogues)
    with CaptureQueriesContext(connection) as many:
        gather(TODAY, ids, at=NOON, catalogues=catalogues)
    assert len(few) == len(many) == 6


# ── writing down ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_level_is_written_down_for_everybody_below(cast: Cast) -> None:
    does_everything(cast.merchant)
    recompute(TODAY, NOON)
    standing = Standing.objects.get(merchant=cast.merchant)
    assert (standing.fume_level, standing.fume_score, standing.fume_coverage) == (1, 100, 1)


def test_columns_of_other_rooms_are_left_alone(cast: Cast) -> None:
    Standing.objects.filter(merchant=cast.merchant).update(open_issues=4, device_state="offline")
    recompute(TODAY, NOON)
    standing = Standing.objects.get(merchant=cast.merchant)
    assert (standing.open_issues, standing.device_state) == (4, "offline")


def test_a_change_of_level_is_told_once(cast: Cast) -> None:
    does_everything(cast.merchant)
    recompute(TODAY, NOON)
    recompute(TODAY, NOON)
    told = Entry.objects.get(kind="rating.level_changed")
    assert told.reference == {"from": None, "to": 1, "day": "2026-03-05"}
    assert (told.merchant_id, told.town, told.grid) == (cast.merchant.pk, cast.merchant.town, cast.merchant.grid)


def test_there_is_one_score_a_day(cast: Cast) -> None:
    for _ in range(3):
        recompute(TODAY, NOON)
    assert FumeScore.objects.count() == 2


def test_the_past_recomputed_does_not_change_what_stands_now(cast: Cast) -> None:
    does_everything(cast.merchant)
    recompute(TODAY, NOON)
    recompute(days_ago(40), NOON)
    assert score_of(cast.merchant, days_ago(40)).level is None
    assert Standing.objects.get(merchant=cast.merchant).fume_level == 1


# ── repeating ────────────────────────────────────────────────────────────────────────────────────────────────────


def a_full_life(cast: Cast) -> None:
    does_everything(cast.merchant)
    heard(monitor(cast.merchant), days_ago(40), days_ago(3), fan=400, high=20, unlinked=50)
    true_complaint(cast.merchant, days_ago(5))
    issue(cast.merchant, "D-HOOD", "grid_member", days_ago(3))
    issue(cast.merchant, "V-A1b", "officer", days_ago(2))


def another_policy() -> Edition:
    """A stricter edition is loaded later."""
    old = Edition.objects.order_by("-id")[0]
    body = {**old.body, "indicators": {**old.body["indicators"], "level_1_from": 99.0, "level_2_from": 98.0}}
    forget()
    return Edition.objects.create(sha256="0" * 64, body=body, loaded_at=NOON)


def test_a_past_day_recomputed_with_its_edition_gives_the_same_numbers(cast: Cast) -> None:
    a_full_life(cast)
    first = rated(cast.merchant)
    another_policy()
    cared(cast.merchant, "purifier_cleaned", days_ago(1), recorded_at=NOON + timedelta(days=9))
    true_complaint(cast.merchant, TODAY + timedelta(days=2))
    recompute(TODAY, first.computed_at, edition=first.edition)
    assert numbers(score_of(cast.merchant)) == numbers(first)
    recompute(TODAY, NOON + timedelta(days=10))
    assert score_of(cast.merchant).edition != first.edition


def test_a_score_repeats_from_what_it_keeps_whatever_happened_to_its_sources(cast: Cast) -> None:
    a_full_life(cast)
    score = rated(cast.merchant)
    another_policy()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM day_fume")
    again = repeat(score)
    assert (again.score, again.level, again.coverage) == (score.score, score.level, score.coverage)
    assert [(p.id, p.points) for p in again.parts] == [(p["id"], p["points"]) for p in score.dimensions]


def test_facts_come_back_from_json_as_they_went(cast: Cast) -> None:
    a_full_life(cast)
    for subject in gather(TODAY, [cast.merchant.pk], at=NOON, catalogues=in_force().catalogues):
        assert facts_from(facts_as_json(subject.facts)) == subject.facts


# ── going dark ───────────────────────────────────────────────────────────────────────────────────────────────────


def days_from(first: date, count: int) -> list[date]:
    return [first + timedelta(days=n) for n in range(count)]


def level_by_day(merchant: Merchant, days: list[date]) -> list[int | None]:
    for day in days:
        recompute(day, noon_of(day))
    return [score_of(merchant, day).level for day in days]


def test_a_shop_gone_dark_keeps_its_level_a_week_and_then_falls(cast: Cast) -> None:
    does_everything(cast.merchant)
    heard(monitor(cast.merchant), days_ago(40), days_ago(1))
    levels = level_by_day(cast.merchant, days_from(TODAY, 11))
    assert levels == [1] * 8 + [3] * 3


def test_while_dark_a_good_deed_raises_the_score_and_not_the_level(cast: Cast) -> None:
    does_everything(cast.merchant)
    for _ in range(3):
        true_complaint(cast.merchant, days_ago(88))
    issue(cast.merchant, "D-HOOD", "grid_member", days_ago(29))
    heard(monitor(cast.merchant), days_ago(40), days_ago(1))
    before, *dark = level_by_day(cast.merchant, days_from(TODAY, 7))
    assert before == 2
    assert dark == [2] * 6, "complaint and finding have expired, the score is whole, the level waits for the monitor"
    assert score_of(cast.merchant, TODAY + timedelta(days=6)).score == 100


def test_the_level_improves_once_the_monitor_is_heard_again(cast: Cast) -> None:
    does_everything(cast.merchant)
    device = monitor(cast.merchant)
    heard(device, days_ago(40), days_ago(15))
    assert rated(cast.merchant).level == 3
    heard(device, TODAY, TODAY)
    tomorrow = TODAY + timedelta(days=1)
    recompute(tomorrow, noon_of(tomorrow))
    assert score_of(cast.merchant, tomorrow).level == 1


def test_a_maintenance_note_excuses_silence_for_thirty_days_at_most(cast: Cast) -> None:
    does_everything(cast.merchant)
    device = monitor(cast.merchant)
    heard(device, days_ago(60), days_ago(20))
    maintained(device, days_ago(20))
    assert part(rated(cast.merchant), "concentration")["why"] == "kept"
    later = TODAY + timedelta(days=19)
    recompute(later, noon_of(later))
    assert part(score_of(cast.merchant, later), "concentration")["why"] == "dark"


def test_a_note_that_has_ended_explains_only_its_days(cast: Cast) -> None:
    device = monitor(cast.merchant)
    heard(device, days_ago(60), days_ago(20))
    maintained(device, days_ago(20), days_ago(8))
    assert part(rated(cast.merchant), "concentration")["why"] == "kept"
    tomorrow = TODAY + timedelta(days=1)
    recompute(tomorrow, noon_of(tomorrow))
    assert part(score_of(cast.merchant, tomorrow), "concentration")["why"] == "dark"


def test_readings_under_maintenance_judge_nobody(cast: Cast) -> None:
    device = monitor(cast.merchant)
    heard(device, days_ago(40), days_ago(6))
    heard(device, days_ago(5), days_ago(4), high=300)
    heard(device, days_ago(3), days_ago(1))
    assert part(rated(cast.merchant), "concentration")["points"] != 100
    maintained(device, days_ago(5), days_ago(4))
    assert part(rated(cast.merchant), "concentration")["points"] == 100


def test_a_day_hardly_heard_is_a_silent_day(cast: Cast) -> None:
    heard(monitor(cast.merchant), days_ago(40), days_ago(3))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE day_fume SET minutes = 59 WHERE at > %s", [noon_of(days_ago(6))])
    assert part(rated(cast.merchant), "concentration")["inputs"]["silent_days"] == 5  # type: ignore[index]  # JSON


def test_a_paused_shop_is_excused_like_one_under_maintenance(cast: Cast) -> None:
    Merchant.objects.filter(pk=cast.merchant.pk).update(status=Status.PAUSED)
    heard(monitor(cast.merchant), days_ago(60), days_ago(20))
    assert part(rated(cast.merchant), "concentration")["why"] == "kept"


# ── following ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_day_of_rating_begins_when_yesterdays_windows_are_whole() -> None:
    midnight = noon_of(TODAY) - timedelta(hours=12)
    assert rating_day(midnight + timedelta(minutes=19)) == days_ago(1)
    assert rating_day(midnight + timedelta(minutes=20)) == TODAY


@pytest.mark.django_db(transaction=True)
def test_everybody_is_rated_once_a_day_and_again_only_when_something_happened() -> None:
    cast = make_cast()
    keep_up(NIGHT)
    assert FumeScore.objects.filter(day=TODAY).count() == 2
    assert keep_up(NIGHT) == 0
    does_everything(cast.merchant)
    happened("alarm.raised", cast.merchant)
    assert keep_up(NOON) == 0
    record_care(cast.merchant, Care(CareRecord.Kind.TRAP, TODAY), at=NOON, by=None)
    assert keep_up(NOON) == 1
    assert score_of(cast.merchant).level == 1
    assert keep_up(NOON) == 0, "what a rating writes into the journal asks for no rating"
    happened("policy.loaded", None)
    assert keep_up(NOON) == 2


def test_what_is_followed_are_kinds_the_list_really_tells() -> None:
    followed = {kind for kind in RESTS_ON if kind.startswith("issue.")}
    assert followed <= set(JOURNAL.values())


def happened(kind: str, merchant: Merchant | None) -> None:
    with transaction.atomic():
        scope = Scope(merchant_id=merchant.pk if merchant else None)
        record(kind, "merchant", merchant.pk if merchant else 0, at=NOON, scope=scope)


def test_rating_some_leaves_the_others_alone(cast: Cast) -> None:
    SelfCheck.objects.create(merchant=cast.merchant, month=date(2026, 3, 1), declared_at=NIGHT)
    assert recompute_for([cast.merchant.pk], NOON) == 1
    assert not FumeScore.objects.filter(merchant=cast.other_merchant).exists()
