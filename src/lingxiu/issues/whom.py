"""Whom an issue may be given to, and who may have done what is entered for them: as the choices of forms and sheets. Whether
it may be, `actions` says of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import Post, Unit, User
from lingxiu.issues.holding import units_to_give
from lingxiu.issues.lifecycle import Level
from lingxiu.issues.models import Issue
from lingxiu.policy.queries import in_force
from lingxiu.territory.queries import town_names


def whom(issue: Issue) -> list[tuple[str, Any]]:
    """Units an issue may go to, and the people in them who may handle it; the unit that has it only by its people."""
    units = list(units_to_give(Level(issue.level), issue.town).order_by("kind", "code"))
    people = handlers(units)
    groups: list[tuple[str, Any]] = [("", _("Choose …"))]
    for unit in units:
        anyone = [] if unit.pk == issue.lead_unit_id and issue.lead_person_id is None else [(str(unit.pk), unit.name)]
        persons = [
            (f"{unit.pk}:{user.pk}", f"{unit.name} · {user.name}")
            for user in people.get(unit.pk, [])
            if (unit.pk, user.pk) != (issue.lead_unit_id, issue.lead_person_id)
        ]
        if anyone or persons:
            groups.append((unit.name, [*anyone, *persons]))
    return groups


def whom_all(issues: Iterable[Issue]) -> list[tuple[str, Any]]:
    """Units any of these issues may go to, with their people. Whether each may, `actions` says of each."""
    places = {(Level(issue.level), issue.town) for issue in issues}
    units = {unit.pk: unit for level, town in sorted(places) for unit in units_to_give(level, town)}
    ordered = sorted(units.values(), key=lambda unit: (unit.town, unit.kind, unit.code))
    people = handlers(ordered)
    towns = town_names()
    groups: list[tuple[str, Any]] = [("", _("Choose …"))]
    for unit in ordered:
        name = f"{towns[unit.town]} · {unit.name}" if unit.town in towns else unit.name
        persons = [(f"{unit.pk}:{user.pk}", f"{unit.name} · {user.name}") for user in people.get(unit.pk, [])]
        groups.append((name, [(str(unit.pk), unit.name), *persons]))
    return groups


def handlers(units: Iterable[Unit]) -> dict[int, list[User]]:
    """Unit id → people who hold a post there that may handle issues."""
    roles = [role.id for role in in_force().catalogues.roles if "issues.handle" in role.may]
    posts = Post.objects.filter(
        Post.held_at(timezone.now()), unit__in=list(units), role__in=roles, user__is_active=True
    )
    found: dict[int, list[User]] = {}
    for post in posts.select_related("user").order_by("user__name"):
        found.setdefault(post.unit_id, []).append(post.user)
    return found


def doers(issue: Issue) -> list[tuple[str, str]]:
    """Whom a dispatcher may enter something for: the person it was given to, or anybody of the unit."""
    if issue.lead_person is not None:
        return [(str(issue.lead_person.pk), issue.lead_person.name)]
    people = handlers([issue.lead_unit]) if issue.lead_unit else {}
    return [(str(user.pk), user.name) for rows in people.values() for user in rows]


def unit_and_person(value: str) -> tuple[Unit | None, User | None]:
    """Whom a choice of `whom` means: `12`, the unit; `12:34`, a person in it."""
    unit, _colon, person = value.partition(":")
    return (
        Unit.objects.filter(pk=unit).first() if unit else None,
        User.objects.filter(pk=person).first() if person else None,
    )
