"""A look for the re-check: whoever must re-check need not go. They ask the shop for a picture taken now, or send a colleague who did
not handle it; then they judge by what came. Never closes or sends back anything: that stays theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from lingxiu.accounts.absences import deputies
from lingxiu.accounts.models import Bond, Post, Unit, UnitKind, User
from lingxiu.issues import queries, writing
from lingxiu.issues.lifecycle import By, Move, MoveRefused, Needs, State
from lingxiu.issues.models import Assignment, Issue, MoveRow
from lingxiu.issues.relations import relations
from lingxiu.issues.writing import Before, Brought
from lingxiu.journal.actions import record
from lingxiu.policy.queries import in_force

SHOP, PERSON = "shop", "person"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a shop was asked to show, and when."""

    words: str
    at: datetime


def may_ask(issue: Issue, user: User) -> bool:
    """Whether it waits for this person's re-check."""
    if issue.state != State.RECHECK:
        return False
    return By.CHECKER in relations(user.pk, user.authority, queries.situation(issue).held)


def may_ask_shop(issue: Issue) -> bool:
    """Whether the shop is known and told of it, and somebody answers for it here."""
    if issue.merchant_id is None or not issue.is_told_to_shop:
        return False
    owners = Bond.objects.filter(merchant_id=issue.merchant_id, kind=Bond.Kind.OWNER, ended_at=None)
    return owners.filter(user__is_active=True).exists()


def who_may_go(issue: Issue, at: datetime) -> list[User]:
    """Who may be sent: of its grid and its town's team, who is there and did not handle it in this round."""
    units = Unit.objects.filter(active=True, town=issue.town).exclude(town="")
    near = units.filter(kind=UnitKind.TOWN_TEAM) | units.filter(kind=UnitKind.GRID, grid=issue.grid)
    roles = [role.id for role in in_force().catalogues.roles if "issues.handle" in role.may]
    posts = Post.objects.filter(Post.held_at(at), unit__in=near, role__in=roles, user__is_active=True)
    handled = queries.situation(issue).held.handled_by
    people = {
        post.user_id: post.user for post in posts.select_related("user").order_by("unit__kind", "user__name", "pk")
    }
    away = deputies(people, at)
    return [user for pk, user in people.items() if pk not in handled and pk not in away]


def asked_of_shop(issue: Issue) -> Asked | None:
    """What the shop is asked to show and has not shown yet."""
    if issue.state != State.RECHECK:
        return None
    asked = None
    for row in queries.this_round(issue).order_by("version").only("move", "data", "words", "at"):
        if row.move in (Move.FEED_BACK, Move.CORRECT):
            asked = None
        elif row.data.get("look") == SHOP:
            asked = Asked(row.words, row.at)
    return asked


def look_of(issue: Issue, user: User) -> Assignment | None:
    """The look this person was sent for."""
    return issue.assignments.filter(part=Assignment.Part.CHECKING, person=user, ended_at=None).first()


def looks(issue: Issue) -> list[Assignment]:
    """Who was sent and is not back."""
    sent = issue.assignments.filter(part=Assignment.Part.CHECKING, ended_at=None).select_related("person", "unit")
    return list(sent.order_by("pk"))


def ask_shop(number: str, words: str, *, actor: User, at: datetime, submission: UUID) -> MoveRow:
    """Ask the shop for a picture taken now. Raises: MoveRefused, SomebodyWasFaster, Issue.DoesNotExist."""
    with transaction.atomic():
        issue = _to_recheck(number, actor, words)
        if not may_ask_shop(issue):
            raise MoveRefused(Move.NOTE, State(issue.state), "shop")
        row = _write(issue, actor, at, Brought(words=words), {"look": SHOP}, submission)
        record("issue.look_asked", "issue", number, at=row.at, actor_id=actor.pk, scope=writing.scope_of(issue))
    return row


def send(number: str, person: User, words: str, *, actor: User, at: datetime, submission: UUID) -> MoveRow:
    """Have a colleague look who did not handle it. Raises: MoveRefused, SomebodyWasFaster, Issue.DoesNotExist."""
    with transaction.atomic():
        issue = _to_recheck(number, actor, words)
        if person not in who_may_go(issue, at) or look_of(issue, person) is not None:
            raise MoveRefused(Move.NOTE, State(issue.state), "to_send")
        post = next(post for post in person.authority.posts_that_may("issues.handle") if post.town == issue.town)
        lead = writing.open_lead(issue)
        Assignment.objects.create(
            issue=issue, unit_id=post.unit_id, person=person, part=Assignment.Part.CHECKING, step=State.RECHECK,
            state=Assignment.State.ACCEPTED, given_at=at, due_at=lead.due_at, due_provisional=lead.due_provisional,
            in_working_hours=lead.in_working_hours,
        )  # fmt: skip
        row = _write(issue, actor, at, Brought(words=words), {"look": PERSON, "sent": person.name}, submission)
        said = {"people": [person.pk]}
        record(
            "issue.look_sent",
            "issue",
            number,
            at=row.at,
            actor_id=actor.pk,
            scope=writing.scope_of(issue),
            reference=said,
        )
    return row


def saw(number: str, brought: Brought, *, actor: User, at: datetime, submission: UUID) -> MoveRow:
    """What whoever was sent has seen, with a picture. Raises: MoveRefused, SomebodyWasFaster, Issue.DoesNotExist."""
    with transaction.atomic():
        issue = Issue.objects.select_for_update().get(number=number)
        look = look_of(issue, actor)
        for need, met in (
            ("person", look),
            (Needs.WORDS.value, brought.words.strip()),
            (Needs.EVIDENCE.value, brought.photos),
        ):
            if not met:
                raise MoveRefused(Move.NOTE, State(issue.state), need)
        assert look is not None  # refused above
        row = _write(issue, actor, at, brought, {"looked": look.pk}, submission)
        look.state, look.ended_at, look.words = Assignment.State.DONE, row.at, brought.words.strip()
        look.save(update_fields=["state", "ended_at", "words"])
        writing.tell_standing(issue.merchant_id, row.at, visited=True)
        record("issue.looked", "issue", number, at=row.at, actor_id=actor.pk, scope=writing.scope_of(issue))
    return row


def _to_recheck(number: str, actor: User, words: str) -> Issue:
    """Raises: MoveRefused for who does not re-check it, and for an issue that waits for none."""
    issue = Issue.objects.select_for_update().get(number=number)
    if issue.state != State.RECHECK:
        raise MoveRefused(Move.NOTE, State(issue.state), "state")
    if not may_ask(issue, actor):
        raise MoveRefused(Move.NOTE, State(issue.state), "person")
    if not words.strip():
        raise MoveRefused(Move.NOTE, State(issue.state), Needs.WORDS.value)
    return issue


def _write(
    issue: Issue, actor: User, at: datetime, brought: Brought, data: dict[str, object], submission: UUID
) -> MoveRow:
    before = Before.of(issue)
    at = writing.claim(issue, at)
    return writing.write(issue, Move.NOTE, actor, at, before=before, brought=brought, submission=submission, data=data)
