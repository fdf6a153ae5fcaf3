"""Write the demo's issues: what came in, who had it, every move, what people reported and were told, which pictures are whose."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from lingxiu.demo.bulk import copy
from lingxiu.demo.desk import Record, number_reports
from lingxiu.files.models import FileUse, StoredFile
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue, IssueNumber, Report
from lingxiu.issues.writing import JOURNAL
from lingxiu.journal import actions as journal
from lingxiu.journal.actions import Scope

JOURNAL_HOURS = timedelta(hours=24)


def write_issues(records: Sequence[Record], at: datetime) -> None:
    """Write everything, in the order in which one row points to another."""
    _write_issues([record.issue for record in records])
    reports = [report for record in records for report in record.reports if report.issue is record.issue]
    Report.objects.bulk_create(reports, batch_size=500)
    number_reports(records)
    copy([row for record in records for row in record.assignments])
    copy([row for record in records for row in record.moves])
    IssueNumber.objects.bulk_create(_last_numbers(records))
    copy(_uses(records, reports))
    _journal(records, at)


def _write_issues(issues: Sequence[Issue]) -> None:
    """Those that were joined to another after it."""
    now = [issue for issue in issues if issue.joined_into is None or issue.joined_into.pk]
    later = [issue for issue in issues if issue.joined_into is not None and not issue.joined_into.pk]
    Issue.objects.bulk_create(now, batch_size=500)
    if later:
        _write_issues(later)


def _last_numbers(records: Sequence[Record]) -> list[IssueNumber]:
    last: dict[date, int] = {}
    for record in records:
        number = record.issue.number
        day = date.fromisoformat(number[:8])
        last[day] = max(last.get(day, 0), int(number[8:]))
    return [IssueNumber(day=day, last=number) for day, number in last.items()]


def _uses(records: Sequence[Record], reports: Sequence[Report]) -> list[FileUse]:
    files = {file.sha256: file for file in StoredFile.objects.all()}
    of_issues = {(sha, record.issue.number) for record in records for row in record.moves for sha in row.photos}
    of_reports = {(sha, str(report.pk)) for report in reports for sha in report.photos}
    used = [("issue", sorted(of_issues)), ("report", sorted(of_reports))]
    return [
        FileUse(file=files[sha], subject_kind=kind, subject_id=subject)
        for kind, pairs in used
        for sha, subject in pairs
    ]


def _journal(records: Sequence[Record], at: datetime) -> None:
    """The last events, so that live pages have some to begin with."""
    recent = [row for record in records for row in record.moves if row.at > at - JOURNAL_HOURS]
    for row in sorted(recent, key=lambda row: row.at):
        issue = row.issue
        journal.record(
            JOURNAL[Move(row.move)], "issue", issue.number, at=row.at, actor_id=row.actor.pk if row.actor else None,
            scope=Scope(
                town=issue.town, grid=issue.grid, unit_id=row.to_unit.pk if row.to_unit else None,
                merchant_id=issue.merchant_id,
            ),
            reference={"version": row.version, "state": row.to_state, "level": row.to_level, "flow": issue.flow},
        )  # fmt: skip
