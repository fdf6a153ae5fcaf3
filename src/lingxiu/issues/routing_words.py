"""Rules of routing in plain words, and what is wrong with a text of them. Decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from lingxiu.issues.dry_run import Way
from lingxiu.issues.models import FlowChoice, LevelChoice, Source
from lingxiu.issues.words import SEVERITIES
from lingxiu.policy.rows import Label
from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.policy.schema.routing import Routing, RoutingCondition
from lingxiu.policy.texts import Mistake

Words = Mapping[str, str | Promise]

TO: Words = {
    "grid": gettext_lazy("to its grid"),
    "town": gettext_lazy("to the town's dispatcher"),
    "town_team": gettext_lazy("to the town's team"),
    "responsible_department": gettext_lazy("to the department responsible"),
    "county_office": gettext_lazy("to the county's office"),
}
DISPATCH: Words = {
    "at_once": gettext_lazy("sent at once"),
    "by_dispatcher": gettext_lazy("once the dispatcher has judged it"),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A rule in plain words: on what, and where to. `holds`: whether it is switched on today."""

    id: str
    label: Label
    on: list[str]
    to: str
    holds: bool


class Speaker:
    """Says rules with the names the county's catalogues and towns have, in the reader's language."""

    def __init__(self, catalogues: Catalogues, towns: Mapping[str, str]) -> None:
        self.violations = {row.id: row.label for row in catalogues.violations}
        self.kinds = {row.id: row.label for row in catalogues.kinds.merchants}
        self.towns = towns
        self.language = get_language() or "zh-hans"

    def rule(self, rule: Routing, holds: bool) -> Said:
        """A rule: all that must be so, one after another."""
        on = [words for words in self._conditions(rule.when) if words]
        return Said(
            rule.id, rule.label, on or [_("whatever no rule before it took")], way(Way.by(rule, "quick")), holds
        )

    def _conditions(self, when: RoutingCondition) -> Iterator[str]:
        sources = dict(Source.choices)
        yield _listed(_("came as: %(these)s"), [str(sources[one]) for one in when.source])
        yield _listed(_("about: %(these)s"), [self._named(self.violations, one) for one in when.violation])
        yield str(_KIND.get(when.violation_kind or "", ""))
        if when.severity_at_least is not None:
            yield _("how bad: %(word)s or worse") % {
                "word": SEVERITIES.get(when.severity_at_least, when.severity_at_least)
            }
        yield _either(when.merchant_known, _("the shop is known"), _("the shop is not known"))
        yield _either(when.town_known, _("the town is known"), _("the town is not known"))
        yield _either(when.grid_known, _("the grid is known"), _("the grid is not known"))
        yield from self._history(when)
        yield _listed(_("in: %(these)s"), [self.towns.get(one, one) for one in when.towns])
        yield _listed(_("kind of shop: %(these)s"), [self._named(self.kinds, one) for one in when.merchant_kinds])
        yield _either(when.near_key_place, _("near a key place"), _("not near a key place"))
        if when.hours:
            hours = {"since": f"{when.hours.since}:00", "until": f"{when.hours.until}:00"}
            yield _("between %(since)s and %(until)s") % hours

    def _history(self, when: RoutingCondition) -> Iterator[str]:
        earlier, towns = when.earlier_in_90_days_at_least, when.towns_at_once_at_least
        if earlier is not None:
            yield ngettext(
                "%(n)s such issue or more at the same shop in the 90 days before",
                "%(n)s such issues or more at the same shop in the 90 days before",
                earlier,
            ) % {"n": earlier}
        if towns is not None:
            yield ngettext(
                "the same in %(n)s town or more within a day", "the same in %(n)s towns or more within a day", towns
            ) % {"n": towns}

    def _named(self, labels: Mapping[str, Label], one: str) -> str:
        return labels[one].text(self.language) if one in labels else one


_KIND: Words = {
    "lead": gettext_lazy("a lead of a device or forecast"),
    "finding": gettext_lazy("something a person found or reported"),
}


def _listed(words: str, these: list[str]) -> str:
    return words % {"these": _(", ").join(these)} if these else ""


def _either(asked: bool | None, yes: str, no: str) -> str:
    return "" if asked is None else yes if asked else no


def way(one: Way) -> str:
    """Where an issue goes: `town level, quick, to the town's team, at once`."""
    parts = [
        dict(LevelChoice.choices).get(one.level, ""),
        dict(FlowChoice.choices).get(one.flow, ""),
        TO.get(one.to, ""),
        DISPATCH.get(one.dispatch, ""),
    ]
    return _(", ").join(str(part) for part in parts if part)


# ── what is wrong with a text ────────────────────────────────────────────────────────────────────────────────────

MISTAKES: Words = {
    "large": gettext_lazy("the text is longer than %(wanted)s characters: these are no rules of routing"),
    "yaml": gettext_lazy("this is no YAML, look at the brackets, colons and indents here: %(found)s"),
    "no_rows": gettext_lazy("no rules: every rule begins with “- id:”"),
    "alias": gettext_lazy("%(found)s points to another place of the text: write out what is meant"),
    "deep": gettext_lazy("brackets within brackets without end: a rule has two layers"),
    "missing": gettext_lazy("is missing: add it"),
    "extra_forbidden": gettext_lazy("there is no such field: look how the other rules write it"),
    "literal_error": gettext_lazy("%(found)s is not known here: write one of %(wanted)s"),
    "tuple_type": gettext_lazy("%(found)s is no list: put it in brackets, [like, this]"),
    "string_type": gettext_lazy("%(found)s is no text: put it in quotes"),
    "string_too_short": gettext_lazy("is empty: write it in both languages"),
    "string_pattern_mismatch": gettext_lazy(
        "%(found)s cannot be a name: letters, digits, dot, dash, beginning with a letter"
    ),
    "int_type": gettext_lazy("%(found)s is no whole number"),
    "int_parsing": gettext_lazy("%(found)s is no whole number"),
    "greater_than_equal": gettext_lazy("%(found)s is too small: %(wanted)s or more"),
    "less_than_equal": gettext_lazy("%(found)s is too large: %(wanted)s or less"),
    "bool_type": gettext_lazy("%(found)s is neither true nor false"),
    "bool_parsing": gettext_lazy("%(found)s is neither true nor false"),
    "date_from_datetime_parsing": gettext_lazy("%(found)s is no day: write it as 2026-03-05"),
    "model_type": gettext_lazy("%(found)s stands where fields are wanted: {field: value}"),
    "double": gettext_lazy("a rule before it is called %(found)s: give this one a name of its own"),
    "no_rest": gettext_lazy("no rule takes all the rest: add one, last, without “when”, “since” and “until”"),
    "unknown_violation": gettext_lazy("no catalogue has %(found)s: take the number from the law book"),
    "unknown_merchant_kinds": gettext_lazy("there is no kind of shop %(found)s"),
    "unknown_towns": gettext_lazy("no town has the code %(found)s"),
}
_ELSE = gettext_lazy("%(found)s cannot stand here")


def mistake(one: Mistake) -> str:
    """What is wrong and how to mend it, in the reader's language."""
    return str(MISTAKES.get(one.kind, _ELSE)) % {"found": one.found, "wanted": one.wanted}


def tried_by(labels: Mapping[str, Label]) -> Callable[[str], str]:
    """Names a rule by its label in the reader's language; by its id where no rule of today has that."""
    language = get_language() or "zh-hans"
    return lambda rule: labels[rule].text(language) if rule in labels else rule
