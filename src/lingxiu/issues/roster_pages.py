"""`/issues/roster/`: the leave and holiday roster from a list, for who dispatches; looked at first, then written down. Thin."""

from __future__ import annotations

from dataclasses import asdict

from django.core import signing
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from lingxiu.accounts.models import User
from lingxiu.issues import roster
from lingxiu.issues.roster import Line, RosterRefused
from lingxiu.issues.views import officer, submission_of
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.merchants.sheets import FileRefused, rows_of

MOST_BYTES = 5 * 1024 * 1024
SALT = "lingxiu.issues.roster"
GOOD_FOR_S = 3600


@require_http_methods(["GET", "HEAD", "POST"])
def roster_import(request: HttpRequest) -> HttpResponse:
    """`/issues/roster/`: send a list and see what it would do; `do=enter` writes down what was shown."""
    user = officer(request)
    if not user.authority.may("issues.dispatch"):
        raise PermissionDenied
    if request.method != "POST":
        return _page(request)
    try:
        lines = _shown_before(request, user) if request.POST.get("do") == "enter" else _sent(request)
    except RosterRefused as refused:
        return _page(request, wrong=str(roster.WHY_NO_ROSTER[refused.why]))
    except FileRefused as refused:
        return _page(request, wrong=str(refused))
    except signing.BadSignature:
        return _page(request, wrong=_("What was shown is too old, or not yours: send the list again."))
    if request.POST.get("do") == "enter":
        return _enter(request, lines, user)
    return _show(request, lines, user)


def _page(request: HttpRequest, *, wrong: str = "") -> HttpResponse:
    context = {"wrong": wrong, "headings": roster.headings()}
    return render(request, "issues/roster.html", context, status=422 if wrong else 200)


def _sent(request: HttpRequest) -> list[Line]:
    """The rows of the list. Raises: RosterRefused, FileRefused."""
    file = request.FILES.get("roster")
    if not isinstance(file, UploadedFile) or not file.size:
        raise RosterRefused("empty")
    if file.size > MOST_BYTES:
        raise RosterRefused("many")
    return roster.read(rows_of(file.read(), file.name or ""))


def _shown_before(request: HttpRequest, user: User) -> list[Line]:
    """The rows that were shown, signed, so that what is written down is what was seen. Raises: BadSignature."""
    kept = signing.loads(request.POST.get("lines", ""), salt=f"{SALT}.{user.pk}", max_age=GOOD_FOR_S)
    return [Line(**line) for line in kept]


def _show(request: HttpRequest, lines: list[Line], user: User) -> HttpResponse:
    outcomes = roster.enter(lines, by=user, at=timezone.now(), only_try=True)
    kept = signing.dumps([asdict(line) for line in lines], salt=f"{SALT}.{user.pk}", compress=True)
    return _table(request, [(one.line, one.done, one.words) for one in outcomes], lines=kept)


def _enter(request: HttpRequest, lines: list[Line], user: User) -> HttpResponse:
    now = timezone.now()

    def do() -> dict[str, object]:
        return {"rows": [[asdict(one.line), one.done, one.words] for one in roster.enter(lines, by=user, at=now)]}

    body = {"roster": [asdict(line) for line in lines]}
    try:
        result, _first = once(submission_of(request), actor=f"user:{user.pk}", body=body, at=now, do=do)
    except SubmissionReused:
        wrong = _("This form was sent before with other words. Reload the page and send it again.")
        return _page(request, wrong=wrong)
    return _table(request, [(Line(**line), done, told) for line, done, told in result["rows"]], entered=True)


def _table(
    request: HttpRequest, rows: list[tuple[Line, bool, str]], *, lines: str = "", entered: bool = False
) -> HttpResponse:
    done = sum(one for _line, one, _words in rows)
    context = {
        "rows": sorted(rows, key=lambda row: row[1]), "done": done, "refused": len(rows) - done, "lines": lines,
        "entered": entered, "headings": roster.headings(),
    }  # fmt: skip
    return render(request, "issues/roster.html", context)
