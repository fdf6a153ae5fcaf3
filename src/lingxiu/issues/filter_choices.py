"""What the list's less common filters offer this reader. Queries only; what each of them means, `filters` knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import Post, Unit, UnitKind, User
from lingxiu.issues.filters import AGES, NO_TOWN, Filter
from lingxiu.issues.models import ResultChoice
from lingxiu.issues.words import SEVERITIES
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.roles import Sight

SHOWN_ABOVE = frozenset({"view", "sort", "q", "merchant", "state", "town", "level", "source", "violation", "flow", "from",
                         "to", "late"})  # fmt: skip
MOST_PEOPLE = 300

Text = str | Promise
PICKS: dict[str, tuple[Text, Text, dict[str, Text]]] = {
    # name in the address: what it is about, what it says unchosen, what it offers
    "waits": (_("Who is waited for"), _("Whoever is waited for"), {
        "decision": _("waits for a decision"), "extension": _("more time is asked for"),
        "objection": _("an objection is to be settled"), "reply": _("an objection is to be replied to"),
        "supervised": _("a leader waits for an answer"),
        "reporter": _("the reporter was asked"), "merchant": _("waits for the shop"), "unit": _("waits for another unit"),
    }),
    "answers": (_("Answers to reporters"), _("Answered or not"), {
        "waiting": _("a reporter waits for an answer"), "late": _("answered late"), "in_time": _("all answered in time"),
        "any": _("somebody reported it"),
    }),
    "rated": (_("How the answer was rated"), _("Rated or not"), {
        "1": _("rated"), "1-2": _("rated 1–2"), "3": _("rated 3"), "4-5": _("rated 4–5"),
    }),
    "listed": (_("Red and black lists"), _("On a list or not"), {
        "red": _("shop on the red list"), "black": _("shop on the black list"),
    }),
}  # fmt: skip
TICKS: dict[str, Text] = {
    "reopened": _("opened again"), "repeat": _("at a repeat place"), "near": _("near a key place"),
}  # fmt: skip
DAYS: dict[str, Text] = {
    "ended_from": _("Ended from"), "ended_to": _("Ended until"), "step_from": _("Due from"), "step_to": _("Due until"),
}  # fmt: skip
MORE = frozenset({"severity", "responsible", "unit", "person", "kind", "grid", "result", "true", "in_time", "age",
                  *PICKS, *TICKS, *DAYS})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pick:
    """A choice of one of several, and what is chosen."""

    name: str
    about: Text
    unchosen: Text
    offered: dict[str, Text]
    chosen: str


@dataclass(frozen=True, slots=True)
class Field:
    """A box to tick or a day to enter, and how it stands: `1`, a day, or nothing."""

    name: str
    about: Text
    value: str


def more_choices(wanted: Filter, user: User) -> dict[str, object]:
    """Two queries. Grids and people are offered of one town alone: the reader's own, or the one that is filtered by."""
    towns = _towns(wanted, user)
    small = Q(kind__in=(UnitKind.GRID, UnitKind.TOWN_TEAM)) & ~Q(town__in=towns)
    units = list(Unit.objects.exclude(small | Q(kind=UnitKind.COMPANY)).order_by("kind", "code"))
    asked = wanted.query
    return {
        "severities": SEVERITIES.items(),
        "departments": [(unit.code, unit.name) for unit in units if unit.kind == UnitKind.DEPARTMENT],
        "units": [(unit.pk, unit.name) for unit in units],
        "grids": [(unit.grid, unit.name) for unit in units if unit.kind == UnitKind.GRID],
        "people": _people([unit.pk for unit in units if unit.town in towns or _is_own(unit, user)]),
        "kinds": in_force().catalogues.kinds.merchants,
        "results": ResultChoice.choices,
        "ages": AGES,
        "picks": [Pick(name, *row, asked.get(name, "")) for name, row in PICKS.items()],
        "boxes": [Field(name, about, asked.get(name, "")) for name, about in TICKS.items()],
        "day_fields": [Field(name, about, asked.get(name, "")) for name, about in DAYS.items()],
        "more_active": len(MORE & asked.keys()),
        "kept_beside": _beside(asked),
    }


def _beside(asked: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a link brought that has no field here: it stays in force when the form is sent."""
    return [(name, value) for name, value in asked.items() if name not in SHOWN_ABOVE | MORE]


def _towns(wanted: Filter, user: User) -> frozenset[str]:
    if user.authority.farthest("issues") in (Sight.COUNTY, Sight.UNIT):
        return frozenset({wanted.town} - {"", NO_TOWN})
    return user.authority.towns


def _is_own(unit: Unit, user: User) -> bool:
    return unit.pk in user.authority.unit_ids


def _people(units: list[int]) -> list[tuple[int, str]]:
    """Whoever may handle issues in one of these units, by name."""
    roles = [role.id for role in in_force().catalogues.roles if "issues.handle" in role.may]
    held = Post.objects.filter(Post.held_at(timezone.now()), unit__in=units, role__in=roles, user__is_active=True)
    found = held.values_list("user_id", "user__name", "unit__name").order_by("user__name", "user_id")[:MOST_PEOPLE]
    return list({pk: (pk, f"{name} · {unit}") for pk, name, unit in found}.values())
