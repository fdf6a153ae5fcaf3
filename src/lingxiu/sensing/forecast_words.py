"""Forecasts in words: what is expected and by when, why, and how it turned out. An expectation, never a finding.

Two voices: officers read figures, an owner one plain sentence.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any, Final

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lingxiu.sensing.models import Forecast
from lingxiu.sensing.words import MILLIGRAMS, Word

Kind = Forecast.Kind
OUTCOMES: Final = {
    Forecast.Outcome.OPEN: Word(gettext_lazy("expected"), "predicted"),
    Forecast.Outcome.RIGHT: Word(gettext_lazy("came true"), "cleared"),
    Forecast.Outcome.WRONG: Word(gettext_lazy("did not come true"), "warning"),
    Forecast.Outcome.LAPSED: Word(gettext_lazy("beside the point"), "neutral"),
}
ENDED: Final[dict[str, str | Promise]] = {
    "passed": gettext_lazy("the value reached its limit"),
    "alarm": gettext_lazy("its alarm was raised"),
    "anew": gettext_lazy("it was cleaned, emptied or serviced first"),
    "nothing_came": gettext_lazy("its days are over and nothing came"),
    "nothing_heard": gettext_lazy("too little was heard to tell"),
    "confirmed": gettext_lazy("a person found it worth going"),
    "dismissed": gettext_lazy("a person found it was not so"),
    "closed": gettext_lazy("a person was there and found out"),
}
FIGURES: Final[dict[str, tuple[str | Promise, str]]] = {
    "cooking": (gettext_lazy("Mean of the busiest hour"), MILLIGRAMS),
    "level": (gettext_lazy("Level of the trap"), "%"),
    "drift": (gettext_lazy("Value with the fan off"), MILLIGRAMS),
    "flat": (gettext_lazy("How much values move, share of the usual"), ""),
    "gaps": (gettext_lazy("Minutes missing a day"), ""),
}
DONE: Final[dict[str, tuple[str | Promise, str | Promise]]] = {
    Kind.FOULING: (gettext_lazy("last cleaned %(day)s"), gettext_lazy("no cleaning on record in these weeks")),
    Kind.TRAP_FULL: (gettext_lazy("last emptied %(day)s"), gettext_lazy("no emptying on record in these weeks")),
    Kind.DEVICE_FAILING: (gettext_lazy("last serviced %(day)s"), gettext_lazy("no service on record in these weeks")),
}
PLAIN: Final[dict[str, str | Promise]] = {
    Kind.FOULING: gettext_lazy("The purifier is expected to want cleaning about %(day)s (%(first)s to %(last)s)."),
    Kind.TRAP_FULL: gettext_lazy("The grease trap is expected to be full about %(day)s (%(first)s to %(last)s)."),
    Kind.DEVICE_FAILING: gettext_lazy("The monitor is expected to fail about %(day)s (%(first)s to %(last)s)."),
}


def plain(row: Forecast) -> str:
    """What is expected and when, in one sentence for somebody who has never seen a chart."""
    return str(PLAIN[row.kind]) % {"day": _day(row.due_on), "first": _day(row.due_from), "last": _day(row.due_to)}


def plain_behind(numbers: Collection[str]) -> dict[str, str]:
    """What is expected of the shop, by the number of the issue a forecast opened; nothing where it came to nothing."""
    stands = Forecast.objects.filter(
        issue_number__in=numbers, outcome__in=[Forecast.Outcome.OPEN, Forecast.Outcome.RIGHT]
    )
    return {row.issue_number: plain(row) for row in stands.order_by("-due_on", "pk")} if numbers else {}


def reasons(row: Forecast) -> list[dict[str, Any]]:
    """What is on its way to which limit, with its name and unit; falling figures are kept as negative ones."""
    return [
        {
            **reason,
            "label": FIGURES[reason["what"]][0],
            "unit": FIGURES[reason["what"]][1],
            "now": abs(reason["now"]),
            "limit": abs(reason["limit"]),
            "per_day": reason["per_day"] if reason["limit"] > 0 else -reason["per_day"],
        }
        for reason in row.inputs["reasons"]
    ]


def why(row: Forecast) -> str:
    """The trend, and what was last done about it."""
    said = [
        _("%(figure)s: %(now)s, %(pace)s a day, limit %(limit)s %(unit)s")
        % {
            "figure": reason["label"], "now": f"{reason['now']:.3g}", "pace": f"{reason['per_day']:+.2g}",
            "limit": f"{reason['limit']:g}", "unit": reason["unit"],
        }
        for reason in reasons(row)
    ]  # fmt: skip
    return _("; ").join(one.strip() for one in [*said, last_done(row)] if one)


def last_done(row: Forecast) -> str:
    """When it was last cleaned, emptied or serviced, as far as somebody wrote that down; empty where nobody asked then."""
    last = row.inputs.get("last")
    known, unknown = DONE[row.kind]
    if last is None:
        return ""
    return str(known) % {"day": _day(date.fromisoformat(last))} if last else str(unknown)


def ended(row: Forecast) -> str:
    """Why it turned out so; empty while it is open."""
    return str(ENDED.get(row.inputs.get("why", ""), ""))


def _day(day: date) -> str:
    return f"{day:%m-%d}"
