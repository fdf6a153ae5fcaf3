"""Changed rules are tried on what came in before, by the facts of then; nothing moves."""

from __future__ import annotations

from datetime import timedelta

from lingxiu.issues.dry_run import Way, dry_run
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.lookback.actions import Place, add_place
from lingxiu.issues.lookback.models import KeyPlace
from lingxiu.issues.models import Issue
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.routing import Routing, RoutingCondition
from tests.cast import NOON, Cast
from tests.issues.world import alarm, complain, do, find


def to_county(**when: object) -> Routing:
    label = {"zh": "试", "en": "try"}
    condition = RoutingCondition.model_validate(when)
    return Routing.model_validate(
        {"id": "R-TRY", "label": label, "when": condition, "level": "county", "to": "county_office"}
    )


def test_by_the_rules_in_force_everything_goes_where_it_went(cast: Cast) -> None:
    alarm(cast.merchant)
    find(cast.grid_member, merchant=cast.merchant)
    complain(cast.other_merchant)
    done = dry_run(in_force().catalogues.routing, 100)
    assert (done.routed, done.differences, done.without_facts) == (3, (), 0)
    assert sum(done.by_rule.values()) == 3
    assert done.quick_share == 1.0


def test_what_would_go_another_way_is_named_with_both_ways(cast: Cast) -> None:
    first, second = alarm(cast.merchant), find(cast.grid_member, merchant=cast.merchant)
    done = dry_run([to_county(source=["alarm"]), *in_force().catalogues.routing], 100)
    (one,) = done.differences
    assert (one.number, one.elsewhere) == (first.number, True)
    assert one.was == Way("R-40-LEAD", "grid", "quick", "grid", "at_once")
    assert one.would_be == Way("R-TRY", "county", "quick", "county_office", "by_dispatcher")
    assert (done.was_quick_share, done.quick_share) == (1.0, 0.5)
    assert (done.took["R-40-LEAD"], "R-40-LEAD" in done.by_rule) == (1, False)
    assert second.number not in {one.number for one in done.differences}


def changed(rule_id: str, **values: object) -> list[Routing]:
    """The rules in force, one of them changed."""
    rules = in_force().catalogues.routing
    return [rule.model_copy(update=values) if rule.id == rule_id else rule for rule in rules]


def test_a_rule_that_sends_elsewhere_under_its_old_name_is_a_difference_too(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    (one,) = dry_run(changed("R-70-GRID", level="town", to="town_team"), 10).differences
    assert (one.number, one.was.rule, one.would_be.rule) == (issue.number, "R-70-GRID", "R-70-GRID")
    assert (one.was.to, one.would_be.to, one.elsewhere) == ("grid", "town_team", True)
    (late,) = dry_run(changed("R-70-GRID", dispatch="by_dispatcher"), 10).differences
    assert (late.was.dispatch, late.would_be.dispatch) == ("at_once", "by_dispatcher")


def test_the_same_way_by_another_rule_is_told_apart(cast: Cast) -> None:
    find(cast.grid_member, merchant=cast.merchant)
    (one,) = dry_run(changed("R-70-GRID", id="R-71-GRID"), 10).differences
    assert (one.was.goes, one.elsewhere) == (one.would_be.goes, False)
    assert dry_run(changed("R-70-GRID", id="R-71-GRID"), 10).elsewhere == ()


def test_it_is_compared_with_where_the_rule_sent_it_not_with_where_people_took_it(cast: Cast) -> None:
    issue = find(cast.grid_member, merchant=cast.merchant)
    do(issue, Move.ESCALATE, cast.grid_member, words="x")
    issue.refresh_from_db()
    assert issue.level == "town"
    (one,) = dry_run([to_county(), *in_force().catalogues.routing], 10).differences
    assert one.was.level == "grid"


def test_rules_about_history_see_the_past_the_issue_came_in_with(cast: Cast) -> None:
    """Three of a kind at a shop, and what is dismissed afterwards was there all the same."""
    for days in (0, 10):
        issue = find(cast.grid_member, merchant=cast.merchant, at=NOON + timedelta(days=days))
    third = find(cast.grid_member, merchant=cast.merchant, at=NOON + timedelta(days=20))
    assert third.routing_rule == "R-45-REPEAT-FINDING"
    do(issue, Move.RETURN, cast.dispatcher, words="x", at=NOON + timedelta(days=21))
    do(issue, Move.DISMISS, cast.dispatcher, words="x", at=NOON + timedelta(days=21))
    done = dry_run(in_force().catalogues.routing, 10)
    assert (done.differences, done.by_rule["R-45-REPEAT-FINDING"]) == ((), 1)
    towns = dry_run([to_county(towns_at_once_at_least=2), *in_force().catalogues.routing], 10)
    assert towns.differences == ()


def test_it_goes_by_the_facts_of_then(cast: Cast) -> None:
    alarm(cast.merchant)
    assert Issue.objects.get().routing_why["facts"]["merchant_kind"] == cast.merchant.kind
    type(cast.merchant).objects.update(kind="stall")
    done = dry_run([to_county(merchant_kinds=["stall"]), *in_force().catalogues.routing], 100)
    assert done.differences == ()


def test_only_the_last_are_looked_at_and_nothing_moves(cast: Cast, django_assert_num_queries: object) -> None:
    for number in range(5):
        find(cast.grid_member, merchant=cast.merchant, place=str(number))
    before = list(Issue.objects.values_list("number", "version"))
    rules = in_force().catalogues.routing
    with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's context manager
        assert dry_run(rules, 3).routed == 3
    assert list(Issue.objects.values_list("number", "version")) == before


def test_a_rule_about_key_places_is_tried_on_what_was_near_one_then(cast: Cast) -> None:
    near = Place(KeyPlace.Kind.SCHOOL, "实验小学", cast.merchant.lng, cast.merchant.lat, 200)
    away = find(cast.grid_member, merchant=cast.merchant)
    add_place(near, by=None, at=NOON)
    beside, far = (
        find(cast.grid_member, merchant=cast.merchant),
        find(cast.other_grid_member, merchant=cast.other_merchant),
    )
    done = dry_run([to_county(near_key_place=True), *in_force().catalogues.routing], 100)
    assert [one.number for one in done.differences] == [beside.number]
    assert {away.number, far.number}.isdisjoint(one.number for one in done.differences)
    assert done.by_rule["R-TRY"] == 1


def test_what_is_grave_near_a_school_goes_to_the_town_and_says_why(cast: Cast) -> None:
    add_place(Place(KeyPlace.Kind.SCHOOL, "实验小学", cast.merchant.lng, cast.merchant.lat, 200), by=None, at=NOON)
    found = find(cast.grid_member, "V-W2", merchant=cast.merchant)
    elsewhere = find(cast.other_grid_member, "V-W2", merchant=cast.other_merchant)
    assert (found.routing_rule, found.level, found.lead_unit) == ("R-47-KEY-PLACE", "town", cast.town_team)
    assert found.routing_why["facts"]["near_key_place"] is True
    assert (elsewhere.routing_rule, elsewhere.level) == ("R-70-GRID", "grid")
    why = next(tried for tried in elsewhere.routing_why["tried"] if tried["rule"] == "R-47-KEY-PLACE")
    assert (why["failed"], why["wanted"], why["found"]) == ("near_key_place", "yes", "no")


def test_issues_that_keep_no_facts_are_counted_and_left_out(cast: Cast) -> None:
    alarm(cast.merchant)
    Issue.objects.update(routing_why={"tried": []})
    done = dry_run(in_force().catalogues.routing, 10)
    assert (done.routed, done.without_facts, done.quick_share) == (0, 1, 0.0)
