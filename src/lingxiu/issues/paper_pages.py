"""Pages that answer with a paper: records of an issue and of an inspection, slips, the notice to the merchant. Thin."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from lingxiu.accounts.models import User
from lingxiu.files.models import StoredFile
from lingxiu.issues import papers, rectifications
from lingxiu.issues.bulk import Ticked
from lingxiu.issues.desk import dispatcher
from lingxiu.issues.fields import area
from lingxiu.issues.filters import Filter
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.inspection_paper import inspection_pdf
from lingxiu.issues.matching import matching
from lingxiu.issues.models import Issue
from lingxiu.issues.papers import NothingGiven
from lingxiu.issues.rectification_models import Rectification
from lingxiu.issues.rectifications import WHY_NO_NOTICE, Notice, NoticeRefused
from lingxiu.issues.signing_pages import standing
from lingxiu.issues.views import officer, submission_of
from lingxiu.issues.word_templates import WORD
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.policy.queries import edition
from lingxiu.ui import addresses
from lingxiu.ui.choosing import offer

_WITH = ("merchant", "lead_unit", "lead_person")


def _seen_by(user: User, number: str) -> Issue:
    """The issue, if this reader may open it. Raises Http404."""
    issue = Issue.objects.visible_to(user).select_related(*_WITH).filter(number=number).first()
    if issue is None:
        raise Http404
    return issue


def _pdf(made: bytes, name: str) -> HttpResponse:
    answer = HttpResponse(made, content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    answer["Cache-Control"] = "no-store"
    return answer


def _refused(request: HttpRequest, why: str, status: int, number: str = "") -> HttpResponse:
    return render(request, "issues/paper_refused.html", {"why": why, "number": number}, status=status)


@require_safe
def record(request: HttpRequest, number: str) -> HttpResponse:
    """`/issues/<number>/record.pdf`: its whole history on a page."""
    user, now = officer(request), timezone.now()
    return _pdf(papers.record_pdf(_seen_by(user, number), user, at=now), f"record-{number}")


@require_safe
def inspection(request: HttpRequest, inspection_id: int) -> HttpResponse:
    """`/issues/inspections/<id>/record.pdf`: 检查笔录, for officers who may read it."""
    user, now = officer(request), timezone.now()
    seen = Inspection.objects.visible_to(user).select_related("merchant", "issue", "unit", "officer", "second_officer")
    made = seen.filter(pk=inspection_id).first()
    if made is None:
        raise Http404
    return _pdf(inspection_pdf(made, user, at=now), f"inspection-{made.pk}")


@require_safe
def slip(request: HttpRequest, number: str, kind: str) -> HttpResponse:
    """`/issues/<number>/assignment.pdf`, `…/receipt.pdf`: of one issue."""
    user = dispatcher(request)
    return _slips(request, kind, [_seen_by(user, number)], user)


@require_safe
def slips(request: HttpRequest, kind: str) -> HttpResponse:
    """`/issues/assignments.pdf`, `/issues/receipts.pdf`: of the ticked rows, or, with `all=1`, of what a filter shows."""
    user, now = dispatcher(request), timezone.now()
    if request.GET.get("all") == "1":
        found = matching(Filter.read(request.GET), user, now).open()
    else:
        numbers = [row.number for row in Ticked.read(request.GET.getlist("row"))]
        found = Issue.objects.visible_to(user).filter(number__in=numbers)
    given = found.filter(state__in=papers.GIVEN).select_related(*_WITH)
    return _slips(request, kind, list(given.order_by("lead_unit", "number")[: papers.MOST_SLIPS]), user)


def _slips(request: HttpRequest, kind: str, issues: list[Issue], user: User) -> HttpResponse:
    now = timezone.now()
    try:
        return _pdf(papers.slips_pdf(kind, issues, user, at=now), f"{kind}-{timezone.localtime(now):%Y%m%d-%H%M}")
    except NothingGiven:
        return _refused(request, _("None of these issues is with anybody: dispatch them first, then print."), 409)


# ── the notice ───────────────────────────────────────────────────────────────────────────────────────────────────


class NoticeForm(forms.Form):
    """The second officer, what must be put right, by when."""

    second = forms.ChoiceField(label=gettext_lazy("Second officer"), widget=forms.Select(attrs={"lang": "zh"}))
    demands = forms.CharField(
        label=gettext_lazy("What must be put right, a line each"), max_length=2000, widget=area(5, lang="zh")
    )
    until = forms.DateField(
        label=gettext_lazy("To be put right before"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, people: list[User], data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self._people = {str(one.pk): one for one in people}
        choices = [("", _("Choose …")), *((pk, one.name) for pk, one in self._people.items())]
        offer(self, "second", choices)

    def notice(self) -> Notice:
        """The valid form as `rectifications.write` takes it."""
        said = self.cleaned_data
        return Notice(self._people.get(said["second"]), said["demands"], said["until"])


@require_http_methods(["GET", "HEAD", "POST"])
def notice(request: HttpRequest, number: str) -> HttpResponse:
    """`/issues/<number>/notice/`: 整改通知书 from the department's template; refused in words to whoever may not make one."""
    user, now = officer(request), timezone.now()
    issue = _seen_by(user, number)
    try:
        post = rectifications.refuse_notice(issue, user)
    except NoticeRefused as refused:
        status = 403 if refused.why == "person" else 409
        return _refused(request, str(WHY_NO_NOTICE[refused.why]), status, number)
    violation = edition(issue.edition).catalogues.violation(issue.violation)
    form = NoticeForm(
        rectifications.second_officers(post, user, now),
        request.POST if request.method == "POST" else None,
        initial={"demands": violation.advice.zh if violation.advice else ""},
    )
    context = {
        "issue": issue, "form": form, "violation": violation, "made": rectifications.notices_of(issue),
        "drafts": rectifications.drafts_of(issue),
        "bases": rectifications.bases_for(issue),
    }  # fmt: skip
    if request.method != "POST":
        return render(request, "issues/notice.html", context)
    if form.is_valid() and (made := _make(request, issue, user, form, now)):
        return redirect(addresses.rectification(made))
    return render(request, "issues/notice.html", context, status=422)


def _make(request: HttpRequest, issue: Issue, user: User, form: NoticeForm, now: datetime) -> int:
    """Write it, once. Returns its id; 0 where the form says what is wrong."""
    notice = form.notice()
    body = {"notice": issue.number, "second": notice.second and notice.second.pk, "demands": notice.demands,
            "until": str(notice.until)}  # fmt: skip

    def do() -> dict[str, object]:
        return {"rectification": rectifications.write(issue, user, notice, at=now).pk}

    try:
        made, _first = once(submission_of(request), actor=f"user:{user.pk}", body=body, at=now, do=do)
        return int(made["rectification"])
    except NoticeRefused as refused:
        field = refused.why if refused.why in ("second", "until") else "demands" if refused.why == "words" else None
        form.add_error(field, str(WHY_NO_NOTICE[refused.why]))
    except SubmissionReused:
        form.add_error(None, _("This form was sent before with other words. Reload the page and send it again."))
    return 0


@require_safe
def show_notice(request: HttpRequest, rectification_id: int) -> HttpResponse:
    """`/issues/rectifications/<id>/`: what it says, who has signed it; for officers who see the issue."""
    user = officer(request)
    seen = Rectification.objects.visible_to(user).filter(pk=rectification_id)
    made = seen.select_related("issue__merchant", "unit", "officer", "second_officer", "inspection").first()
    if made is None:
        raise Http404
    context = {"made": made, "fields": made.fields, "standing": standing(made, user)}
    return render(request, "issues/rectification.html", context)


@require_safe
def draft_file(request: HttpRequest, rectification_id: int) -> HttpResponseBase:
    """`/issues/rectifications/<id>/notice.docx`: the paper; before both have signed, the draft, which says that it is one."""
    user = officer(request)
    made = Rectification.objects.visible_to(user).select_related("issue").filter(pk=rectification_id).first()
    if made is None:
        raise Http404
    if not user.authority.may("issues.inspect") and not user.authority.may("issues.dispatch"):
        raise PermissionDenied
    file = StoredFile.objects.get(sha256=made.file or made.draft)
    name = f"{made.issue.number}-{'notice' if made.file else 'draft'}.docx"
    return FileResponse(file.path.open("rb"), as_attachment=True, filename=name, content_type=WORD)


@require_safe
def notice_file(request: HttpRequest, number: str) -> HttpResponseBase:
    """`/issues/<number>/notice.docx`: the newest one made, for who sees the issue and may make such papers."""
    user = officer(request)
    issue = _seen_by(user, number)
    file = next(iter(rectifications.notices_of(issue)), None)
    if file is None:
        raise Http404
    if not user.authority.may("issues.inspect") and not user.authority.may("issues.dispatch"):
        raise PermissionDenied
    return FileResponse(file.path.open("rb"), as_attachment=True, filename=f"{number}-notice.docx", content_type=WORD)
