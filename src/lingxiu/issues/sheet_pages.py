"""Pages of the working sheet: out, back in, what it would do, and done. Thin over `sheet`."""

from __future__ import annotations

from dataclasses import asdict
from typing import IO

from django.core import signing
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lingxiu.accounts.models import User
from lingxiu.issues import sheet
from lingxiu.issues.filters import Filter
from lingxiu.issues.matching import matching
from lingxiu.issues.sheet import Line, SheetRefused
from lingxiu.issues.views import officer, submission_of
from lingxiu.journal.actions import SubmissionReused
from lingxiu.merchants.workbook import WorkbookRefused, read_rows

MOST_BYTES = 2 * 1024 * 1024
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SALT = "lingxiu.issues.sheet"
GOOD_FOR_S = 24 * 3600


def worker(request: HttpRequest) -> User:
    """Who asks, if they may export and have work of their own on issues. Raises Http404, PermissionDenied."""
    user = officer(request)
    may = user.authority.may
    if not may("issues.export") or not (may("issues.dispatch") or may("issues.handle")):
        raise PermissionDenied
    return user


@require_safe
def out(request: HttpRequest) -> FileResponse:
    """`/issues/sheet.xlsx`: the open issues of a filter, to be filled in."""
    user, now = worker(request), timezone.now()
    found = matching(Filter.read(request.GET), user, now)
    return _file(sheet.write_sheet(found, now), sheet.local_name(now))


def _file(book: IO[bytes], name: str) -> FileResponse:
    return FileResponse(book, as_attachment=True, filename=name, content_type=EXCEL)


@require_http_methods(["GET", "HEAD", "POST"])
def back(request: HttpRequest) -> HttpResponseBase:
    """`/issues/sheet/`: send a filled-in sheet; it is shown row by row what it would do. Nothing is done yet."""
    user = worker(request)
    wanted = Filter.read(request.GET)
    context = {"wanted": wanted, "most": sheet.MOST_ROWS}
    if request.method != "POST":
        return render(request, "issues/sheet.html", context)
    try:
        lines = sheet.read(read_rows(_sent(request)))
    except SheetRefused as refused:
        return render(request, "issues/sheet.html", {**context, "wrong": sheet.WHY_NO_SHEET[refused.why]}, status=422)
    except WorkbookRefused:
        wrong = _("This file cannot be read: send the working sheet as .xlsx.")
        return render(request, "issues/sheet.html", {**context, "wrong": wrong}, status=422)
    return _shown(request, lines, user)


def _sent(request: HttpRequest) -> bytes:
    """The workbook. Raises: SheetRefused, WorkbookRefused."""
    file = request.FILES.get("sheet")
    if not isinstance(file, UploadedFile) or not file.size:
        raise SheetRefused("empty")
    if file.size > MOST_BYTES:
        raise WorkbookRefused("too_many")
    return bytes(file.read())


def _shown(request: HttpRequest, lines: list[Line], user: User, *, wrong: str = "") -> HttpResponse:
    """The dry run; the rows go along in the form, signed, so that what is carried out is what was shown."""
    outcomes = sheet.dry_run(lines, actor=user)
    done = sum(one.done for one in outcomes)
    context = {
        "rows": sorted(zip(lines, outcomes, strict=True), key=lambda row: row[1].done),
        "done": done, "refused": len(outcomes) - done, "wrong": wrong,
        "lines": signing.dumps([asdict(line) for line in lines], salt=f"{SALT}.{user.pk}", compress=True),
    }  # fmt: skip
    return render(request, "issues/sheet_shown.html", context, status=409 if wrong else 200)


@require_POST
def apply(request: HttpRequest) -> HttpResponseBase:
    """`/issues/sheet/apply/`: carry out what was shown, row by row; or, with `do=errors`, the rows with what is wrong."""
    user, now = worker(request), timezone.now()
    try:
        kept = signing.loads(request.POST.get("lines", ""), salt=f"{SALT}.{user.pk}", max_age=GOOD_FOR_S)
    except signing.BadSignature:
        wrong = _("What was shown is too old, or not yours: send the sheet again.")
        return render(
            request, "issues/sheet.html", {"wanted": Filter(), "wrong": wrong, "most": sheet.MOST_ROWS}, status=422
        )
    lines = [Line(**line) for line in kept]
    if request.POST.get("do") == "errors":
        outcomes = sheet.dry_run(lines, actor=user)
        return _file(sheet.write_errors(lines, outcomes, now, user), sheet.local_name(now))
    submission = submission_of(request)
    try:
        sheet.carry_out(lines, actor=user, at=now, submission=submission)
    except SubmissionReused:
        return _shown(
            request,
            lines,
            user,
            wrong=_("This form was sent before with other words. Reload the page and send it again."),
        )
    return redirect(f"/issues/bulk/done/?of={submission}")
