"""What is known here of a case of enforcement: which body filed it, when and why, and later what came of it.

All of it stands in the moves of the issue, append-only: the filing in the move that filed it, its result in a note. How a case is
led, this never knows: enforcement is a room of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import Unit, UnitKind, User
from lingxiu.issues import queries, writing
from lingxiu.issues.lifecycle import By, Level, Move, MoveRefused, Needs, State, check
from lingxiu.issues.models import Issue, MoveRow
from lingxiu.issues.relations import relations
from lingxiu.issues.writing import Before, Brought
from lingxiu.policy.queries import edition


class Outcome(StrEnum):
    """What came of a case (行政处罚法 57)."""

    PENALTY = "penalty"
    NO_PENALTY = "no_penalty"
    WITHDRAWN = "withdrawn"
    HANDED_OVER = "handed_over"


OUTCOMES = {
    Outcome.PENALTY: _("penalty"),
    Outcome.NO_PENALTY: _("no penalty"),
    Outcome.WITHDRAWN: _("case withdrawn"),
    Outcome.HANDED_OVER: _("handed over to another body"),
}


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What came of it, on which day, by which document."""

    outcome: Outcome
    day: date
    number: str = ""
    words: str = ""

    @property
    def word(self) -> str:
        return str(OUTCOMES[self.outcome])


@dataclass(frozen=True, slots=True)
class Case:
    """A case as far as it is known. Of one filed before its body, day and cause were asked for, they are what its move says."""

    number: str
    body: str
    day: date
    cause: str
    result: CaseResult | None = None


class ResultRefused(Exception):
    """What came of it cannot have been on this day. `why`: a key of `case_forms.REFUSALS`."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the result is refused: {why}")
        self.why = why


# ── filing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def bodies(issue: Issue, user: User) -> list[Unit]:
    """Which bodies a case may be filed by, this person's own first: departments, and the team of the town."""
    units = Unit.objects.filter(active=True)
    found = units.filter(kind=UnitKind.DEPARTMENT) | units.filter(kind=UnitKind.TOWN_TEAM, town=issue.town)
    own = {post.unit_id for post in user.authority.posts_that_may("issues.inspect")}
    return sorted(found, key=lambda unit: (unit.pk not in own, unit.code))


def cause_of(issue: Issue) -> str:
    """What a case about this is called unless somebody knows better (案由): the find's title."""
    return edition(issue.edition).catalogues.violation(issue.violation).label.zh


def filing(issue: Issue, actor: User | None, brought: Brought, at: datetime) -> dict[str, str]:
    """What the move that files a case keeps of it: what was brought, else the actor's own body, today, the find's title."""
    own = bodies(issue, actor)[:1] if actor else []
    body = brought.case_body or next(iter(own), None)
    return {
        "body": body.name if body else "",
        "day": (brought.case_on or timezone.localtime(at).date()).isoformat(),
        "cause": brought.case_cause.strip() or cause_of(issue),
    }


# ── what came of it ──────────────────────────────────────────────────────────────────────────────────────────────


def may_record(issue: Issue, user: User) -> bool:
    """Whether somebody writes down what came of the case: a certified officer of a body that had a part, or who dispatches."""
    if not issue.case_number:
        return False
    return bool(relations(user.pk, user.authority, queries.situation(issue).held) & {By.ENFORCER, By.DISPATCHER})


def record_result(
    number: str, result: CaseResult, *, actor: User, at: datetime, submission: UUID | None = None
) -> MoveRow:
    """Write down what came of the case: a note of the issue's record. A later one takes its place; both stay.

    Raises: Issue.DoesNotExist; MoveRefused; ResultRefused.
    """
    with transaction.atomic():
        issue = Issue.objects.select_for_update().get(number=number)
        situation = queries.situation(issue)
        own = relations(actor.pk, actor.authority, situation.held)
        state, needs = State(issue.state), frozenset({Needs.WORDS})
        check(Move.NOTE, state, own, needs, level=Level(issue.level), marks=situation.marks)
        if not may_record(issue, actor):
            raise MoveRefused(Move.NOTE, state, "person" if issue.case_number else "nothing")
        case = of_rows(issue.moves.select_related("actor_unit").order_by("version"))
        if case is not None and result.day < case.day:
            raise ResultRefused("before")
        if result.day > timezone.localtime(at).date():
            raise ResultRefused("future")
        before = Before.of(issue)
        at = writing.claim(issue, at)
        writing.keep(issue, before)
        data = {
            "case_result": {"outcome": result.outcome, "day": result.day.isoformat(), "number": result.number.strip()}
        }
        return writing.write(
            issue, Move.NOTE, actor, at, before=before, brought=Brought(words=result.words), submission=submission, data=data
        )  # fmt: skip


# ── as it stands ─────────────────────────────────────────────────────────────────────────────────────────────────


def of_rows(rows: Iterable[MoveRow]) -> Case | None:
    """The case these moves of one issue tell of, in any order; None if none was filed."""
    ordered = sorted(rows, key=lambda row: row.version)
    filed = next((row for row in reversed(ordered) if row.move == Move.FILE_CASE), None)
    if filed is None:
        return None
    results = [row for row in ordered if row.version > filed.version and "case_result" in row.data]
    kept = filed.data.get("filing", {})
    return Case(
        number=str(filed.data.get("case", "")),
        body=kept.get("body") or (filed.actor_unit.name if filed.actor_unit else ""),
        day=date.fromisoformat(kept["day"]) if "day" in kept else timezone.localtime(filed.at).date(),
        cause=kept.get("cause", ""),
        result=_result(results[-1]) if results else None,
    )


def _result(row: MoveRow) -> CaseResult:
    kept = row.data["case_result"]
    return CaseResult(Outcome(kept["outcome"]), date.fromisoformat(kept["day"]), kept.get("number", ""), row.words)


def told_lines(data: Mapping[str, object]) -> list[tuple[str, str]]:
    """What a move's data keeps of a case, as pages and papers show it, in the language in force."""
    lines: list[tuple[str, object]] = []
    kept = data.get("filing")
    if isinstance(kept, dict):
        lines += [
            (str(_("Number of the case")), data.get("case")), (str(_("Filed by")), kept.get("body")),
            (str(_("Filed on")), kept.get("day")), (str(_("Cause")), kept.get("cause")),
        ]  # fmt: skip
    kept = data.get("case_result")
    if isinstance(kept, dict):
        lines += [
            (str(_("Result of the case")), str(OUTCOMES[Outcome(kept["outcome"])])),
            (str(_("Decided on")), kept.get("day")), (str(_("Number of the decision")), kept.get("number")),
        ]  # fmt: skip
    return [(label, str(value)) for label, value in lines if value]
