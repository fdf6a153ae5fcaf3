"""Pages of inspections: the record two certified officers write, from an issue or from a shop; and reading one. Thin."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from lingxiu.accounts.authority import HeldPost
from lingxiu.accounts.models import User
from lingxiu.files.photos import PhotoRefused
from lingxiu.files.queries import not_on_the_spot
from lingxiu.issues import inspections, pictures, queries, signing, words
from lingxiu.issues.actions import moving
from lingxiu.issues.fields import LONGEST_WORDS, area
from lingxiu.issues.inspection_models import Inspection, OutcomeChoice, WhyChoice
from lingxiu.issues.inspection_rules import Inspecting, InspectionRefused, Outcome, Why
from lingxiu.issues.inspections import Before
from lingxiu.issues.lifecycle import By, Move, MoveRefused, State
from lingxiu.issues.models import Issue
from lingxiu.issues.relations import relations
from lingxiu.issues.signing import SigningRefused
from lingxiu.issues.signing_pages import standing
from lingxiu.issues.views import officer, submission_of
from lingxiu.issues.writing import Brought, SomebodyWasFaster
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.ui import addresses
from lingxiu.ui.choosing import offer

USUALLY = timedelta(minutes=30)
FIELD_OF = {
    "second": "second", "items": "items", "checked": "items", "times": "started_at", "number": "number",
    "unknown_number": "number", "inspection_words": "words", "cap": "why",
}  # fmt: skip
"""At which field of the form a refusal is told."""
_CLOCK = "%Y-%m-%dT%H:%M"


def may_inspect_on(user: User, issue: Issue) -> bool:
    """Whether the issue's page offers to record an inspection: to certified officers of a body that has a part in it."""
    if not issue.is_open or issue.merchant_id is None or inspections.post_for(user, issue) is None:
        return False
    return _move_for(user, issue) is not None


def _move_for(user: User, issue: Issue) -> Move | None:
    """What the inspection is recorded with: who has the issue handles it, another body with a part in it notes it."""
    own = relations(user.pk, user.authority, queries.situation(issue).held)
    if By.ASSIGNEE in own:
        return Move.HANDLE if issue.state == State.HANDLING else None
    return Move.NOTE if By.ENFORCER in own else None


class InspectionForm(forms.Form):
    """检查笔录: who else, what, when, why, what came of it. What may be recorded, `inspections` decides."""

    second = forms.ChoiceField(label=_("Second officer"), widget=forms.Select(attrs={"lang": "zh"}))
    items = forms.MultipleChoiceField(label=_("What was checked"), widget=forms.CheckboxSelectMultiple)
    started_at = forms.DateTimeField(
        label=_("The inspection began"),
        input_formats=[_CLOCK],
        widget=forms.DateTimeInput({"type": "datetime-local"}, _CLOCK),
    )
    ended_at = forms.DateTimeField(
        label=_("The inspection ended"),
        input_formats=[_CLOCK],
        widget=forms.DateTimeInput({"type": "datetime-local"}, _CLOCK),
    )
    why = forms.ChoiceField(label=_("Why"), choices=WhyChoice.choices, widget=forms.RadioSelect)
    number = forms.CharField(
        label=_("Its number"), required=False, max_length=60, widget=forms.TextInput({"autocomplete": "off"}),
        help_text=_("Of the complaint (12345, or of the issue), of the order, or of the campaign's approval."),
    )  # fmt: skip
    words = forms.CharField(
        label=_("Record"), max_length=LONGEST_WORDS, widget=area(6, lang="zh"),
        help_text=_("What was seen, asked, said and shown; that certificates were shown."),
    )  # fmt: skip
    outcome = forms.ChoiceField(label=_("What came of it"), choices=OutcomeChoice.choices, widget=forms.RadioSelect)

    def __init__(
        self, user: User, colleagues: list[User], before: Before, issue: Issue | None, now: datetime, data: Any = None,
        written: Inspection | None = None,
    ) -> None:  # fmt: skip
        super().__init__(data, initial=_as_written(written) if written else _likely(issue, before, now))
        names = [(str(one.pk), one.name) for one in colleagues if one != user]
        if len(names) == 1:
            self.initial["second"] = names[0][0]
        offer(self, "second", [("", gettext("Choose …")), *names])
        offer(self, "items", _items(issue, before, timezone.localtime(now).date(), written.items if written else ()))

    @property
    def said(self) -> Inspecting:
        """The valid form as `inspections` takes it."""
        data = self.cleaned_data
        return Inspecting(
            int(data["second"]), tuple(data["items"]), data["started_at"], data["ended_at"], Why(data["why"]),
            data["number"], Outcome(data["outcome"]),
        )  # fmt: skip


def _likely(issue: Issue | None, before: Before, now: datetime) -> dict[str, Any]:
    """What the form of a new record says before anybody wrote in it."""
    why, number = inspections.likely_why(issue)
    return {
        "started_at": timezone.localtime(now - USUALLY), "ended_at": timezone.localtime(now), "why": why.value,
        "number": number, "items": _likely_items(issue, before),
    }  # fmt: skip


def _as_written(made: Inspection) -> dict[str, Any]:
    """What a record says that is to be put right."""
    return {
        "second": str(made.second_officer_id), "items": made.items, "why": made.why, "number": made.why_number,
        "started_at": timezone.localtime(made.started_at), "ended_at": timezone.localtime(made.ended_at),
        "words": made.words, "outcome": made.outcome,
    }  # fmt: skip


def _likely_items(issue: Issue | None, before: Before) -> list[str]:
    """What the issue is about, unless another body has checked it."""
    if issue is None:
        return []
    violation = in_force().catalogues.violation(issue.violation)
    item = violation.id if violation.kind == "finding" else violation.task
    return [] if item in before.settled else [item]


def _items(issue: Issue | None, before: Before, day: date, written: Collection[str] = ()) -> list[tuple[str, str]]:
    """What the issue is about, what was written before, and the tasks; what another body has checked is marked."""
    labels = inspections.item_labels()
    tasks = {task.id for task in in_force().catalogues.tasks}
    possible = inspections.items_on(day)
    wanted = [
        item for item in possible if (issue and item == issue.violation) or (item in written and item not in tasks)
    ]
    wanted += [item for item in possible if item in tasks]
    language = get_language() or "zh-hans"
    return [(item, _marked(labels[item].text(language), before.settled.get(item))) for item in wanted]


def _marked(label: str, settled: Inspection | None) -> str:
    if settled is None:
        return label
    days = timedelta(days=in_force().catalogues.inspections.respected_days)
    day = timezone.localtime(settled.started_at).date()
    return gettext("%(item)s (another body checked it on %(day)s: not to be checked again before %(until)s)") % {
        "item": label, "day": day, "until": day + days + timedelta(days=1)
    }  # fmt: skip


# ── recording ────────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def on_issue(request: HttpRequest, number: str) -> HttpResponse:
    """`/issues/<number>/inspection/`; refused in words to whoever may not inspect."""
    user = officer(request)
    issue = get_object_or_404(Issue.objects.visible_to(user).select_related("merchant", "lead_unit"), number=number)
    if not inspections.posts_of(user):
        return _refused(request, str(words.REFUSALS["certificate"]), 403, addresses.issue(number))
    post = inspections.post_for(user, issue)
    if post is None:
        return _refused(
            request,
            gettext("Your unit has no part in this issue: have it given to you first."),
            409,
            addresses.issue(number),
        )
    if issue.merchant is None:
        return _refused(request, str(words.REFUSALS["shop"]), 409, addresses.issue(number))
    what = _move_for(user, issue) if issue.is_open else None
    if what is None:
        return _refused(
            request,
            gettext("Accept the issue first, or open it again: then record what was inspected."),
            409,
            addresses.issue(number),
        )
    return _write_down(request, user, post, issue.merchant, issue, what)


@require_http_methods(["GET", "HEAD", "POST"])
def on_shop(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """`/merchants/<id>/inspection/`: one that no issue led to."""
    user = officer(request)
    merchant = get_object_or_404(Merchant.objects.visible_to(user), pk=merchant_id)
    post = inspections.post_for(user, None)
    if post is None:
        return _refused(request, str(words.REFUSALS["certificate"]), 403, addresses.merchant(merchant_id))
    return _write_down(request, user, post, merchant, None, None)


def _refused(request: HttpRequest, why: str, status: int, back: str) -> HttpResponse:
    return render(request, "issues/inspection_refused.html", {"why": why, "back": back}, status=status)


def _write_down(
    request: HttpRequest, user: User, post: HeldPost, merchant: Merchant, issue: Issue | None, what: Move | None
) -> HttpResponse:
    now = timezone.now()
    before = inspections.before(merchant, post.unit_id, now)
    colleagues = inspections.certified_at(post.unit_id, merchant, now)
    form = InspectionForm(user, colleagues, before, issue, now, request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {
        "form": form, "issue": issue, "merchant": merchant, "before": before, "user": user,
        "lines": lines(before.inspections, user), "submission": submission_of(request),
        "action": request.path, "back": addresses.issue(issue.number) if issue else addresses.merchant(merchant.pk),
    }  # fmt: skip
    if request.method != "POST":
        return render(request, "issues/inspection_new.html", context)
    if not form.is_valid():
        return render(request, "issues/inspection_new.html", context, status=422)
    try:
        _keep(request, form, user, merchant, issue, what, now)
    except (PhotoRefused, pictures.NotKept) as error:
        context["photo_error"], status = pictures.refusal(error)
        return render(request, "issues/inspection_new.html", context, status=status)
    except (InspectionRefused, MoveRefused) as error:
        form.add_error(FIELD_OF.get(error.why), str(words.REFUSALS[error.why]))
        return render(request, "issues/inspection_new.html", context, status=422)
    except SomebodyWasFaster as error:
        form.add_error(None, str(words.faster(error)))
    except SubmissionReused:
        form.add_error(None, gettext("This form was sent before with other words. Reload the page and send it again."))
    if form.errors:
        return render(request, "issues/inspection_new.html", context, status=409)
    return redirect(str(context["back"]))


def _keep(
    request: HttpRequest, form: InspectionForm, user: User, merchant: Merchant, issue: Issue | None, what: Move | None,
    now: datetime,
) -> None:  # fmt: skip
    """Decode the picture, then record it, once."""
    picture = pictures.sent(request, "photo")
    photos = pictures.prepare(picture, pictures.caption(shop=merchant.name, at=now, person=user.name))
    submission, said, told = submission_of(request), form.said, form.cleaned_data["words"]
    lng, lat = picture.position if picture else (None, None)
    body = {
        **form.cleaned_data,
        "merchant": merchant.pk,
        "issue": issue and issue.number,
        "photo": picture and picture.sha256,
    }

    def do() -> dict[str, object]:
        with pictures.keeping(photos, at=now, by=user.pk) as names:
            if issue is None or what is None:
                made = inspections.inspect(
                    merchant, said, officer=user, words=told, photos=names, at=now, submission=submission
                )
                return {"inspection": made.pk}
            brought = Brought(words=told, photos=names, lng=lng, lat=lat, inspection=said)
            row = moving.move(issue.number, what, actor=user, at=now, brought=brought, submission=submission)
        return {"version": row.version}

    once(submission, actor=f"user:{user.pk}", body=body, at=now, do=do)


@require_http_methods(["GET", "HEAD", "POST"])
def amend(request: HttpRequest, inspection_id: int) -> HttpResponse:
    """`/issues/inspections/<id>/amend/`: a draft written anew; both sign the new version."""
    user, now = officer(request), timezone.now()
    seen = Inspection.objects.visible_to(user).select_related("merchant", "issue", "officer", "unit", "joint_shop")
    made = get_object_or_404(seen, pk=inspection_id)
    back = addresses.inspection(inspection_id)
    try:
        signing.refuse_writer(made, user)
        signing.open_for(made, signing.shown(made))
    except SigningRefused as refused:
        return _refused(request, str(signing.WHY_NOT[refused.why]), 403 if refused.why == "writer" else 409, back)
    joint = made.joint_shop.joint_id if made.joint_shop else None
    before = inspections.before(made.merchant, made.unit_id, now, joint=joint)
    colleagues = inspections.certified_at(made.unit_id, made.merchant, made.recorded_at)
    data = request.POST if request.method == "POST" else None
    form = InspectionForm(made.officer, colleagues, before, made.issue, now, data, written=made)
    context: dict[str, Any] = {
        "form": form, "issue": made.issue, "merchant": made.merchant, "before": before, "user": user, "made": made,
        "lines": lines([one for one in before.inspections if one.pk != made.pk], user), "submission": submission_of(request),
        "action": request.path, "back": back, "seen": request.POST.get("seen", signing.shown(made)),
    }  # fmt: skip
    if data is None:
        return render(request, "issues/inspection_new.html", context)
    if not form.is_valid():
        return render(request, "issues/inspection_new.html", context, status=422)
    try:
        _keep_amended(request, form, made, user, now)
    except InspectionRefused as error:
        form.add_error(FIELD_OF.get(error.why), str(words.REFUSALS[error.why]))
    except SigningRefused as refused:
        form.add_error(None, str(signing.WHY_NOT[refused.why]))
    except SubmissionReused:
        form.add_error(None, gettext("This form was sent before with other words. Reload the page and send it again."))
    if form.errors:
        return render(request, "issues/inspection_new.html", context, status=409 if form.non_field_errors() else 422)
    return redirect(back)


def _keep_amended(request: HttpRequest, form: InspectionForm, made: Inspection, user: User, now: datetime) -> None:
    """Raises: InspectionRefused, SigningRefused, SubmissionReused."""
    said, told, seen = form.said, form.cleaned_data["words"], request.POST.get("seen", "")
    body = {**form.cleaned_data, "inspection": made.pk, "seen": seen}

    def do() -> dict[str, object]:
        return {"inspection": inspections.amend(made.pk, said, told, by=user, seen=seen, at=now).pk}

    once(submission_of(request), actor=f"user:{user.pk}", body=body, at=now, do=do)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def show(request: HttpRequest, inspection_id: int) -> HttpResponse:
    """`/issues/inspections/<id>/`: the record, for officers who see the shop and further than a grid."""
    user = officer(request)
    seen = Inspection.objects.visible_to(user).select_related("merchant", "issue", "unit", "officer", "second_officer")
    made = seen.filter(pk=inspection_id).first()
    if made is None:
        raise Http404
    context = {
        "line": lines([made], user)[0], "made": made, "standing": standing(made, user),
        "album": not_on_the_spot(made.photos),
    }  # fmt: skip
    return render(request, "issues/inspection.html", context)


def lines(made: list[Inspection], user: User | None) -> list[Mapping[str, object]]:
    """Inspections as a list shows them: what was checked in words, and the way to the record for who may read it."""
    labels, language = inspections.item_labels(), get_language() or "zh-hans"
    readable: set[int] = set()
    if user is not None:
        readable = set(
            Inspection.objects.visible_to(user).filter(pk__in=[one.pk for one in made]).values_list("pk", flat=True)
        )
    return [
        {
            "made": one,
            "items": [labels[item].text(language) if item in labels else item for item in one.items],
            "url": addresses.inspection(one.pk) if one.pk in readable else "",
        }
        for one in made
    ]


def card(merchant: Merchant, user: User, now: datetime) -> dict[str, object]:
    """What the card of a shop's inspections shows: this year's, the cap, what is used of it."""
    used, cap = inspections.used_and_cap(merchant, now)
    made = inspections.of_year(merchant.pk, timezone.localtime(now).year)
    return {"lines": lines(made, user), "used": used, "cap": cap, "year": timezone.localtime(now).year}
