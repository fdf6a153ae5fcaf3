"""What the worker does for the list: clocks followed, and set again when a year's holidays are published; codes of inspections
asked for, signatures
reminded of; rounds and items of orders told of in the morning; orders for many gone on with; senders forgotten."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone
from procrastinate.contrib.django import app

from lingxiu.issues import bulk, bulk_run, sheet
from lingxiu.issues.actions.clocks_again import recompute_deadlines
from lingxiu.issues.covering import change_shifts, cover_absent
from lingxiu.issues.inspections import ask_for_codes
from lingxiu.issues.joint_changes import cover_seats
from lingxiu.issues.joint_today import tell_of_today
from lingxiu.issues.models import PublicPost
from lingxiu.issues.order_today import tell_of_orders
from lingxiu.issues.overdue import follow_up, resume_rested
from lingxiu.issues.signing_late import follow_unsigned
from lingxiu.journal.models import Entry
from lingxiu.journal.queries import follow
from lingxiu.policy.queries import forget, in_force

READER = "issues.deadlines"
SENDERS_KEPT = timedelta(days=7)
DOING = {"order": bulk.doing, "sheet": sheet.doing}


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="issues.set_clocks_again", lock="issues.set_clocks_again", pass_context=False)
def set_clocks_again(timestamp: int) -> None:
    """Every minute; may run twice."""
    follow_policy(timezone.now())


def follow_policy(at: datetime) -> int:
    """After an edition was loaded, set the clocks again that reach into years it knows. Returns how many changed."""
    changed = 0

    def look(entries: list[Entry]) -> None:
        nonlocal changed
        if any(entry.kind == "policy.loaded" for entry in entries):
            forget()  # the edition of the entry, not the one this process remembers
            years = in_force().catalogues.calendar
            changed += recompute_deadlines(min(years), at=at) if years else 0

    while follow(READER, look):
        pass
    return changed


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="issues.time", lock="issues.time", pass_context=False)
def follow_the_clocks(timestamp: int) -> None:
    """Every minute; may run twice, and after any standstill does what is outstanding, in order."""
    at = timezone.now()
    resume_rested(at)
    cover_absent(at)
    change_shifts(at)
    follow_up(at)


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="issues.act_codes", lock="issues.act_codes", pass_context=False)
def ask_for_act_codes(timestamp: int) -> None:
    """Every minute; may run twice. What was refused or not answered is asked for again."""
    ask_for_codes(timezone.now())


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="issues.unsigned", lock="issues.unsigned", pass_context=False)
def follow_signatures(timestamp: int) -> None:
    """Every minute; may run twice, and reminds of a paper that is not signed once."""
    follow_unsigned(timezone.now())


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="issues.rounds_today", lock="issues.rounds_today", pass_context=False)
def tell_of_rounds(timestamp: int) -> None:
    """Every minute; may run twice: who is away that day is stood in for, and of a round of today is told once."""
    at = timezone.now()
    cover_seats(at)
    tell_of_today(at)


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="issues.orders_today", lock="issues.orders_today", pass_context=False)
def tell_of_due_orders(timestamp: int) -> None:
    """Every minute; may run twice, and tells of a date once."""
    tell_of_orders(timezone.now())


@app.task(name=bulk_run.GO_ON, pass_context=False)
def go_on_with_many(submission: str) -> None:
    """What a request had no time for of an order for many. May run twice."""
    asked = UUID(submission)
    bulk_run.go_on(asked, DOING[bulk_run.work_of(asked).kind], timezone.now)


@app.periodic(cron="40 3 * * *")
@app.task(queueing_lock="issues.forget_senders", lock="issues.forget_senders", pass_context=False)
def forget_senders(timestamp: int) -> None:
    """Once a night; may run twice."""
    forget_old_senders(timezone.now())


def forget_old_senders(at: datetime) -> int:
    """Who sent public forms is needed for a day; a week later nothing of it is left. Returns how many rows went."""
    rows, _by_model = PublicPost.objects.filter(day__lt=timezone.localtime(at - SENDERS_KEPT).date()).delete()
    return rows
