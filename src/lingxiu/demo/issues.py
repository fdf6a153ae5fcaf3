"""Write the demo's issues: what came in, who had it, every move, what people reported and were told, which pictures are whose."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial

from lingxiu.demo.bulk import copy
from lingxiu.demo.desk import Record, number_reports
from lingxiu.files.models import FileUse, StoredFile
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Inspection, Issue, IssueNumber, MoveRow, Report, Signature
from lingxiu.issues.writing import JOURNAL, scope_of
from lingxiu.journal.actions import Scope, record
from lingxiu.sensing.models import Alarm

LAST_EVENTS = timedelta(hours=24)


def write_issues(records: Sequence[Record]) -> None:
    """Write everything, in the order in which one row points to another."""
    _write_issues([one.issue for one in records])
    reports = [report for one in records for report in one.reports if report.issue is one.issue]
    Report.objects.bulk_create(reports, batch_size=500)
    number_reports(records)
    copy([row for one in records for row in one.assignments])
    copy([row for one in records for row in one.moves])
    Inspection.objects.bulk_create([row for one in records for row in one.inspections], batch_size=500)
    Signature.objects.bulk_create([row for one in records for row in _signatures(one.inspections)], batch_size=1000)
    IssueNumber.objects.bulk_create(_last_numbers(records))
    copy(_uses(records, reports))


def _write_issues(issues: Sequence[Issue]) -> None:
    """Those that were joined to another after it."""
    now = [issue for issue in issues if issue.joined_into is None or issue.joined_into.pk]
    later = [issue for issue in issues if issue.joined_into is not None and not issue.joined_into.pk]
    Issue.objects.bulk_create(now, batch_size=500)
    if later:
        _write_issues(later)


def _signatures(made: Iterable[Inspection]) -> Iterator[Signature]:
    """Both officers', of what they wrote."""
    for one in made:
        for officer in one.officer_ids:
            yield Signature(
                inspection=one, officer_id=officer, version=1, text=one.text(), text_sha256=one.text_sha256,
                verdict=Signature.Verdict.SIGNED, at=one.recorded_at,
            )  # fmt: skip


def _last_numbers(records: Sequence[Record]) -> list[IssueNumber]:
    last: dict[date, int] = {}
    for one in records:
        number = one.issue.number
        day = date.fromisoformat(number[:8])
        last[day] = max(last.get(day, 0), int(number[8:]))
    return [IssueNumber(day=day, last=number) for day, number in last.items()]


def _uses(records: Sequence[Record], reports: Sequence[Report]) -> list[FileUse]:
    files = {file.sha256: file for file in StoredFile.objects.all()}
    of_issues = {(sha, one.issue.number) for one in records for row in one.moves for sha in row.photos}
    of_reports = {(sha, str(report.pk)) for report in reports for sha in report.photos}
    used = [("issue", sorted(of_issues)), ("report", sorted(of_reports))]
    return [
        FileUse(file=files[sha], subject_kind=kind, subject_id=subject)
        for kind, pairs in used
        for sha, subject in pairs
    ]


def write_last_events(records: Sequence[Record], alarms: Sequence[Alarm], at: datetime) -> None:
    """The moves and alarms of the last day into the journal, so that live pages have something to begin with."""
    since = at - LAST_EVENTS
    moves = [row for one in records for row in one.moves if row.at > since]
    raised = [alarm for alarm in alarms if alarm.noticed_at > since]
    told: list[tuple[datetime, Callable[[], object]]] = [(row.at, partial(_tell_move, row)) for row in moves]
    told += [(alarm.noticed_at, partial(_tell_alarm, alarm)) for alarm in raised]
    for _, tell in sorted(told, key=lambda one: one[0]):
        tell()


def _tell_move(row: MoveRow) -> None:
    issue = row.issue
    record(
        JOURNAL[Move(row.move)],
        "issue",
        issue.number,
        at=row.at,
        actor_id=row.actor.pk if row.actor else None,
        scope=replace(scope_of(issue), unit_id=row.to_unit.pk if row.to_unit else None),
        reference={"version": row.version, "state": row.to_state, "level": row.to_level, "flow": issue.flow},
    )


def _tell_alarm(alarm: Alarm) -> None:
    merchant = alarm.device.merchant
    record(
        "alarm.raised",
        "alarm",
        alarm.pk,
        at=alarm.noticed_at,
        scope=Scope(town=merchant.town, grid=merchant.grid, merchant_id=merchant.pk),
        reference={"code": alarm.code, "device": alarm.device.mn},
    )
