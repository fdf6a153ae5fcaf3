"""@姓名 in a note: which colleagues are meant. Only people who may open the issue can be named; nobody else hears of it."""

from __future__ import annotations

import re

from django.utils import timezone

from lingxiu.accounts.models import Post, Unit, User
from lingxiu.issues.models import Issue
from lingxiu.policy.queries import in_force

MOST_SUGGESTED = 80
_AT = re.compile(r"(?<![0-9A-Za-z._%+-])[@＠]\s?([^\s@＠]{1,20})")
_ENDS = re.compile(r"[\s,.;:!?，。；：！？、()（）<>《》“”\"']")


class UnknownNames(Exception):
    """Names after an @ that are nobody's who may open the issue. `names`: as they were written."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


def named(issue: Issue, words: str) -> tuple[User, ...]:
    """The people named in these words, each once, in that order. Where a name runs on into the sentence, the longest that fits.

    Raises: UnknownNames.
    """
    found: dict[int, User] = {}
    unknown: list[str] = []
    for match in _AT.finditer(words):
        written = _ENDS.split(match[1])[0]
        people = _called(issue, written)
        found.update({person.pk: person for person in people})
        if not people:
            unknown.append(written or match[1])
    if unknown:
        raise UnknownNames(unknown)
    return tuple(found.values())


def _called(issue: Issue, written: str) -> list[User]:
    """Who has the longest name these characters begin with, as far as they may open the issue."""
    beginnings = [written[:length] for length in range(2, len(written) + 1)]
    people = list(User.objects.filter(name__in=beginnings, is_active=True).order_by("pk"))
    longest = max((len(person.name) for person in people), default=0)
    return [person for person in people if len(person.name) == longest and _may_open(person, issue)]


def _may_open(person: User, issue: Issue) -> bool:
    return person.authority.is_officer and Issue.objects.visible_to(person).filter(pk=issue.pk).exists()


def suggested(issue: Issue, user: User) -> list[str]:
    """Names of colleagues around this issue: of units that have or had it, its town's and the county's; not one's own."""
    officers = [role.id for role in in_force().catalogues.roles if role.officer]
    units = Unit.objects.filter(pk__in=issue.assignments.values("unit_id"))
    units |= Unit.objects.filter(town=issue.town).exclude(town="") | Unit.objects.filter(kind="county_office")
    posts = Post.objects.filter(
        Post.held_at(timezone.now()), unit__in=units.values("pk"), role__in=officers, user__is_active=True
    )
    names = posts.exclude(user=user).order_by("user__name").values_list("user__name", flat=True).distinct()
    return list(names[:MOST_SUGGESTED])
