"""The morning's figures: what came in, ended, is late or due, waits for a decision. Each is the count of the list it opens.

Reads only; counts nothing that the list does not show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from lingxiu.accounts.models import User
from lingxiu.issues import writing
from lingxiu.issues.filters import Filter
from lingxiu.issues.matching import matching
from lingxiu.issues.models import Assignment, Issue
from lingxiu.issues.paging import Total, total

Text = str | Promise
END_OF_WORK = time(17)
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, in words, with the address of the list behind it."""

    label: Text
    count: Total | int
    url: str
    icon: str
    tone: str


_others: list[Callable[[User, datetime, datetime], list[Figure]]] = []


def also(figures_of: Callable[[User, datetime, datetime], list[Figure]]) -> None:
    """A room above registers, in its `ready()`, what else the morning shows: `figures_of(user, since, now)`."""
    _others.append(figures_of)


def last_end_of_work(now: datetime) -> datetime:
    """17:00 in the county on the working day before today: what happened since then, nobody has read yet in the morning."""
    local, calendar = timezone.localtime(now), writing.calendar()
    day = local.date() - A_DAY
    while not calendar.is_working_day(day).working:
        day -= A_DAY
    return datetime.combine(day, END_OF_WORK, local.tzinfo)


def figures(user: User, now: datetime) -> list[Figure]:
    """Today's, of all this person sees; one query a figure."""
    since = last_end_of_work(now)
    asked: list[tuple[Text, Filter, str, str]] = [
        (_("New since then"), Filter(event="came_in", after=since), "inbox", "received"),
        (_("Ended since then"), Filter(event="ended", after=since), "circle-check", "closed"),
        (_("Late"), Filter(late=True), "clock", "late"),
        (_("Due today"), Filter(due_today=True), "calendar-due", "soon"),
        (_("More time asked for"), Filter(waits="extension"), "clock", "warning"),
        (_("Objections to settle"), Filter(waits="objection"), "gavel", "warning"),
        (_("Objections to reply to"), Filter(waits="reply"), "message-circle", "warning"),
        (_("Supervised, not answered"), Filter(waits="supervised"), "eye", "warning"),
        (_("Opened again by reporters"), Filter(event="reopened", after=since), "history", "warning"),
        (_("Alarms that came in"), Filter(event="came_in", after=since, source="alarm"), "bell-ringing", "alarm"),
    ]
    own = [_figure(label, wanted, icon, tone, user, now) for label, wanted, icon, tone in asked]
    return own + [figure for figures_of in _others for figure in figures_of(user, since, now)]


def decisions(issues: Sequence[Issue]) -> dict[int, list[Text]]:
    """What each of these waits for to be decided, by its id; one query for all."""
    objected = set(
        Assignment.objects.filter(issue__in=issues, outcome=Assignment.Outcome.OBJECTED).values_list(
            "issue_id", flat=True
        )
    )
    return {issue.pk: [words for words, waits in _waits_for(issue, issue.pk in objected) if waits] for issue in issues}


def _waits_for(issue: Issue, objected: bool) -> list[tuple[Text, bool]]:
    days = issue.extension_asked_days or 0
    more = ngettext("%(days)s working day more: give or refuse", "%(days)s working days more: give or refuse", days)
    return [
        (more % {"days": days}, bool(days)),
        (_("an objection: settle it"), objected),
        (_("a leader's question: answer it"), issue.supervised_at is not None),
    ]


def _figure(label: Text, wanted: Filter, icon: str, tone: str, user: User, now: datetime) -> Figure:
    count = total(matching(wanted, user, now))
    return Figure(label, count, f"/issues/?{wanted.but()}", icon, tone if count.number else "neutral")
