"""A kept score in words: what each dimension was reckoned from, what it gave, what would make it better.

Reads the score as it was computed; never reckons it anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from lingxiu.policy.rows import Label, Rule
from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.rating.models import FumeScore

WORDS: dict[tuple[str, str], str] = {
    ("concentration", "measured"): gettext_noop(
        "High values (above 2.0 mg/m³) during %(share)s of the %(hours)s hours the fan ran."
    ),
    ("concentration", "kept"): gettext_noop(
        "High values during %(share)s of the fan's time. The monitor has been silent for %(silent_days)s days; until it speaks"
        " again, what it last told counts."
    ),
    ("linkage", "measured"): gettext_noop("The purifier ran during %(share)s of the %(hours)s hours the fan ran."),
    ("linkage", "kept"): gettext_noop(
        "The purifier ran during %(share)s of the fan's time. The monitor has been silent for %(silent_days)s days; until it"
        " speaks again, what it last told counts."
    ),
    ("cleaning", "in_time"): gettext_noop("Purifier last cleaned on %(on)s; due every %(cycle_days)s days."),
    ("cleaning", "late"): gettext_noop("Purifier last cleaned on %(on)s: %(late_days)s days late."),
    ("cleaning", "no_record"): gettext_noop("No cleaning has been recorded. Not counted."),
    ("cleaning", "findings_only"): gettext_noop("No cleaning has been recorded, and something was found wrong."),
    ("drains", "in_time"): gettext_noop("Grease trap last emptied on %(on)s; due every %(cycle_days)s days."),
    ("drains", "late"): gettext_noop("Grease trap last emptied on %(on)s: %(late_days)s days late."),
    ("drains", "no_record"): gettext_noop("No emptying of the grease trap has been recorded. Not counted."),
    ("drains", "findings_only"): gettext_noop("No emptying has been recorded, and something was found wrong."),
    ("waste", "handed_over"): gettext_noop("Kitchen waste handed over on %(handovers)s days in %(days)s."),
    ("waste", "too_seldom"): gettext_noop(
        "Kitchen waste handed over on %(handovers)s days in %(days)s; at least %(expected)s were expected."
    ),
    ("waste", "no_record"): gettext_noop("No hand-over of kitchen waste has been recorded. Not counted."),
    ("waste", "findings_only"): gettext_noop("No hand-over has been recorded, and something was found wrong."),
    ("complaints", "none_true"): gettext_noop("No complaint was found true in %(days)s days."),
    ("self_check", "in_time"): gettext_noop("Last declared for %(month)s."),
    ("self_check", "late"): gettext_noop("Last declared for %(month)s: not up to date."),
    ("self_check", "no_record"): gettext_noop("No self-check has been declared. Not counted."),
}
DARK = gettext_noop("The monitor has been silent for %(silent_days)s days and nobody said why: no points.")
FAN_NOT_SEEN = gettext_noop("The monitor hardly saw the fan run. Not counted.")

BETTER: dict[str, str] = {
    "concentration": gettext_noop("Have purifier and hood cleaned; look at the chart for the hours with high values."),
    "linkage": gettext_noop("Switch the purifier on whenever the fan runs; best is a common switch."),
    "cleaning": gettext_noop("Have the purifier cleaned and record it."),
    "drains": gettext_noop("Have the grease trap emptied and record it."),
    "waste": gettext_noop("Hand kitchen waste to the collector every week and record it."),
    "complaints": gettext_noop("A complaint stops counting after %(days)s days; no new one is what helps."),
    "self_check": gettext_noop("Declare this month's self-check."),
}
BRING_BACK = gettext_noop("Bring the monitor back: power, SIM card, maintenance company.")
MUTE = ("kept", "dark", "fan_not_seen")


@dataclass(frozen=True, slots=True)
class Explained:
    """A dimension for the page. `gain`: points of the whole score that full marks here would add; None if nothing is lost."""

    label: Label
    rule: Rule
    weight: float
    points: float | None
    tone: str
    words: str
    issues: list[str]
    better: str
    gain: float | None


def explain(score: FumeScore, catalogues: Catalogues) -> list[Explained]:
    """Every dimension of a score, in the words of the edition it was computed with."""
    index = catalogues.indicators
    labels: dict[str, Label] = {row.id: row.label for scheme in index.schemes for row in scheme.dimensions}
    rules = {index.rule_of(row.id).id: index.rule_of(row.id) for scheme in index.schemes for row in scheme.dimensions}
    known = sum(part["weight"] for part in score.dimensions if part["points"] is not None)
    return [
        Explained(
            label=labels[part["id"]],
            rule=rules[part["rule"]],
            weight=part["weight"],
            points=part["points"],
            tone=_tone(part["points"], index.level_1_from, index.level_2_from),
            words=in_words(part),
            issues=[*part["inputs"].get("complaints", ()), *part["inputs"].get("findings", ())],
            better=_better(part),
            gain=_gain(part, known),
        )
        for part in score.dimensions
    ]


def in_words(part: dict[str, Any]) -> str:
    """What this dimension was reckoned from, as a sentence."""
    values = _readable(part["inputs"])
    if part["why"] == "dark":
        return _(DARK) % values
    if part["why"] == "fan_not_seen":
        return _(FAN_NOT_SEEN)
    if part["why"] == "found_true":
        number = len(part["inputs"]["complaints"])
        return ngettext(
            "%(number)s complaint was found true in %(days)s days.",
            "%(number)s complaints were found true in %(days)s days.",
            number,
        ) % {**values, "number": number}
    sentence = WORDS[part["id"], part["why"]]
    return _(sentence) % values


def _better(part: dict[str, Any]) -> str:
    if part["points"] == 100 and part["why"] not in MUTE:
        return ""
    if part["why"] in MUTE:
        return _(BRING_BACK)
    advice = BETTER[part["id"]]
    inputs: dict[str, Any] = part["inputs"]
    return _(advice) % inputs


def _gain(part: dict[str, Any], known: float) -> float | None:
    """A dimension that is not known yet adds nothing that can be told before it is."""
    if part["points"] is None or part["points"] == 100:
        return None
    gain: float = part["weight"] * (100 - part["points"]) / known
    return round(gain, 1)


def _readable(inputs: dict[str, Any]) -> dict[str, Any]:
    shown = dict(inputs)
    if "share" in inputs:
        shown["share"] = f"{inputs['share']:.1%}"
    if "minutes" in inputs:
        shown["hours"] = round(inputs["minutes"] / 60)
    if "month" in inputs:
        shown["month"] = date.fromisoformat(inputs["month"]).strftime("%Y-%m")
    return shown


def _tone(points: float | None, level_1_from: float, level_2_from: float) -> str:
    if points is None:
        return "unrated"
    if points >= level_1_from:
        return "level1"
    return "level2" if points >= level_2_from else "level3"
