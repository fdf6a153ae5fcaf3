"""Pages of joint inspections: the rounds, a new one, one with its shops and results, a shop walked on the phone. Thin."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lingxiu.accounts.models import User
from lingxiu.files.photos import PhotoRefused
from lingxiu.files.queries import not_on_the_spot
from lingxiu.issues import inspections, joint, joint_changes, pictures, words
from lingxiu.issues.inspection_pages import lines
from lingxiu.issues.inspection_rules import InspectionRefused, Why
from lingxiu.issues.joint import JointRefused, Seen
from lingxiu.issues.joint_forms import REFUSALS, RoundForm, WalkForm
from lingxiu.issues.joint_models import STATES, JointInspection, JointShop
from lingxiu.issues.views import officer, submission_of
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.policy.queries import in_force
from lingxiu.ui.days import day_of

MOST_SHOWN = 100
FIELD_OF = {"second": "present", "certificate": "present", "times": "started_at", "inspection_words": "words"}
"""At which field of the form a refusal is told; any other, above it."""


@require_safe
def rounds(request: HttpRequest) -> HttpResponse:
    """`/issues/joint/`: the rounds this reader has to do with, the newest first."""
    user, today = officer(request), timezone.localdate()
    found = JointInspection.objects.visible_to(user).select_related("lead").annotate(
        all_shops=Count("shops", distinct=True),
        walked_shops=Count("shops", filter=Q(shops__walked_at__isnull=False), distinct=True),
        out=Count("shops", filter=Q(shops__left_out_at__isnull=False), distinct=True),
        found=Count("shops__findings", distinct=True),
    )  # fmt: skip
    rows = []
    for one in found[:MOST_SHOWN]:
        shops, walked, out = (getattr(one, name) for name in ("all_shops", "walked_shops", "out"))  # annotated above
        state = joint.state_of(one, shops - walked - out, walked, today)
        rows.append({"joint": one, "state": state, "word": STATES[state]})
    return render(request, "issues/joint_list.html", {"rows": rows, "may_plan": joint.may_plan(user)})


@require_http_methods(["GET", "HEAD", "POST"])
def new_round(request: HttpRequest) -> HttpResponse:
    """`/issues/joint/new/`."""
    user, now = officer(request), timezone.now()
    if not joint.may_plan(user):
        raise PermissionDenied
    form = RoundForm(user, now, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            joint_id, left_out = _planned(request, form, user, now)
            return redirect(f"/issues/joint/{joint_id}/?left_out={left_out}")
        except JointRefused as refused:
            _tell(form, refused)
        except SubmissionReused:
            form.add_error(None, _("This form was sent before with other words. Reload the page and send it again."))
    context = {"form": form, "submission": submission_of(request)}
    return render(request, "issues/joint_new.html", context, status=422 if form.is_bound else 200)


def _planned(request: HttpRequest, form: RoundForm, user: User, now: datetime) -> tuple[int, int]:
    """Write the round down, once. Returns: its id, and how many shops were left out."""
    submission = submission_of(request)

    def do() -> dict[str, int]:
        made = joint.plan(form.round(), by=user, at=now, submission=submission)
        return {"joint": made.joint.pk, "left_out": len(made.left_out)}

    body = {name: request.POST.getlist(name) for name in form.fields}
    result, _first = once(submission, actor=f"user:{user.pk}", body=body, at=now, do=do)
    return result["joint"], result["left_out"]


def _tell(form: forms.Form, refused: JointRefused) -> None:
    """Say at its field why something was refused."""
    told = f"{REFUSALS[refused.why]} {refused.about}".strip()
    form.add_error(refused.field if refused.field in form.fields else None, told)


@require_safe
def show_round(request: HttpRequest, joint_id: int) -> HttpResponse:
    """`/issues/joint/<id>/`: the shops, who goes, what came of it."""
    return _page(request, officer(request), joint_id)


def _page(request: HttpRequest, user: User, joint_id: int, *, wrong: str = "", status: int = 200) -> HttpResponse:
    seen = JointInspection.objects.visible_to(user).select_related("lead", "made_by", "withdrawn_by")
    one = get_object_or_404(seen, pk=joint_id)
    shops = list(one.shops.select_related("merchant", "walked_by", "left_out_by").prefetch_related("findings__issue"))
    shops.sort(key=lambda shop: (shop.walked_at is not None or shop.left_out_at is not None, shop.pk))
    done = joint.results(one)
    labels = {row.id: row.label for row in in_force().catalogues.violations}
    left_out = request.GET.get("left_out", "")
    state = joint.state_of(one, done.to_do, done.walked, timezone.localdate())
    may_withdraw = (
        joint.may_withdraw(one, user) and one.day >= timezone.localdate() and state in ("planned", "under_way")
    )
    may_change = may_withdraw and not done.walked
    context = {
        "joint": one, "shops": shops, "done": done, "state": state, "word": STATES[state], "wrong": wrong,
        "officers": one.officers.select_related("unit", "user", "deputy_for"),
        "instead": joint_changes.may_go_instead(one, timezone.now()) if may_change else None,
        "found": [(labels.get(violation), violation, n) for violation, n in done.by_violation],
        "may_walk": state in ("planned", "under_way", "lapsed") and joint.may_walk(one, user)
        and one.day <= timezone.localdate(),
        "may_withdraw": may_withdraw, "may_change": may_change, "today": timezone.localdate(),
        "left_out": int(left_out) if left_out.isascii() and left_out.isdigit() and len(left_out) < 4 else 0,
        "submission": submission_of(request),
    }  # fmt: skip
    return render(request, "issues/joint.html", context, status=status)


@require_POST
def act(request: HttpRequest, joint_id: int) -> HttpResponse:
    """`/issues/joint/<id>/act/`: take the round back, or leave out one `shop`, for a reason; move it to another `day`; let
    another officer (`came`) go instead of one (`went`)."""
    user, now = officer(request), timezone.now()
    one = get_object_or_404(JointInspection.objects.visible_to(user), pk=joint_id)
    body = {"joint": one.pk, **{name: request.POST.get(name, "")[:500] for name in ASKED}}
    change = _change(one, body, user, now)

    def do() -> dict[str, object]:
        change()
        return {}

    try:
        once(submission_of(request), actor=f"user:{user.pk}", body=body, at=now, do=do)
    except JointRefused as refused:
        if refused.why == "planner":
            raise PermissionDenied from refused
        wrong = f"{REFUSALS[refused.why]} {refused.about}".strip()
        return _page(request, user, joint_id, wrong=wrong, status=409)
    except SubmissionReused:
        return _page(
            request,
            user,
            joint_id,
            wrong=_("This form was sent before with other words. Reload the page and send it again."),
            status=409,
        )
    return redirect(f"/issues/joint/{joint_id}/")


ASKED = ("do", "shop", "why", "day", "seen", "went", "came")
"""What may be asked of a round."""


def _change(one: JointInspection, said: Mapping[str, Any], user: User, now: datetime) -> Callable[[], None]:
    """What is asked. Raises: Http404 for a shop or person there is not."""
    match said["do"]:
        case "move":
            day, seen = day_of(said["day"]), day_of(said["seen"])
            return lambda: joint_changes.move_day(one, day or one.day, seen=seen or one.day, by=user, at=now)
        case "swap":
            came = User.objects.filter(pk=_id(said["came"]) or 0).first()
            return lambda: _swap(one, _id(said["went"]) or 0, came, user, now)
    shop = get_object_or_404(JointShop, pk=_id(said["shop"]) or 0, joint=one) if said["shop"] else None
    if shop is None:
        return lambda: joint.withdraw(one, said["why"], by=user, at=now)
    return lambda: joint.leave_out(shop, said["why"], by=user, at=now)


def _swap(one: JointInspection, went: int, came: User | None, user: User, now: datetime) -> None:
    if came is None:
        raise JointRefused("officer", "nobody_chosen")
    joint_changes.swap(one, went, came, by=user, at=now)


def _id(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


# ── a shop ───────────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def walk_shop(request: HttpRequest, joint_id: int, shop_id: int) -> HttpResponse:
    """`/issues/joint/<id>/<shop>/`: what was done at one shop; to be entered by an officer of the round, then read."""
    user, now = officer(request), timezone.now()
    one = get_object_or_404(JointInspection.objects.visible_to(user).select_related("lead"), pk=joint_id)
    shop = get_object_or_404(one.shops.select_related("merchant", "walked_by"), pk=shop_id)
    shop.joint = one
    parts = joint.parts_at(shop.merchant, joint.units_of(one), Why(one.why), one.day, now, joint=one.pk)
    form = WalkForm(shop, parts, user, now, request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        if not joint.may_walk(one, user):
            raise PermissionDenied
        status = _walk(request, form, shop, user, now)
        if status == 302:
            return redirect(f"/issues/joint/{joint_id}/")
    labels, language = inspections.item_labels(), get_language() or "zh-hans"
    made = list(shop.inspections.select_related("unit", "officer", "second_officer"))
    photos = list(dict.fromkeys(photo for one_made in made for photo in one_made.photos))
    context = {
        "joint": one, "shop": shop, "form": form, "parts": [
            {"part": part, "settled": [(labels[item].text(language), made) for item, made in part.settled.items()]}
            for part in parts
        ],
        "may_walk": joint.may_walk(one, user) and shop.walked_at is None and shop.left_out_at is None
        and one.withdrawn_at is None and one.day <= timezone.localdate(),
        "made": lines(made, user), "photos": photos, "album": not_on_the_spot(photos),
        "issues": [finding.issue for finding in shop.findings.select_related("issue")],
        "submission": submission_of(request), "photo_error": getattr(form, "photo_error", ""),
    }  # fmt: skip
    return render(request, "issues/joint_shop.html", context, status=status)


def _walk(request: HttpRequest, form: WalkForm, shop: JointShop, user: User, now: datetime) -> int:
    """Decode the pictures, then record it, once. Returns 302 if it was, else the status to answer with."""
    if not form.is_valid():
        return 422
    pictured = {n for n in form.rows if request.FILES.get(f"photo_{n}")}
    if request.POST.get("act") != "nothing" and not form.name_each(pictured):
        return 422
    try:
        _keep(request, form, shop, user, now)
    except (PhotoRefused, pictures.NotKept) as error:
        form.photo_error, status = pictures.refusal(error)  # type: ignore[attr-defined]  # for the template alone
        return status
    except JointRefused as refused:
        _tell(form, refused)
        return 409 if refused.why in ("walked", "withdrawn", "left_out") else 422
    except InspectionRefused as refused:
        form.add_error(FIELD_OF.get(refused.why), f"{refused.item}: {words.REFUSALS[refused.why]}")
        return 422
    except SubmissionReused:
        form.add_error(None, _("This form was sent before with other words. Reload the page and send it again."))
        return 409
    return 302


def _keep(request: HttpRequest, form: WalkForm, shop: JointShop, user: User, now: datetime) -> None:
    nothing = request.POST.get("act") == "nothing"
    found = [] if nothing else form.found()
    sent = {n: pictures.sent(request, f"photo_{n}") for n in (0, *form.rows)}
    caption = pictures.caption(shop=shop.merchant.name, at=now, person=user.name)
    photos = {n: pictures.prepare(picture, caption) for n, picture in sent.items()}
    body = {
        **form.cleaned_data, "shop": shop.pk, "nothing": nothing,
        "photos": {str(n): picture.sha256 for n, picture in sent.items() if picture},
    }  # fmt: skip
    submission = submission_of(request)

    def do() -> dict[str, object]:
        with ExitStack() as kept:
            names = {n: kept.enter_context(pictures.keeping(one, at=now, by=user.pk)) for n, one in photos.items()}
            seen = tuple(Seen(violation, told, names[n]) for n, violation, told in found)
            walked = form.walked(seen)
            joint.walk(shop, replace(walked, photos=names[0]), by=user, at=now, submission=submission)
        return {"shop": shop.pk}

    once(submission, actor=f"user:{user.pk}", body=body, at=now, do=do)
