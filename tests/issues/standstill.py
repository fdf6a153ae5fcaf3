"""Deadlines that pass while nobody looks: made in bulk, and what ought to have happened by the catalogue alone.

For tests and for `benchmarks/walks.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from lingxiu.accounts.models import Unit
from lingxiu.issues.models import Assignment, Issue, MoveRow, Reminder
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True)
class Kind:
    """Who has it, and how long their step's time and the share of it are that passes at a chosen moment."""

    level: str
    state: str
    unit: Unit
    time: timedelta
    share: float


@transaction.atomic
def make(
    count: int, down: datetime, *, grid: Unit, town: Unit, ecology: Unit, merchant: Merchant, first: int
) -> dict[int, Kind]:
    """So many open issues, of each of which a share of the step's time passes within the day after `down`, evenly.

    A third is late, a third so late that the town gains it, a third is the town's own. Numbers count on from `first`.
    """
    kinds = (
        Kind("grid", "handling", grid, 30 * HOUR, 1.0),
        Kind("grid", "dispatched", grid, 26 * HOUR, 2.0),
        Kind("town", "received", town, 10 * HOUR, 1.0),
    )
    of = [kinds[n % 3] for n in range(count)]
    passes = [down + DAY * (n + 1) / (count + 1) for n in range(count)]
    issues = Issue.objects.bulk_create(
        Issue(
            number=f"20260101{first + n:05}", state=kind.state, level=kind.level, source="grid_member", violation="D-BIN",
            violation_kind="finding", severity=1, responsible=ecology.code, merchant=merchant, town=merchant.town,
            grid=merchant.grid, lng=merchant.lng, lat=merchant.lat, summary="桶没有盖", act_at=down, reported_at=down,
            clock_from=_given(kind, at), due_at=at + 20 * DAY, step_due_at=_given(kind, at) + kind.time, lead_unit=kind.unit,
            edition=in_force().id, routing_rule="R-70-GRID", moved_at=_given(kind, at),
        )
        for n, (kind, at) in enumerate(zip(of, passes, strict=True))
    )  # fmt: skip
    Assignment.objects.bulk_create(
        Assignment(
            issue=issue, unit=kind.unit, step=kind.state, given_at=_given(kind, at), due_at=_given(kind, at) + kind.time,
            state="accepted",
        )
        for issue, kind, at in zip(issues, of, passes, strict=True)
    )  # fmt: skip
    MoveRow.objects.bulk_create(
        MoveRow(
            issue=issue, version=0, move="report", to_state=kind.state, to_level=kind.level, to_unit=kind.unit,
            at=_given(kind, at),
        )
        for issue, kind, at in zip(issues, of, passes, strict=True)
    )  # fmt: skip
    return {issue.pk: kind for issue, kind in zip(issues, of, strict=True)}


def _given(kind: Kind, passes: datetime) -> datetime:
    return passes - kind.share * kind.time


def ought(made: dict[int, Kind], since: datetime, until: datetime) -> set[tuple[int, str]]:
    """Which rules' shares of the step's clock pass after `since` and until `until`: issue and rule."""
    rules = [rule for rule in in_force().catalogues.escalation if rule.clock == "step"]
    found = set()
    for pk, given_at, due_at in Assignment.objects.filter(issue__in=made).values_list("issue", "given_at", "due_at"):
        kind = made[pk]
        for rule in rules:
            passes = given_at + (due_at - given_at) * rule.share
            fits = kind.level in rule.levels and (not rule.states or kind.state in rule.states)
            if fits and since < passes <= until:
                found.add((pk, rule.id))
    return found


def disorder(made: dict[int, Kind], expected: set[tuple[int, str]], at: datetime) -> list[str]:
    """What did not happen as it ought to in the follow-up at `at`: missing, doubled, out of order, raised other than once."""
    reminders = list(Reminder.objects.filter(issue__in=made, at=at).order_by("id"))
    done = [(row.issue_id, row.rule) for row in reminders]
    numbers = dict(Issue.objects.filter(pk__in=made).values_list("number", "pk"))
    entries = Entry.objects.filter(kind="issue.warned", at=at, subject_id__in=numbers).order_by("id")
    written = [(numbers[row.subject_id], row.reference["rule"]) for row in entries]
    raised = list(MoveRow.objects.filter(issue__in=made, move="escalate", at=at).values_list("issue_id", flat=True))
    passed = [row.passed_at for row in reminders]
    holds = {
        f"followed {len(done)}, expected {len(expected)}": len(done) == len(expected) and set(done) == expected,
        "the journal tells it otherwise, or in another order": written == done,
        "not in the order in which the times passed": passed == sorted(passed),
        "raised other than once": sorted(raised) == sorted(pk for pk, rule in expected if rule == "E-STEP-GRID-UP"),
        "raised in another order": [pk for pk, rule in done if rule == "E-STEP-GRID-UP"]
        == list(
            MoveRow.objects.filter(issue__in=made, move="escalate", at=at)
            .order_by("id")
            .values_list("issue_id", flat=True)
        ),
        "who gained it is not its town": not Issue.objects.filter(pk__in=raised).exclude(level="town").exists(),
    }
    return [what for what, so in holds.items() if not so]
