"""First match wins, and the trace says why the others did not."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingxiu.issues.routing import Facts, NoRouteFits, first_failed, route
from lingxiu.policy.reading import SHIPPED, PolicyRefused, read_folder
from lingxiu.policy.rows import Label
from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.policy.schema.routing import Routing, RoutingCondition

SHIPPED_POLICY: Catalogues = read_folder(SHIPPED)[0]
DAY = date(2026, 3, 5)


def rule(name: str, **when: Any) -> Routing:
    dates = {key: when.pop(key) for key in ("since", "until", "enabled") if key in when}
    return Routing(
        id=name, label=Label(zh=name, en=name), when=RoutingCondition(**when), level="grid", to="grid", **dates
    )


def facts(**changes: Any) -> Facts:
    values: dict[str, Any] = {
        "source": "alarm",
        "violation": "L-FUME",
        "violation_kind": "lead",
        "severity": 2,
        "merchant_known": True,
        "town_known": True,
        "grid_known": True,
        **changes,
    }
    return Facts(**values)


def test_the_first_rule_that_fits_decides() -> None:
    routed = route([rule("A", source=("public",)), rule("B", grid_known=True), rule("C")], facts(), DAY)
    assert routed.rule.id == "B"


def test_the_trace_names_each_rule_tried_and_the_condition_that_failed() -> None:
    routed = route([rule("A", source=("public", "phone"), severity_at_least=3), rule("B")], facts(), DAY)
    assert list(routed.tried) == [
        {"rule": "A", "failed": "source", "wanted": "public, phone", "found": "alarm"},
        {"rule": "B", "failed": "", "wanted": "", "found": ""},
    ]


@pytest.mark.parametrize(
    ("when", "failed"),
    [
        ({"source": ("alarm",)}, None),
        ({"source": ("public",)}, "source"),
        ({"violation": ("L-LINK",)}, "violation"),
        ({"violation_kind": "finding"}, "violation_kind"),
        ({"severity_at_least": 2}, None),
        ({"severity_at_least": 3}, "severity_at_least"),
        ({"merchant_known": False}, "merchant_known"),
        ({"town_known": False}, "town_known"),
        ({"grid_known": True}, None),
        ({"earlier_in_90_days_at_least": 1}, "earlier_in_90_days_at_least"),
        ({"near_key_place": False}, None),
        ({"near_key_place": True}, "near_key_place"),
        ({}, None),
    ],
)
def test_each_condition_asks_its_own_fact(when: dict[str, Any], failed: str | None) -> None:
    found = first_failed(RoutingCondition(**when), facts())
    assert (found and found["failed"]) == failed


def test_rules_outside_their_days_or_switched_off_are_passed_over_unseen() -> None:
    rules = [
        rule("ENDED", until=date(2026, 3, 4)),
        rule("LATER", since=date(2026, 3, 6)),
        rule("OFF", enabled=False),
        rule("NOW", since=DAY, until=DAY),
    ]
    routed = route(rules, facts(), DAY)
    assert [tried["rule"] for tried in routed.tried] == ["NOW"]


def test_facts_no_rule_fits_are_an_error_with_the_facts_in_it() -> None:
    with pytest.raises(NoRouteFits, match="L-FUME"):
        route([rule("A", grid_known=False)], facts(), DAY)


def test_a_catalogue_without_a_last_resort_is_refused(tmp_path: Any) -> None:
    (tmp_path / "routing.yaml").write_text(
        "- {id: R-1, label: {zh: 网格, en: grid}, when: {grid_known: true}, level: grid, to: grid}", encoding="utf-8"
    )
    with pytest.raises(PolicyRefused, match="no rule without conditions"):
        read_folder(tmp_path)


@pytest.mark.parametrize(
    ("changes", "expected", "how"),
    [
        ({}, "R-40-LEAD", "at_once"),
        ({"earlier_in_90_days": 3}, "R-40-LEAD", "at_once"),
        ({"earlier_in_90_days": 4}, "R-30-REPEAT-LEAD", "at_once"),
        ({"source": "public", "violation": "P-SMOKE", "violation_kind": "finding"}, "R-50-REPORT", "by_dispatcher"),
        ({"source": "officer", "violation": "V-A1", "violation_kind": "finding", "severity": 3}, "R-60-GRAVE", "at_once"),
        ({"source": "grid_member", "violation": "D-BIN", "violation_kind": "finding", "severity": 1}, "R-70-GRID", "at_once"),
        ({"source": "officer", "violation": "V-A2", "violation_kind": "finding", "severity": 3}, "R-10-BANNED", "by_dispatcher"),
        ({"source": "public", "violation": "V-A1", "violation_kind": "finding", "severity": 3}, "R-50-REPORT", "by_dispatcher"),
        (
            {"source": "public", "violation": "V-A1", "violation_kind": "finding", "severity": 3, "near_key_place": True},
            "R-46-KEY-PLACE-GRAVE",
            "at_once",
        ),
        (
            {"source": "grid_member", "violation": "V-W2", "violation_kind": "finding", "near_key_place": True},
            "R-47-KEY-PLACE",
            "at_once",
        ),
        (
            {"source": "public", "violation": "P-SMOKE", "violation_kind": "finding", "near_key_place": True},
            "R-50-REPORT",
            "by_dispatcher",
        ),
        ({"near_key_place": True}, "R-40-LEAD", "at_once"),
        ({"source": "public", "grid_known": False, "violation_kind": "finding", "severity": 1}, "R-80-TOWN", "by_dispatcher"),
        (
            {"source": "public", "town_known": False, "grid_known": False, "violation_kind": "finding", "severity": 1},
            "R-90-ELSE",
            "by_dispatcher",
        ),
    ],
)  # fmt: skip
def test_the_shipped_rules_send_the_usual_things_where_the_design_says(
    changes: dict[str, Any], expected: str, how: str
) -> None:
    routed = route(SHIPPED_POLICY.routing, facts(**changes), DAY)
    assert (routed.rule.id, routed.rule.dispatch) == (expected, how)


@given(
    st.sampled_from(["alarm", "officer", "grid_member", "public", "phone", "12345", "self_check"]),
    st.sampled_from([violation.id for violation in SHIPPED_POLICY.violations]),
    st.booleans(),
    st.sampled_from([(True, True), (True, False), (False, False)]),
    st.integers(0, 12),
)
def test_every_issue_is_routed_and_only_a_banned_place_or_an_unknown_one_to_the_county(
    source: str, violation_id: str, merchant_known: bool, known: tuple[bool, bool], earlier: int
) -> None:
    violation = SHIPPED_POLICY.violation(violation_id)
    asked = Facts(source, violation_id, violation.kind, violation.severity, merchant_known, known[1], earlier, known[0])
    routed = route(SHIPPED_POLICY.routing, asked, DAY)
    assert [tried["rule"] for tried in routed.tried if not tried["failed"]] == [routed.rule.id]
    if routed.rule.level == "county":
        assert violation_id == "V-A2" or not any(known)
