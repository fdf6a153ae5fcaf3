"""What a move wants brought, and of whom: whether it is there, beside the table's own conditions. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable

from lingxiu.accounts.models import User
from lingxiu.issues import evidence, inspections, queries
from lingxiu.issues.holding import handles_at, units_to_give
from lingxiu.issues.lifecycle import (
    CERTIFIED_ONLY,
    FOUND_TRUE,
    MOVES,
    By,
    Level,
    Move,
    MoveRefused,
    Needs,
    State,
    check,
    shows_enough,
)
from lingxiu.issues.models import Issue
from lingxiu.issues.relations import Held, is_assignee, relations
from lingxiu.issues.writing import Brought
from lingxiu.policy.queries import edition


def checked(issue: Issue, what: Move, actor: User, brought: Brought) -> State:
    """The state the move leads to. Raises MoveRefused."""
    state, doer, situation = State(issue.state), brought.on_behalf_of or actor, queries.situation(issue)
    met = frozenset(need for need in MOVES[what].needs if _MET[need](issue, actor, brought))
    own = _relations(situation.held, what, actor, brought.on_behalf_of)
    to = check(what, state, own, met, level=Level(issue.level), marks=situation.marks)
    if brought.inspection or brought.result in CERTIFIED_ONLY:
        _refuse_uncertified(issue, what, doer, brought)
    return to


def _refuse_uncertified(issue: Issue, what: Move, doer: User, brought: Brought) -> None:
    """检查笔录 and 责令改正 come from certified officers of a body that has a part in it (国办发〔2024〕54号), and an order to
    correct only after an inspection that both have signed. Raises MoveRefused."""
    state = State(issue.state)
    if inspections.post_for(doer, issue) is None:
        raise MoveRefused(what, state, "certificate")
    if brought.inspection and what not in INSPECTING:
        raise MoveRefused(what, state, "nothing")
    if brought.result in CERTIFIED_ONLY and not inspections.made_on(issue):
        raise MoveRefused(what, state, "unsigned" if inspections.unsigned_on(issue) else "inspection")


INSPECTING = frozenset({Move.HANDLE, Move.NOTE})
"""What an inspection is recorded with: by whoever has the issue, or, beside them, by another body that has a part in it."""


ENTERED_FOR_OTHERS = frozenset({Move.ACCEPT, Move.HANDLE, Move.FEED_BACK})
"""代办: what was phoned in, the dispatcher enters, in the name of whoever did it."""


def _relations(held: Held, what: Move, actor: User, doer: User | None) -> frozenset[By]:
    own = relations(actor.pk, actor.authority, held)
    if doer is None:
        return own
    if what not in ENTERED_FOR_OTHERS or By.DISPATCHER not in own or not is_assignee(doer.pk, doer.authority, held):
        return frozenset()
    return frozenset({By.ASSIGNEE})


def _has_unit(issue: Issue, actor: User, brought: Brought) -> bool:
    unit, person = brought.unit, brought.person
    if unit is None or (unit.pk, person and person.pk) == (issue.lead_unit_id, issue.lead_person_id):
        return False
    if person is not None and not handles_at(person, unit):
        return False
    return units_to_give(Level(issue.level), issue.town).filter(pk=unit.pk).exists()


def _has_evidence(issue: Issue, actor: User, brought: Brought) -> bool:
    wanted = edition(issue.edition).catalogues.violation(issue.violation).evidence
    if brought.result is None or not (wanted.photo_before or wanted.photo_after):
        return True
    before = len(brought.before)
    seen = queries.pictures(issue, fed_back=len(brought.photos) - before, before=before)
    return shows_enough(seen, before_wanted=wanted.photo_before, after_wanted=wanted.photo_after, result=brought.result)


def _has_form(issue: Issue, actor: User, brought: Brought) -> bool:
    wanted = edition(issue.edition).catalogues.violation(issue.violation)
    return brought.result is None or not evidence.unanswered(wanted, brought.told, brought.result)


def _has_reading(issue: Issue, actor: User, brought: Brought) -> bool:
    wanted = edition(issue.edition).catalogues.violation(issue.violation)
    if brought.result is None or not evidence.wants_reading(wanted, brought.result):
        return True
    return brought.reading is not None or bool(brought.measured.strip())


def _has_answer(issue: Issue, actor: User, brought: Brought) -> bool:
    reports = issue.reports.values_list("pk", flat=True)
    return bool(brought.answer.strip()) or all(brought.answers.get(pk, "").strip() for pk in reports)


def _has_issue(issue: Issue, actor: User, brought: Brought) -> bool:
    others = Issue.objects.visible_to(actor).open().exclude(pk=issue.pk)
    return bool(brought.into) and others.filter(number=brought.into).exists()


_MET: dict[Needs, Callable[[Issue, User, Brought], bool]] = {
    Needs.WORDS: lambda issue, actor, brought: bool(brought.words.strip()),
    Needs.UNIT: _has_unit,
    Needs.RESULT: lambda issue, actor, brought: brought.result in FOUND_TRUE,
    Needs.EVIDENCE: _has_evidence,
    Needs.FORM: _has_form,
    Needs.READING: _has_reading,
    Needs.ANSWER: _has_answer,
    Needs.ISSUE: _has_issue,
    Needs.PERSON: lambda issue, actor, brought: _is_colleague(issue, brought.person),
    Needs.DEPARTMENTS: lambda issue, actor, brought: bool(brought.units),
    Needs.REPORT: lambda issue, actor, brought: issue.reports.filter(pk=brought.report or 0).exists(),
    Needs.UNTIL: lambda issue, actor, brought: brought.until is not None and bool(brought.reason),
    Needs.PART_DUE: lambda issue, actor, brought: brought.part_due is not None,
    Needs.DAYS: lambda issue, actor, brought: bool(brought.days and brought.days > 0),
    Needs.MATTER: lambda issue, actor, brought: _is_another_matter(issue, brought),
    Needs.CASE: lambda issue, actor, brought: bool(brought.case_number.strip()),
}


def _is_another_matter(issue: Issue, brought: Brought) -> bool:
    """Whether another kind, of those there were when it was routed, or another shop is named."""
    known = {row.id for row in edition(issue.edition).catalogues.violations}
    other_kind = brought.violation in known - {issue.violation}
    other_shop = brought.merchant is not None and brought.merchant.pk != issue.merchant_id
    return (other_kind or other_shop) and (other_kind or brought.violation in ("", issue.violation))


def _is_colleague(issue: Issue, person: User | None) -> bool:
    """Whether somebody else of the unit that has it may handle it."""
    if person is None or issue.lead_unit is None or person.pk == issue.lead_person_id or not person.is_active:
        return False
    return handles_at(person, issue.lead_unit)
