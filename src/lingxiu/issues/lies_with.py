"""All that lies with one person in one unit, and how each thing goes to a colleague: issues, seats in rounds to come, turns on duty,
standing in for others, lists shared with the unit. Papers that wait for their signature are named, and stay: nobody signs for
another. Never decides who may ask for it.

What is a unit's lies with nobody in particular and stays: parts of joint issues, items of orders, private notes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from lingxiu.accounts import duty
from lingxiu.accounts.absences import REFUSALS as ABSENCE_REFUSALS
from lingxiu.accounts.absences import AbsenceRefused, replace_deputy
from lingxiu.accounts.models import Absence, DutyTurn, Post, Unit, UnitKind, User
from lingxiu.issues import joint_changes, signing
from lingxiu.issues.covering import MOVABLE, pass_on
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.joint import JointRefused
from lingxiu.issues.joint_forms import REFUSALS as ROUND_REFUSALS
from lingxiu.issues.joint_models import JointOfficer, JointShop
from lingxiu.issues.kept import SavedView
from lingxiu.issues.lifecycle import Move, MoveRefused, State
from lingxiu.issues.models import Issue, IssueQuerySet
from lingxiu.issues.signing import Paper
from lingxiu.issues.words import refusal
from lingxiu.ui.addresses import inspection, joint_round, rectification
from lingxiu.ui.addresses import issue as issue_address

KINDS = {
    "issue": gettext_lazy("Issues"),
    "seat": gettext_lazy("Seats in joint inspections"),
    "turn": gettext_lazy("Turns on duty"),
    "stands_in": gettext_lazy("Standing in for others"),
    "view": gettext_lazy("Lists shared with the unit"),
    "paper": gettext_lazy("Papers that wait for their signature"),
}
STAYS = gettext_lazy(
    "Only who was there signs it: have it signed before they go, or let the other officer put it right or withdraw it."
)
NAME_TAKEN = gettext_lazy("They have a list of this name already.")


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that lies with somebody. `kind`: of `KINDS`; `give`: to whom, by whom, when → why it was refused, or empty."""

    kind: str
    text: str
    url: str
    give: Callable[[User, User, datetime, str], str]

    @property
    def word(self) -> str | Promise:
        return KINDS[self.kind]


def of(giver: User, unit: Unit, *, actor: User, at: datetime) -> list[Thing]:
    """Everything that goes when this person hands over, as far as whoever asks sees to that unit."""
    return [
        *(
            _issue(row)
            for row in _issues(actor).filter(lead_person=giver, lead_unit=unit).order_by("step_due_at", "pk")
        ),
        *(_seat(seat) for seat in _seats(at).filter(user=giver, unit=unit).select_related("joint")),
        *(_turn(turn) for turn in _turns(actor, at).filter(person=giver).select_related("unit")),
        *(_stands_in(row) for row in _stood_for(unit, at).filter(deputy=giver).select_related("user")),
        *(_view(row) for row in SavedView.objects.filter(owner=giver, shared_with=unit)),
        *(_paper(row, actor) for row in signing.to_do(giver) if row.unit_id == unit.pk),
    ]


def hand_over(
    giver: User, taker: User, unit: Unit, *, actor: User, at: datetime, words: str
) -> list[tuple[Thing, str]]:
    """Each of these to a colleague. Returns: the thing, and why it stayed, or empty."""
    return [(thing, thing.give(taker, actor, at, words)) for thing in of(giver, unit, actor=actor, at=at)]


def givers(actor: User, at: datetime) -> list[tuple[Unit, User]]:
    """Everybody with whom something lies, and where, in the units whoever asks sees to."""
    units = {unit.pk: unit for unit in duty.rosters(actor, tuple(UnitKind))}
    issues = _issues(actor).filter(lead_person__isnull=False, lead_unit__in=units)
    found = set(issues.order_by().values_list("lead_unit_id", "lead_person_id").distinct())
    found |= set(_seats(at).filter(unit__in=units).values_list("unit_id", "user_id"))
    found |= set(SavedView.objects.filter(shared_with__in=units).values_list("shared_with_id", "owner_id"))
    of_posts = {*_turns(actor, at).values_list("person_id", flat=True)}
    of_posts |= set(Absence.objects.filter(until__gt=at, deputy__isnull=False).values_list("deputy_id", flat=True))
    found |= set(Post.objects.filter(unit__in=units, user__in=of_posts).values_list("unit_id", "user_id"))
    found |= signing.waiting_in(units)
    people = User.objects.in_bulk([user for _unit, user in found if user is not None])
    pairs = [(units[unit], people[user]) for unit, user in found if unit in units and user in people]
    return sorted(pairs, key=lambda pair: (pair[0].code, pair[1].name, pair[1].pk))


# ── each kind ────────────────────────────────────────────────────────────────────────────────────────────────────


def _issues(actor: User) -> IssueQuerySet:
    return Issue.objects.visible_to(actor).open().filter(state__in=MOVABLE)


def _issue(row: Issue) -> Thing:
    def give(taker: User, actor: User, at: datetime, words: str) -> str:
        why = pass_on(row.number, taker, actor, at, words)
        return str(refusal(MoveRefused(Move.REASSIGN, State(row.state), why))) if why else ""

    return Thing("issue", f"{row.number} {row.summary}", issue_address(row.number), give)


def _seats(at: datetime) -> QuerySet[JointOfficer]:
    """Seats in rounds that are to come and that nobody has walked."""
    begun = JointShop.objects.exclude(walked_at=None).values("joint")
    to_come = JointOfficer.objects.filter(joint__withdrawn_at=None, joint__day__gte=timezone.localtime(at).date())
    return to_come.exclude(joint__in=begun).order_by("joint__day", "pk")


def _seat(seat: JointOfficer) -> Thing:
    def give(taker: User, actor: User, at: datetime, words: str) -> str:
        try:
            joint_changes.take_over(seat.joint, seat.user_id, taker, by=actor, at=at)
        except JointRefused as refused:
            return f"{ROUND_REFUSALS[refused.why]} {refused.about}".strip()
        return ""

    return Thing("seat", f"{seat.joint.day.isoformat()} {seat.joint.title}", joint_round(seat.joint_id), give)


def _turns(actor: User, at: datetime) -> QuerySet[DutyTurn]:
    return DutyTurn.objects.filter(until__gt=at, unit__in=duty.rosters(actor, tuple(UnitKind)))


def _turn(turn: DutyTurn) -> Thing:
    def give(taker: User, actor: User, at: datetime, words: str) -> str:
        try:
            duty.pass_on(turn, taker, at=at, by=actor.pk)
        except duty.TurnRefused as refused:
            return str(duty.REFUSALS[refused.why])
        return ""

    return Thing("turn", f"{_day(turn.since)} – {_day(turn.until)} {turn.unit.name}", "", give)


def _stood_for(unit: Unit, at: datetime) -> QuerySet[Absence]:
    """Absences of people of the unit that are to come, or not over."""
    there = Post.objects.filter(Post.held_at(at), unit=unit).values("user")
    return Absence.objects.filter(until__gt=at, user__in=there)


def _stands_in(row: Absence) -> Thing:
    def give(taker: User, actor: User, at: datetime, words: str) -> str:
        try:
            replace_deputy(row, taker, at=at, by=actor.pk)
        except AbsenceRefused as refused:
            return str(ABSENCE_REFUSALS[refused.field, refused.why])
        return ""

    return Thing("stands_in", f"{row.user.name} {_day(row.since)} – {_day(row.until)}", "", give)


def _view(row: SavedView) -> Thing:
    def give(taker: User, actor: User, at: datetime, words: str) -> str:
        if SavedView.objects.filter(owner=taker, name=row.name).exists():
            return str(NAME_TAKEN)
        SavedView.objects.filter(pk=row.pk).update(owner=taker)
        return ""

    return Thing("view", row.name, "", give)


def _paper(row: Paper, actor: User) -> Thing:
    kind, shop = signing.kind_of(row), (row if isinstance(row, Inspection) else row.issue).merchant
    url = (
        {"inspection": inspection, "rectification": rectification}[kind](row.pk) if signing.may_see(row, actor) else ""
    )
    day = _day(row.written_at) if row.written_at else ""
    return Thing("paper", " ".join(filter(None, [shop.name if shop else "", day])), url, lambda *_: str(STAYS))


def _day(time: datetime) -> str:
    return timezone.localtime(time).strftime("%Y-%m-%d %H:%M")
