"""The list as an Excel sheet: the same filter, the same sight. Never who reported something."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import datetime
from typing import IO

import xlsxwriter
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from lingxiu.issues import elsewhere, resting
from lingxiu.issues.holders import holder, stood_in_for
from lingxiu.issues.models import FlowChoice, Issue, IssueQuerySet, LevelChoice, ResultChoice, Source, StateChoice
from lingxiu.policy.queries import in_force
from lingxiu.territory.queries import town_names

MOST_ROWS = 20_000
COLUMNS = [
    (_("Number"), 15), (_("What"), 30), (_("Summary"), 40), (_("Merchant"), 24), (_("Place"), 28), (_("Town"), 12),
    (_("State"), 10), (_("Handling level"), 10), (_("Flow"), 8), (_("Source"), 14), (_("Held by"), 22), (_("Reported"), 17),
    (_("Due"), 17), (_("Late"), 6), (_("Ended"), 17), (_("Result"), 20), (_("Found true"), 10),
    (_("Other system"), 18), (_("Number there"), 22),
]  # fmt: skip


def write_sheet(issues: IssueQuerySet, now: datetime) -> IO[bytes]:
    """The rows, newest first, as a workbook in a temporary file that goes when it is closed.

    At most `MOST_ROWS`: if there are more, the sheet says so in its first line.
    """
    file = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115 (closed by the response that sends it)
    book = xlsxwriter.Workbook(file, {"constant_memory": True, "remove_timezone": True, "strings_to_formulas": False,
                                      "strings_to_urls": False})  # fmt: skip
    sheet = book.add_worksheet(gettext("Issues"))
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True})
    time = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    found = issues.select_related("merchant", "lead_unit", "lead_person").order_by("-reported_at", "-id")
    rows = found.only(
        "number", "violation", "summary", "merchant__name", "place", "town", "state", "level", "flow", "source",
        "lead_unit__name", "lead_person__name", "reported_at", "due_at", "step_due_at", "closed_at", "result", "found_true",
        "other_system", "other_number",
    )[: MOST_ROWS + 1]  # fmt: skip
    sheet.write_string(0, 0, _told(issues, now))
    for column, (title, width) in enumerate(COLUMNS):
        sheet.set_column(column, column, width)
        sheet.write_string(1, column, str(title), head)
    sheet.freeze_panes(2, 1)
    words = _Words()
    for number, issue in enumerate(rows.iterator(chunk_size=2000)):
        if number == MOST_ROWS:
            break
        for column, value in enumerate(words.cells(issue, now)):
            if isinstance(value, datetime):
                sheet.write_datetime(number + 2, column, timezone.localtime(value), time)
            elif value:
                sheet.write_string(number + 2, column, value)
    book.close()
    file.seek(0)
    return file


def _told(issues: IssueQuerySet, now: datetime) -> str:
    """The first line: when it was made, and whether it is all."""
    made = timezone.localtime(now).strftime("%Y-%m-%d %H:%M")
    count = issues.order_by()[: MOST_ROWS + 1].count()
    if count > MOST_ROWS:
        return gettext("As of %(time)s. Only the newest %(rows)s: narrow the filter to get the others.") % {
            "time": made,
            "rows": f"{MOST_ROWS:,}",
        }
    return gettext("As of %(time)s. %(rows)s issues.") % {"time": made, "rows": f"{count:,}"}


def cells_in_words() -> Callable[[Issue, datetime], list[str | datetime | None]]:
    """The cells of a row, in the order of COLUMNS and in the reader's language."""
    return _Words().cells


class _Words:
    """Labels of catalogues and areas, and who stands in for whom, looked up once for all rows."""

    def __init__(self) -> None:
        language = get_language() or "zh-hans"
        self.violations = {row.id: row.label.text(language) for row in in_force().catalogues.violations}
        self.towns = town_names()
        choices = (StateChoice, LevelChoice, FlowChoice, Source, ResultChoice)
        self.choices = [{value: str(label) for value, label in choice.choices} for choice in choices]
        self.truth = {True: gettext("yes"), False: gettext("no"), None: ""}
        self.late = gettext("late")
        self.systems = dict(elsewhere.systems(language))
        self.away = stood_in_for()

    def cells(self, issue: Issue, now: datetime) -> list[str | datetime | None]:
        """The cells of a row, in the order of COLUMNS."""
        states, levels, flows, sources, results = self.choices
        late = resting.is_late(issue, now)
        return [
            issue.number, self.violations.get(issue.violation, issue.violation), issue.summary,
            issue.merchant.name if issue.merchant else "", issue.place, self.towns.get(issue.town, issue.town),
            states[issue.state], levels[issue.level], flows[issue.flow], sources[issue.source], holder(issue, self.away),
            issue.reported_at, issue.due_at, self.late if late else "", issue.closed_at, results.get(issue.result, ""),
            self.truth[issue.found_true], self.systems.get(issue.other_system, issue.other_system), issue.other_number,
        ]  # fmt: skip
