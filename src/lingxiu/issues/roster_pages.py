"""`/issues/roster/`, `/issues/roster/duty/`: who is away, and who is on duty, from a list; for who dispatches; looked at first, then
written down. Thin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, time
from typing import Any, Generic

from django.core import signing
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from lingxiu.accounts.models import User
from lingxiu.issues import duty_roster, roster
from lingxiu.issues.roster import Outcome, RosterRefused, Row
from lingxiu.issues.views import officer, submission_of
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.merchants.sheets import Cells, FileRefused, rows_of
from lingxiu.policy.queries import in_force

MOST_BYTES = 5 * 1024 * 1024
SALT = "lingxiu.issues.roster"
GOOD_FOR_S = 3600


@require_http_methods(["GET", "HEAD", "POST"])
def roster_import(request: HttpRequest) -> HttpResponse:
    """`/issues/roster/`: send a list and see what it would do; `do=enter` writes down what was shown."""
    return _answer(request, LEAVE)


@require_http_methods(["GET", "HEAD", "POST"])
def duty_import(request: HttpRequest) -> HttpResponse:
    """`/issues/roster/duty/`: the same of the duty roster."""
    return _answer(request, DUTY)


@dataclass(frozen=True)
class Kind(Generic[Row]):
    """A kind of list: how it is read and entered, and where its page comes from and is."""

    name: str
    template: str
    line: Callable[..., Row]
    read: Callable[[list[Cells]], list[Row]]
    enter: Callable[[list[Row], User, datetime, bool], list[Outcome[Row]]]
    headings: Callable[[], list[str]]


LEAVE = Kind(
    "leave", "issues/roster.html", roster.Line, roster.read,
    lambda lines, by, at, only_try: roster.enter(lines, by=by, at=at, only_try=only_try), roster.headings,
)  # fmt: skip
DUTY = Kind(
    "duty", "issues/roster_duty.html", duty_roster.Line, duty_roster.read,
    lambda lines, by, at, only_try: duty_roster.enter(lines, by=by, at=at, only_try=only_try), duty_roster.headings,
)  # fmt: skip


def _answer(request: HttpRequest, kind: Kind[Row]) -> HttpResponse:
    user = officer(request)
    if not user.authority.may("issues.dispatch"):
        raise PermissionDenied
    if request.method != "POST":
        return _page(request, kind)
    try:
        lines = _shown_before(request, kind, user) if request.POST.get("do") == "enter" else _sent(request, kind)
    except RosterRefused as refused:
        return _page(request, kind, wrong=str(roster.WHY_NO_ROSTER[refused.why]))
    except FileRefused as refused:
        return _page(request, kind, wrong=str(refused))
    except signing.BadSignature:
        return _page(request, kind, wrong=_("What was shown is too old, or not yours: send the list again."))
    if request.POST.get("do") == "enter":
        return _enter(request, kind, lines, user)
    return _show(request, kind, lines, user)


def _page(request: HttpRequest, kind: Kind[Row], *, wrong: str = "") -> HttpResponse:
    context = {"wrong": wrong, "headings": kind.headings(), "changes_at": _changes_at()}
    return render(request, kind.template, context, status=422 if wrong else 200)


def _sent(request: HttpRequest, kind: Kind[Row]) -> list[Row]:
    """The rows of the list. Raises: RosterRefused, FileRefused."""
    file = request.FILES.get("roster")
    if not isinstance(file, UploadedFile) or not file.size:
        raise RosterRefused("empty")
    if file.size > MOST_BYTES:
        raise RosterRefused("many")
    return kind.read(rows_of(file.read(), file.name or ""))


def _shown_before(request: HttpRequest, kind: Kind[Row], user: User) -> list[Row]:
    """The rows that were shown, signed, so that what is written down is what was seen. Raises: BadSignature."""
    kept = signing.loads(request.POST.get("lines", ""), salt=_salt(kind, user), max_age=GOOD_FOR_S)
    return [kind.line(**line) for line in kept]


def _show(request: HttpRequest, kind: Kind[Row], lines: list[Row], user: User) -> HttpResponse:
    outcomes = kind.enter(lines, user, timezone.now(), True)
    kept = signing.dumps(_plain(lines), salt=_salt(kind, user), compress=True)
    return _table(request, kind, [(one.line, one.done, one.words) for one in outcomes], lines=kept)


def _enter(request: HttpRequest, kind: Kind[Row], lines: list[Row], user: User) -> HttpResponse:
    now = timezone.now()

    def do() -> dict[str, object]:
        done = kind.enter(lines, user, now, False)
        return {"rows": [[plain, one.done, one.words] for plain, one in zip(_plain(lines), done, strict=True)]}

    body = {kind.name: _plain(lines)}
    try:
        result, _first = once(submission_of(request), actor=f"user:{user.pk}", body=body, at=now, do=do)
    except SubmissionReused:
        wrong = _("This form was sent before with other words. Reload the page and send it again.")
        return _page(request, kind, wrong=wrong)
    return _table(request, kind, [(kind.line(**line), done, told) for line, done, told in result["rows"]], entered=True)


def _changes_at() -> time:
    return in_force().catalogues.working.on_duty.changes_at


def _plain(lines: Iterable[Any]) -> list[dict[str, Any]]:
    """Rows as they are kept between two looks."""
    return [asdict(line) for line in lines]


def _salt(kind: Kind[Row], user: User) -> str:
    return f"{SALT}.{kind.name}.{user.pk}"


def _table(
    request: HttpRequest, kind: Kind[Row], rows: list[tuple[Row, bool, str]], *, lines: str = "", entered: bool = False
) -> HttpResponse:
    done = sum(one for _line, one, _words in rows)
    context = {
        "rows": sorted(rows, key=lambda row: row[1]), "done": done, "refused": len(rows) - done, "lines": lines,
        "entered": entered, "headings": kind.headings(), "changes_at": _changes_at(),
    }  # fmt: skip
    return render(request, kind.template, context)
