"""The working sheet: the list as a workbook in which three columns may be filled in, and what is read back from it, row by row.

Each row is a move of its own through `moving.move`, with the version that stood in the sheet: who was slower is told so in
that row. The dry run asks of each whether it would be made, and makes none. Never who reported something, never a private note.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import IO, Any
from uuid import UUID, uuid5

import xlsxwriter
from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, override
from django.utils.translation import gettext as _

from lingxiu.accounts.models import Unit, User
from lingxiu.issues import bulk, bulk_run, words
from lingxiu.issues.actions import moving
from lingxiu.issues.bulk_run import Json, Outcome, Progress, Row, Work
from lingxiu.issues.holding import handles_at
from lingxiu.issues.lifecycle import FOUND_TRUE, Move, Result, State
from lingxiu.issues.models import Issue, IssueQuerySet, ResultChoice
from lingxiu.issues.views import rows_of
from lingxiu.issues.whom import unit_and_person, whom_all
from lingxiu.issues.writing import Brought

Text = str | Promise
MOST_ROWS = 500
LANGUAGES = ("zh-hans", "en")

NUMBER, VERSION, TO, WORDS, RESULT, ERROR = "number", "version", "to", "words", "result", "error"
COLUMNS: tuple[tuple[str, Text, int], ...] = (
    (NUMBER, gettext_lazy("Number"), 16),
    (VERSION, gettext_lazy("Version"), 9),
    ("what", gettext_lazy("What"), 26),
    ("where", gettext_lazy("Merchant or place"), 26),
    ("state", gettext_lazy("State"), 10),
    ("holder", gettext_lazy("Held by"), 22),
    ("due", gettext_lazy("Due"), 17),
    (TO, gettext_lazy("Give to (unit, or unit · person)"), 26),
    (RESULT, gettext_lazy("What came of it"), 18),
    (WORDS, gettext_lazy("In a few words"), 40),
    (ERROR, gettext_lazy("Error"), 40),
)
FILLED_IN = (TO, RESULT, WORDS)


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it was sent: what people filled in, as text."""

    number: str
    version: str
    to: str = ""
    result: str = ""
    words: str = ""

    @property
    def is_filled_in(self) -> bool:
        return bool(self.to or self.result or self.words)


class SheetRefused(Exception):
    """A workbook that is no working sheet of ours. `why`: a key of `WHY_NO_SHEET`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


WHY_NO_SHEET: Mapping[str, Text] = {
    "heads": gettext_lazy("This is no working sheet: take the one of this page, and leave its first row as it is."),
    "empty": gettext_lazy("No row of it is filled in: write whom it goes to, what came of it, or a few words."),
    "many": gettext_lazy("More than 500 rows are filled in: send them in parts."),
}


class RowRefused(Exception):
    """A row that cannot be understood. `why`: a key of `_WHY`; `said`: what stands there."""

    def __init__(self, why: str, said: str = "") -> None:
        super().__init__(why)
        self.why, self.said = why, said


_WHY: Mapping[str, Text] = {
    "number": gettext_lazy("There is no such issue, or it is not yours to see."),
    "version": gettext_lazy("The version is missing: take the row from a new sheet."),
    "both": gettext_lazy("Give it to somebody, or say what came of it: one of the two in a row."),
    "unit": gettext_lazy("«%(said)s» is nobody this issue can be given to: choose from the list in the cell."),
    "several": gettext_lazy("«%(said)s» is several: choose from the list in the cell."),
    "result": gettext_lazy("«%(said)s» is no result: choose from the list in the cell."),
    "twice": gettext_lazy("This issue stands twice in the sheet: only its first row is taken."),
    "nobody": gettext_lazy(
        "It is with a unit, not with a person: enter what came of it on the issue's page, and who did it."
    ),
}


# ── out ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def write_sheet(issues: IssueQuerySet, now: datetime) -> IO[bytes]:
    """The open ones, the first due first, `MOST_ROWS` at most, with lists to choose from in the cells to be filled in."""
    rows = list(
        issues.open().select_related("merchant", "lead_unit", "lead_person").order_by("step_due_at", "id")[:MOST_ROWS]
    )
    file = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115 (closed by the response that sends it)
    versions = {issue.number: issue.version for issue in rows}
    _write(file, [{**_plain(row), VERSION: versions[str(row["number"])]} for row in rows_of(rows, now)], _whom(rows))
    return file


def write_errors(lines: Iterable[Line], outcomes: Iterable[Outcome], now: datetime, user: User) -> IO[bytes]:
    """The rows that were sent, as they were, with what is wrong in the last column: to be mended and sent again."""
    said = {one.number: one.words for one in outcomes if not one.done}
    file = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115 (closed by the response that sends it)
    sent = [line for line in lines if line.number in said]
    rows = Issue.objects.visible_to(user).filter(number__in=[line.number for line in sent])
    issues = list(rows.select_related("merchant", "lead_unit", "lead_person"))
    known = {str(row["number"]): _plain(row) for row in rows_of(issues, now)}
    _write(
        file, [{**known.get(line.number, {}), **asdict(line), ERROR: said[line.number]} for line in sent], _whom(issues)
    )
    return file


def _plain(row: Mapping[str, Any]) -> dict[str, object]:
    due = row["due"]["text"] if row["due"] else ""
    return {NUMBER: row["number"], "what": row["what"], "where": row["where"], "state": row["state_word"],
            "holder": row["holder"], "due": due}  # fmt: skip


def _whom(issues: Iterable[Issue]) -> list[str]:
    """Names as they may be written into the column of the unit."""
    groups = [group for _name, group in whom_all(issues) if isinstance(group, list)]
    return list(dict.fromkeys(str(name) for group in groups for _value, name in group))


def _write(file: IO[bytes], rows: list[dict[str, object]], whom: list[str]) -> None:
    book = xlsxwriter.Workbook(
        file, {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    sheet, lists = book.add_worksheet(_("Working sheet")), book.add_worksheet(_("Choices"))
    head = book.add_format({"bold": True, "bottom": 1, "text_wrap": True})
    filled = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "bg_color": "#FFF4CC"})
    wrong = book.add_format({"font_color": "#B42318", "text_wrap": True})
    for column, (name, title, width) in enumerate(COLUMNS):
        sheet.set_column(column, column, width, wrong if name == ERROR else None)
        sheet.write_string(0, column, str(title), filled if name in FILLED_IN else head)
        for number, row in enumerate(rows, start=1):
            if value := str(row.get(name, "")):
                sheet.write_string(number, column, value)
    sheet.freeze_panes(1, 1)
    _choices(sheet, lists, TO, 0, whom, len(rows))
    _choices(sheet, lists, RESULT, 1, [str(ResultChoice(one.value).label) for one in FOUND_TRUE], len(rows))
    book.close()
    file.seek(0)


def _choices(sheet: Any, lists: Any, name: str, place: int, choices: list[str], rows: int) -> None:
    """A list to choose from in every cell of a column; kept on the second sheet, for a cell's own may not be long."""
    for number, choice in enumerate(choices):
        lists.write_string(number, place, choice)
    if not choices or not rows:
        return
    column = next(number for number, (one, _title, _width) in enumerate(COLUMNS) if one == name)
    letter = "AB"[place]
    source = f"='{lists.get_name()}'!${letter}$1:${letter}${len(choices)}"
    sheet.data_validation(1, column, rows, column, {"validate": "list", "source": source, "error_type": "warning"})


# ── in ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def read(rows: list[list[str]]) -> list[Line]:
    """The rows of a workbook that somebody filled in, by the titles of its columns in either language. Raises: SheetRefused."""
    places = _places(rows[0] if rows else [])
    lines = [
        Line(**{name: row[at].strip()[:2000] if at < len(row) else "" for name, at in places.items()})
        for row in rows[1:]
    ]
    found = [line for line in lines if line.is_filled_in]
    if not found:
        raise SheetRefused("empty")
    if len(found) > MOST_ROWS:
        raise SheetRefused("many")
    return found


def _places(heads: list[str]) -> dict[str, int]:
    """Where each column we read stands. Raises: SheetRefused."""
    found: dict[str, int] = {}
    for language in LANGUAGES:
        with override(language):
            for name, title, _width in COLUMNS:
                if name in (NUMBER, VERSION, *FILLED_IN) and str(title) in heads:
                    found[name] = heads.index(str(title))
    if set(found) != {NUMBER, VERSION, *FILLED_IN}:
        raise SheetRefused("heads")
    return found


def dry_run(lines: Iterable[Line], *, actor: User) -> list[Outcome]:
    """What each row would come to; none is made. Everything that may refuse these moves is asked before they are made, so that
    carried out they come to the same (a test does both). A few statements a row: what rows have in common is read once."""
    rows, whom = _with_repeats(lines), Whom()
    seen = Issue.objects.visible_to(actor).select_related("lead_unit", "lead_person").defer("routing_why")
    issues = {issue.number: issue for issue in seen.filter(number__in={line.number for line, _again in rows})}
    return [_outcome(line, again, lambda line=line: _would(line, issues, actor, whom)) for line, again in rows]  # type: ignore[misc]  # a default binds it


def carry_out(lines: Iterable[Line], *, actor: User, at: datetime, submission: UUID) -> Progress:
    """Each row by itself, as many as a request has time for; sent twice it is done once. Raises: SubmissionReused."""
    rows = [{**asdict(line), "again": again} for line, again in _with_repeats(lines)]
    work = Work(submission, "sheet", {}, rows, actor.pk, get_language() or "zh-hans")
    return bulk_run.begin(work, doing, at=at)


def doing(work: Work, actor: User) -> Row:
    """How the rows of a sheet are done."""

    def one(kept: Json, at: datetime) -> Outcome:
        line = Line(**{name: value for name, value in kept.items() if name != "again"})
        own = uuid5(work.submission, line.number)
        return _outcome(line, kept["again"], lambda: _move(line, actor, at, own))

    return one


def _with_repeats(lines: Iterable[Line]) -> list[tuple[Line, bool]]:
    """Each line, and whether its issue stood in an earlier one."""
    seen: set[str] = set()
    found = []
    for line in lines:
        found.append((line, line.number in seen))
        seen.add(line.number)
    return found


def _outcome(line: Line, again: bool, do: Callable[[], str]) -> Outcome:
    """What came of a row, in words: those of what was done, or why it was not."""
    try:
        if again:
            raise RowRefused("twice")
        return Outcome(line.number, True, do())
    except RowRefused as refused:
        return Outcome(line.number, False, str(_WHY[refused.why]) % {"said": refused.said})
    except Exception as error:
        return Outcome(line.number, False, bulk.why_not(error))


def _would(line: Line, issues: Mapping[str, Issue], actor: User, whom: Whom) -> str:
    """Raises: RowRefused, and what `moving.rehearse` raises."""
    issue = _there(line, issues.get(line.number))
    what, brought = _meant(line, issue, actor, whom)
    moving.rehearse(issue, what, actor=actor, brought=brought, seen=int(line.version))
    return str(words.MOVES[what].made)


def _move(line: Line, actor: User, at: datetime, own: UUID) -> str:
    """Raises: RowRefused, and what `moving.move` raises."""
    rows = Issue.objects.visible_to(actor).select_related("lead_unit", "lead_person")
    with transaction.atomic():
        issue = _there(line, rows.filter(number=line.number).first())
        what, brought = _meant(line, issue, actor, Whom())
        made = moving.move(
            issue.number, what, actor=actor, at=at, brought=brought, seen=int(line.version), submission=own
        )
    return bulk.said(made)


def _there(line: Line, issue: Issue | None) -> Issue:
    """Raises: RowRefused."""
    if issue is None:
        raise RowRefused("number")
    if not (line.version.isascii() and line.version.isdigit() and len(line.version) < 9):
        raise RowRefused("version")
    return issue


def _meant(line: Line, issue: Issue, actor: User, whom: Whom) -> tuple[Move, Brought]:
    """The move a row asks for: giving it to somebody, feeding back, or a note. Raises: RowRefused."""
    if line.to and line.result:
        raise RowRefused("both")
    if line.to:
        unit, person = whom.called(line.to, issue)
        what = Move.DISPATCH if issue.state in (State.PREDICTED, State.RECEIVED) else Move.TRANSFER
        return what, Brought(words=line.words, unit=unit, person=person)
    if line.result:
        return Move.FEED_BACK, Brought(words=line.words, result=_result(line.result), on_behalf_of=_doer(issue, actor))
    return Move.NOTE, Brought(words=line.words)


class Whom:
    """Whom the words of rows mean: read once for all issues of a level and a town."""

    def __init__(self) -> None:
        self._named: dict[tuple[str, str], dict[str, list[str]]] = {}
        self._meant: dict[str, tuple[Unit | None, User | None]] = {}

    def called(self, name: str, issue: Issue) -> tuple[Unit | None, User | None]:
        """Unit and person, among those this issue can be given to. Raises: RowRefused."""
        place = (issue.level, issue.town)
        if place not in self._named:
            self._named[place] = self._names(issue)
        found = self._named[place].get(name, [])
        if len(found) != 1:
            raise RowRefused("several" if found else "unit", name)
        if found[0] not in self._meant:
            self._meant[found[0]] = unit_and_person(found[0])
        return self._meant[found[0]]

    @staticmethod
    def _names(issue: Issue) -> dict[str, list[str]]:
        names: dict[str, list[str]] = {}
        for _name, group in whom_all([issue]):
            for value, text in group if isinstance(group, list) else []:
                names.setdefault(str(text), []).append(value)
        return names


def _result(text: str) -> Result:
    """Raises: RowRefused."""
    for language in (get_language() or LANGUAGES[0], *LANGUAGES):
        with override(language):
            for one in FOUND_TRUE:
                if text == str(ResultChoice(one.value).label):
                    return one
    raise RowRefused("result", text)


def _doer(issue: Issue, actor: User) -> User | None:
    """In whose name: one's own where one may handle it, else of the person who has it (代办). Raises: RowRefused."""
    if issue.lead_unit is None or handles_at(actor, issue.lead_unit):
        return None
    if issue.lead_person is None:
        raise RowRefused("nobody")
    return issue.lead_person


def local_name(now: datetime) -> str:
    """A file name that says when."""
    return f"sheet-{timezone.localtime(now):%Y%m%d-%H%M}.xlsx"
