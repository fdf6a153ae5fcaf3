"""The page of Word templates for notices: bring one, see it with made-up data, go back to one before or to the shipped one. Thin."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lingxiu.accounts.models import Unit, User
from lingxiu.files.models import StoredFile
from lingxiu.issues import template_check, word_templates
from lingxiu.issues.inspection_rules import ENFORCING
from lingxiu.issues.template_models import PaperTemplate
from lingxiu.issues.views import officer, submission_of
from lingxiu.issues.word_templates import SHIPPED, WORD
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.ui.choosing import offer

KEEP = "issues.keep_templates"
COUNTY = "county"
HOME = "/issues/templates/"


class TemplateForm(forms.Form):
    """For which body, and the file."""

    unit = forms.ChoiceField(label=_("Whose notices"), widget=forms.Select(attrs={"lang": "zh"}))
    template = forms.FileField(
        label=_("Word document (.docx), 2 MB at most"), max_length=200, widget=forms.FileInput({"accept": ".docx"})
    )

    def __init__(self, units: list[Unit], county: bool, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        everyone = [(COUNTY, str(_("the whole county, where a body has none of its own")))] if county else []
        offer(self, "unit", [*((str(unit.pk), unit.name) for unit in units), *everyone])


def _keeper(request: HttpRequest) -> User:
    """Raises PermissionDenied."""
    user = officer(request)
    if not user.authority.may(KEEP):
        raise PermissionDenied
    return user


def _at_office(user: User) -> bool:
    return any(post.unit_kind == "county_office" for post in user.authority.posts_that_may(KEEP))


def _units(user: User) -> list[Unit]:
    """Enforcing bodies whose templates this person keeps: all, from the county's office; else their own."""
    bodies = Unit.objects.filter(kind__in=ENFORCING).order_by("kind", "name")
    if _at_office(user):
        return list(bodies)
    return list(bodies.filter(pk__in=[post.unit_id for post in user.authority.posts_that_may(KEEP)]))


def _template(user: User, template_id: int) -> PaperTemplate:
    """Raises Http404."""
    made = PaperTemplate.objects.select_related("unit").filter(pk=template_id).first()
    if made is None or not (_at_office(user) if made.unit is None else made.unit in _units(user)):
        raise Http404
    return made


@require_http_methods(["GET", "HEAD", "POST"])
def templates(request: HttpRequest) -> HttpResponseBase:
    """`/issues/templates/`: what each body uses; a new one is checked, shown with made-up data, or used from now on."""
    user = _keeper(request)
    units, county = _units(user), _at_office(user)
    if request.method == "POST" and request.POST.get("act") == "shipped":
        return _back_to_shipped(request, user, units, county)
    form = TemplateForm(units, county, request.POST or None, request.FILES or None)
    problems: list[template_check.Problem] = []
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["template"]
        data = file.read(template_check.MOST_BYTES + 1)
        problems = template_check.problems_in(data)
        if not problems and request.POST.get("act") == "preview":
            return _word(template_check.preview(data), "preview.docx")
        if not problems:
            return _bring(request, user, _chosen(form.cleaned_data["unit"], units), data, file.name or "template.docx")
    bodies: list[Unit | None] = [*units, *([None] if county else [])]
    context = {
        "form": form, "problems": problems, "fields": sorted(template_check.FIELDS), "obligatory": template_check.OBLIGATORY,
        "example": template_check.EXAMPLE, "bodies": [(unit, rows) for unit in bodies if (rows := word_templates.versions(unit))],
    }  # fmt: skip
    return render(request, "issues/templates.html", context, status=422 if problems or form.errors else 200)


def _chosen(value: str, units: list[Unit]) -> Unit | None:
    return next((unit for unit in units if str(unit.pk) == value), None)


def _bring(request: HttpRequest, user: User, unit: Unit | None, data: bytes, name: str) -> HttpResponse:
    now = timezone.now()
    body: dict[str, object] = {"template": name, "unit": unit and unit.pk, "sha256": sha256(data).hexdigest()}

    def do() -> dict[str, object]:
        return {"template": word_templates.bring(unit, data, name, by=user, at=now).pk}

    return _once(request, user, body, do)


def _back_to_shipped(request: HttpRequest, user: User, units: list[Unit], county: bool) -> HttpResponse:
    value, now = request.POST.get("unit", ""), timezone.now()
    unit = _chosen(value, units)
    if unit is None and not (county and value == COUNTY):
        raise Http404

    def do() -> dict[str, object]:
        word_templates.use_shipped(unit, by=user, at=now)
        return {}

    return _once(request, user, {"shipped": value}, do)


@require_POST
def again(request: HttpRequest, template_id: int) -> HttpResponse:
    """`/issues/templates/<id>/use/`: a version from before is used again."""
    user, now = _keeper(request), timezone.now()
    made = _template(user, template_id)

    def do() -> dict[str, object]:
        word_templates.use_again(made.pk, by=user, at=now)
        return {}

    return _once(request, user, {"again": made.pk}, do)


def _once(
    request: HttpRequest, user: User, body: dict[str, object], do: Callable[[], dict[str, object]]
) -> HttpResponse:
    with suppress(SubmissionReused):  # the page shows what is in use
        once(submission_of(request), actor=f"user:{user.pk}", body=body, at=timezone.now(), do=do)
    return redirect(HOME)


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _word(data: bytes, name: str) -> FileResponse:
    return FileResponse(BytesIO(data), as_attachment=True, filename=name, content_type=WORD)


@require_safe
def shipped(request: HttpRequest) -> HttpResponseBase:
    """`/issues/templates/shipped.docx`: ours, to begin with."""
    _keeper(request)
    return _word(SHIPPED.read_bytes(), SHIPPED.name)


@require_safe
def file(request: HttpRequest, template_id: int) -> HttpResponseBase:
    """`/issues/templates/<id>/file.docx`: a version as it was brought."""
    made = _template(_keeper(request), template_id)
    return _word(_bytes(made), f"template-{made.version}.docx")


@require_safe
def previewed(request: HttpRequest, template_id: int) -> HttpResponseBase:
    """`/issues/templates/<id>/preview.docx`: a version with made-up data."""
    made = _template(_keeper(request), template_id)
    return _word(template_check.preview(_bytes(made)), f"preview-{made.version}.docx")


def _bytes(made: PaperTemplate) -> bytes:
    return StoredFile.objects.get(sha256=made.sha256).path.read_bytes()
