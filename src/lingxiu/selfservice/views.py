"""The owner's phone: is anything wrong with my shop, and what do I do by when. Cleaning companies and haulers record there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias
from uuid import uuid4

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from lingxiu.accounts.models import User
from lingxiu.files.photos import PhotoRefused
from lingxiu.journal.actions import SubmissionReused
from lingxiu.merchants.models import CareRecord, Merchant
from lingxiu.policy.queries import edition, in_force
from lingxiu.policy.schema.selfcheck import SelfCheckList
from lingxiu.selfservice import queries, wording
from lingxiu.selfservice.actions import PHOTO_OF, AlreadyDeclared, declare, record_care
from lingxiu.selfservice.agenda import CARE, Todo, What
from lingxiu.selfservice.forms import CareForm, SelfCheckForm, not_in_order, pictures_of, submission_of
from lingxiu.selfservice.models import SelfCheck
from lingxiu.selfservice.wording import Line

SEARCH_FROM = 8
"""With so many shops a box to search them is worth its place."""
SHOPS_A_PAGE = 50
MEDIA = ("exhaust", "drains", "waste")


@dataclass(frozen=True, slots=True)
class Mine:
    """A shop, as far as the person who asks may do something for it."""

    user: User
    merchant: Merchant
    may: frozenset[What]
    at: datetime
    several: bool

    @property
    def is_owner(self) -> bool:
        return What.SELF_CHECK in self.may


ShopView: TypeAlias = Callable[[HttpRequest, Mine], HttpResponse]


# ── which shop ───────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def front_door(request: HttpRequest) -> HttpResponse:
    """`/shop/`: the shop; with several, which one, the most pressing first."""
    user = person_of(request)
    may = queries.may_do(user)
    wanted = request.GET.get("merchant", "")
    if (merchant_id := next((one for one in may if str(one) == wanted), None)) is not None:
        return redirect(f"/shop/{merchant_id}/")
    if not may and user.authority.is_officer:
        raise Http404
    merchants = queries.shops(may)
    if len(merchants) == 1:
        return show_shop(request, Mine(user, merchants[0], may[merchants[0].pk], timezone.now(), several=False))
    return _choose(request, user, merchants, may)


def _choose(
    request: HttpRequest, user: User, merchants: list[Merchant], may: dict[int, frozenset[What]]
) -> HttpResponse:
    words = request.GET.get("q", "").strip()
    shown = queries.shops(may, words) if words else merchants
    now = timezone.now()
    reminders = queries.reminders_of(shown, may, user)
    told = queries.agendas(shown, may, now, reminders)
    rows = [
        (shop, _first(shop, told[shop.pk], reminders.get(shop.pk, []), may[shop.pk]), _door(shop, may))
        for shop in shown
    ]
    rows.sort(key=lambda row: _how_pressing(told[row[0].pk]))
    page = Paginator(rows, SHOPS_A_PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "selfservice/choose.html",
        {
            "rows": page.object_list,
            "page": page,
            "pages": page.paginator.num_pages,
            "q": words,
            "owns": any(What.SELF_CHECK in whats for whats in may.values()),
            "searchable": len(merchants) >= SEARCH_FROM,
            "columns": columns(_("Shop"), _("What to do"), _("By when")),
        },
    )


def _first(shop: Merchant, todos: list[Todo], reminders: list[queries.Reminder], may: frozenset[What]) -> Line | None:
    return next(iter(wording.lines(shop.pk, todos, reminders, own=What.SELF_CHECK in may)), None)


def _how_pressing(todos: list[Todo]) -> tuple[bool, bool, str]:
    first = todos[0] if todos else Todo(What.WASTE, None)
    return not first.late_days, not first.pressing, first.by.isoformat() if first.by else "9"


def _door(shop: Merchant, may: dict[int, frozenset[What]]) -> str:
    """Who may do one thing only goes straight to it."""
    whats = may[shop.pk]
    return wording.record_url(shop.pk, next(iter(whats))) if len(whats) == 1 else f"/shop/{shop.pk}/"


# ── one shop ─────────────────────────────────────────────────────────────────────────────────────────────────────


@require_safe
def shop(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """`/shop/<id>/`."""
    return show_shop(request, mine_of(request, merchant_id))


def show_shop(request: HttpRequest, mine: Mine) -> HttpResponse:
    """One sentence, one date, one button; then the rest, whom to call, and what was recorded."""
    shops = [mine.merchant]
    may = {mine.merchant.pk: mine.may}
    reminders = queries.reminders_of(shops, may, mine.user)
    open_issues = reminders.get(mine.merchant.pk, [])
    todos = queries.agendas(shops, may, mine.at, reminders)[mine.merchant.pk]
    lines = wording.lines(mine.merchant.pk, todos, open_issues, own=mine.is_owner)
    first = next((line for line in lines if line.pressing), None)
    latest = queries.latest_self_check(mine.merchant) if mine.is_owner else None
    context = {
        "mine": mine,
        "merchant": mine.merchant,
        "level": mine.merchant.standing.fume_level,
        "first": first,
        "others": sorted((line for line in lines if line is not first and not line.reminder), key=_by),
        "next": next((line for line in lines if line.by), None),
        "reminders": [line for line in lines if line.reminder and line is not first],
        "hazards": not_in_order(_list_of(latest), latest.answers) if latest else [],
        "contact": queries.contact_of(mine.merchant, mine.at),
        "care": _care_rows(mine),
        "declared_for": latest.month if latest else None,
        "columns": columns(_("What"), _("Date")),
    }
    return render(request, "selfservice/shop.html", context)


def _by(line: Line) -> date:
    """What has a date stands in the order of the dates, the rest after it."""
    return line.by or date.max


def _care_rows(mine: Mine) -> list[tuple[str, date | None, str]]:
    """What was last done when, and where it is recorded."""
    last = queries.last_care([mine.merchant.pk])[mine.merchant.pk]
    rows = []
    for what in CARE:
        words = wording.DONE[what]
        if what in mine.may:
            rows.append((_(words), last.get(what), wording.record_url(mine.merchant.pk, what)))
    return rows


# ── self-check ───────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """`/shop/<id>/check/`: once a month; what was declared stands, and is shown."""
    mine = mine_of(request, merchant_id, What.SELF_CHECK)
    declared = queries.declared_this_month(mine.merchant, mine.at)
    if declared is not None and request.method != "POST":
        return _show_declared(request, mine, declared)
    items = in_force().catalogues.selfcheck
    if request.method != "POST":
        return _ask(request, mine, SelfCheckForm(items))
    form = SelfCheckForm(items, request.POST)
    submission = submission_of(request)
    if not form.is_valid() or submission is None:
        return _ask(request, mine, form, status=422)
    pictures = pictures_of(request, *(PHOTO_OF % medium for medium in MEDIA))
    try:
        made = declare(
            mine.merchant, form.answers(), actor=mine.user, at=mine.at, submission=submission, pictures=pictures,
            later=form.later(),
        )  # fmt: skip
    except AlreadyDeclared:
        messages.info(request, _("This month's self-check was already declared; it stands as it was."))
        return redirect(f"/shop/{mine.merchant.pk}/")
    except (PhotoRefused, SubmissionReused) as error:
        return _ask(request, mine, form, status=422, error=_why(error))
    messages.success(request, _declared_words(len(not_in_order(items, made.answers))))
    if form.later():
        messages.info(
            request,
            _("Thank you for saying so. It is kept as a reminder, and your grid member comes by to help."),
        )
    return redirect(f"/shop/{mine.merchant.pk}/")


def _ask(request: HttpRequest, mine: Mine, form: SelfCheckForm, *, status: int = 200, error: str = "") -> HttpResponse:
    month = queries.month_of(mine.at)
    names = {"exhaust": _("Exhaust"), "drains": _("Drains"), "waste": _("Waste")}
    context = {
        "mine": mine,
        "merchant": mine.merchant,
        "form": form,
        "media": [(medium, names[medium], fields) for medium, fields in form.by_medium()],
        "month": month,
        "submission": request.POST.get("submission") or uuid4(),
        "errors": _form_errors(form, error),
    }
    return render(request, "selfservice/check.html", context, status=status)


def _form_errors(form: SelfCheckForm, error: str) -> list[str]:
    if error:
        return [error]
    if not form.is_bound:
        return []
    left = form.unanswered()
    if not left:
        return [_("The form was incomplete. Send it once more.")]
    return [ngettext("%(left)s question is still open.", "%(left)s questions are still open.", left) % {"left": left}]


def _show_declared(request: HttpRequest, mine: Mine, declared: SelfCheck) -> HttpResponse:
    items = _list_of(declared)
    context = {
        "mine": mine,
        "merchant": mine.merchant,
        "check": declared,
        "answers": [(item, declared.answers[item.id]) for item in items.items if item.id in declared.answers],
        "columns": columns(_("What"), _("State")),
    }
    return render(request, "selfservice/declared.html", context)


def _declared_words(wrong: int) -> str:
    if not wrong:
        return _("Declared: everything is in order. Thank you.")
    return ngettext(
        "Declared. Put %(wrong)s thing right; what to do is shown below.",
        "Declared. Put %(wrong)s things right; what to do is shown below.",
        wrong,
    ) % {"wrong": wrong}


# ── care ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@require_http_methods(["GET", "HEAD", "POST"])
def care(request: HttpRequest, merchant_id: int, what: str) -> HttpResponse:
    """`/shop/<id>/cleaning/`, `…/trap/`, `…/waste/`: what was done, when, by whom, with a picture if there is one."""
    mine = mine_of(request, merchant_id, What(what))
    asked, today = What(what), timezone.localdate(mine.at)
    if request.method != "POST":
        return _ask_care(request, mine, CareForm(asked, today, initial={"by": _who_usually(mine, asked)}))
    form = CareForm(asked, today, request.POST)
    submission = submission_of(request)
    if not form.is_valid() or submission is None:
        return _ask_care(request, mine, form, status=422)
    pictures = pictures_of(request, "photo")
    try:
        record_care(mine.merchant, form.care(), actor=mine.user, at=mine.at, submission=submission, pictures=pictures)
    except (PhotoRefused, SubmissionReused) as error:
        return _ask_care(request, mine, form, status=422, error=_why(error))
    messages.success(request, _("Recorded for %(shop)s.") % {"shop": mine.merchant.name})
    return redirect(f"/shop/{mine.merchant.pk}/" if mine.is_owner else "/shop/")


def _ask_care(request: HttpRequest, mine: Mine, form: CareForm, *, status: int = 200, error: str = "") -> HttpResponse:
    words, weighed = wording.BUTTON[form.what], form.what is What.WASTE
    context = {
        "mine": mine,
        "merchant": mine.merchant,
        "what": form.what,
        "heading": _(words),
        "form": form,
        "records": queries.recent_care(mine.merchant, form.what),
        "weighed": weighed,
        "columns": columns(_("Date"), *([_("How many kilograms")] if weighed else []), _("Who did it")),
        "submission": request.POST.get("submission") or uuid4(),
        "errors": [error] if error else [],
    }
    return render(request, "selfservice/care.html", context, status=status)


def _who_usually(mine: Mine, what: What) -> str:
    """The name on the last record of this kind; a company's own name where there is none."""
    last: CareRecord | None = next(iter(queries.recent_care(mine.merchant, what, limit=1)), None)
    if last is not None:
        return last.by
    return "" if mine.is_owner else mine.user.name


# ── shared ───────────────────────────────────────────────────────────────────────────────────────────────────────


def columns(*words: str) -> list[dict[str, str]]:
    """Headings of a table."""
    return [{"label": word} for word in words]


def person_of(request: HttpRequest) -> User:
    """Who asks. Raises Http404 for strangers."""
    if not isinstance(request.user, User):
        raise Http404
    return request.user


def mine_of(request: HttpRequest, merchant_id: int, what: What | None = None) -> Mine:
    """The shop, if this person may do something for it (this, if named). Otherwise there is no such shop."""
    user = person_of(request)
    may = queries.may_do(user)
    found = queries.shops([merchant_id]) if merchant_id in may else []
    if not found or (what is not None and what not in may[merchant_id]):
        raise Http404
    return Mine(user, found[0], may[merchant_id], timezone.now(), several=len(may) > 1)


def _list_of(check: SelfCheck) -> SelfCheckList:
    """The list a self-check answered; one without an edition, that of today."""
    return (edition(check.edition) if check.edition else in_force()).catalogues.selfcheck


def _why(error: PhotoRefused | SubmissionReused) -> str:
    """What was wrong, and the mend."""
    if isinstance(error, SubmissionReused):
        return _("This form was sent before with other content. Open it again and send it once more.")
    return {
        "not_an_image": _("This file is not a photo. Take another one."),
        "too_many_pixels": _("The photo is larger than 100 megapixels. Take a smaller one."),
        "too_large": _("The photo is larger than 30 MB. Take a smaller one."),
    }.get(error.reason, _("The photo cannot be read. Take another one."))
