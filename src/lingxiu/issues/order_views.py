"""Pages of orders from above: the list, a new one, one with its items. Thin: parse, authorise, call, render."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from lingxiu.accounts.models import Unit, UnitKind, User
from lingxiu.files.actions import Shot, keep_photo, prepare_photo, store_document
from lingxiu.files.models import StoredFile
from lingxiu.files.photos import PhotoRefused
from lingxiu.files.queries import not_on_the_spot
from lingxiu.issues import order_asked, orders, pictures, writing
from lingxiu.issues.fields import area
from lingxiu.issues.models import Issue
from lingxiu.issues.order_about import About, about_of, fitting
from lingxiu.issues.order_models import Order, OrderItem, OrderKind
from lingxiu.issues.shop_list import ShopListForm
from lingxiu.issues.views import officer, submission_of
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.policy.queries import in_force
from lingxiu.territory.queries import town_names
from lingxiu.ui import addresses
from lingxiu.ui.choosing import offer

MOST_SCAN_BYTES = 10 * 1024 * 1024
PDF = b"%PDF-"
REFUSALS = {
    "number_known": gettext_lazy("An order with this number stands already: open it in the list."),
    "no_items": gettext_lazy("Choose at least one unit, or a list of shops that holds any."),
    "too_many": gettext_lazy("That is more than 500 shops. Make one order for each town."),
    "state": gettext_lazy("This item has moved on. Look at how it stands now."),
    "person": gettext_lazy("That is for the unit that has it; crossing off, for somebody who did not answer."),
    "issue_open": gettext_lazy("The issue made of it is still open. It is crossed off when that has ended."),
    "words": gettext_lazy("Write a few words: the next one who reads it must understand."),
    "photos": gettext_lazy("A campaign's answer shows the shop before and after: take both pictures."),
    "shop_known": gettext_lazy("One of these shops has an item already: choose a list without it."),
    "day": gettext_lazy("Choose a day still to come."),
    "nothing": gettext_lazy("That is what it says already: write another task or another day."),
}


@dataclass(frozen=True, slots=True)
class UnitRow:
    """A unit one may give an item, and what was said for it: its own task and day, where they differ from the order's."""

    unit: Unit
    chosen: bool
    task: str
    due_on: str


class ItemsForm(ShopListForm):
    """For whom, by when: units, each with its own task and day if need be, and the shops of a list."""

    due_on = forms.DateField(label=gettext_lazy("To be done by"), widget=forms.DateInput(attrs={"type": "date"}))
    units = forms.MultipleChoiceField(
        label=gettext_lazy("Units"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Each gets an item of its own. Without a task and a day of its own, the order's hold."),
    )  # fmt: skip

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        county = orders.is_county(user)
        towns = {code: name for code, name in town_names().items() if county or code in user.authority.towns}
        self.offer_shops(towns, county=county)
        self._own = {str(unit.pk): unit for unit in _units(user)}
        offer(self, "units", [(pk, unit.name) for pk, unit in self._own.items()])

    def unit_rows(self) -> list[UnitRow]:
        """The units as the page lists them, with what was typed."""
        initial = set(self.initial.get("units", ()))
        chosen = set(self.data.getlist("units")) if self.is_bound and hasattr(self.data, "getlist") else initial
        return [
            UnitRow(unit, pk in chosen, self._said("task", pk), self._said("due", pk)) for pk, unit in self._own.items()
        ]

    def _said(self, what: str, pk: str) -> str:
        return " ".join(str(self.data.get(f"{what}-{pk}", "")).split())[:300] if self.is_bound else ""

    def clean(self) -> dict[str, Any]:
        """What is to be done lies ahead, for each unit too."""
        data = super().clean() or {}
        due = data.get("due_on")
        if due and due < timezone.localdate():
            self.add_error("due_on", _("This day is over. Write one to come."))
        days = {}
        for pk in data.get("units", []):
            try:
                days[pk] = _day(self._said("due", pk))
            except orders.OrderRefused:
                self.add_error("units", _("%(unit)s: choose a day still to come.") % {"unit": self._own[pk].name})
        data["days"] = days
        return data

    def items(self, title: str, user: User) -> list[orders.Wanted]:
        """An item a unit, and one a shop of the list with the grid it lies in."""
        said = self.cleaned_data
        units = [
            orders.Wanted(self._own[pk], self._said("task", pk) or title, said["days"].get(pk) or said["due_on"])
            for pk in said["units"]
        ]
        return units + _shops(self, title, user)


def _day(text: str) -> date | None:
    """A day from today on; None where nothing was said. Raises OrderRefused."""
    try:
        day: date | None = forms.DateField(required=False).clean(text)
    except ValidationError as error:
        raise orders.OrderRefused("due_on", "day") from error
    if day is not None and day < timezone.localdate():
        raise orders.OrderRefused("due_on", "day")
    return day


class OrderForm(ItemsForm):
    """An order: what it is, by whom, until when, for whom."""

    field_order = (
        "kind",
        "number",
        "title",
        "issued_by",
        "leader",
        "issued_on",
        "words",
        "violation",
        "due_on",
        "units",
    )
    kind = forms.ChoiceField(label=gettext_lazy("What it is"), choices=OrderKind.choices, widget=forms.RadioSelect)
    number = forms.CharField(
        label=gettext_lazy("Number"), max_length=60,
        help_text=gettext_lazy("Of the instruction's slip, or of the campaign's approval: without one it may not be carried out."),
    )  # fmt: skip
    title = forms.CharField(label=gettext_lazy("Title"), max_length=120)
    issued_by = forms.CharField(label=gettext_lazy("Issued by"), max_length=60)
    leader = forms.ChoiceField(
        label=gettext_lazy("Whose order it is"), required=False, widget=forms.Select(attrs={"lang": "zh"}),
        help_text=gettext_lazy("Who has an account here is told when a unit has answered or is late."),
    )  # fmt: skip
    issued_on = forms.DateField(label=gettext_lazy("Issued on"), widget=forms.DateInput(attrs={"type": "date"}))
    words = forms.CharField(label=gettext_lazy("What is to be done"), max_length=2000, widget=area(3))
    violation = forms.ChoiceField(label=gettext_lazy("What it is about"))

    def __init__(self, user: User, about: About, *args: Any, **kwargs: Any) -> None:
        super().__init__(user, *args, **kwargs)
        language = get_language() or "zh-hans"
        catalogues, today = in_force().catalogues, timezone.localdate()
        self._leaders = {str(one.pk): one for one in order_asked.leaders()}
        choices: dict[str, list[tuple[str, Any]]] = {
            "violation": [("", _("Choose …"))] + [
                (row.id, row.label.text(language)) for row in catalogues.violations
                if (row.kind == "finding" and row.holds(today)) or (about.where and row.id == about.violation)
            ],
            "leader": [("", _("nobody with an account")), *((pk, one.name) for pk, one in self._leaders.items())],
        }  # fmt: skip
        for name, rows in choices.items():
            offer(self, name, rows)

    def leader_chosen(self) -> User | None:
        """Whose order it is, if they have an account."""
        return self._leaders.get(self.cleaned_data["leader"])

    def clean(self) -> dict[str, Any]:
        """What is to be done lies ahead; who ordered it has done so."""
        data = super().clean()
        issued = data.get("issued_on")
        if issued and issued > timezone.localdate():
            self.add_error("issued_on", _("This day is still to come."))
        return data


def _units(user: User) -> list[Unit]:
    """To whom this dispatcher may give an item: at the county, towns and departments; in a town, its own units."""
    units = Unit.objects.filter(active=True)
    if orders.is_county(user):
        found = units.filter(kind__in=[UnitKind.TOWN, UnitKind.DEPARTMENT])
    else:
        towns = [post.town for post in user.authority.posts_that_may("issues.dispatch") if post.town]
        found = units.filter(town__in=towns, kind__in=[UnitKind.GRID, UnitKind.TOWN_TEAM])
    return list(found.order_by("kind", "code"))


@require_safe
def order_list(request: HttpRequest) -> HttpResponse:
    """`/issues/orders/`: what this reader has to do with, the newest first; who may give one finds the button."""
    user = officer(request)
    crossed = Count("items", filter=Q(items__state=OrderItem.State.CROSSED_OFF))
    rows = Order.objects.visible_to(user).annotate(
        items_all=Count("items", filter=Q(items__withdrawn_at=None)), items_crossed=crossed
    )
    late = Count("items", filter=Q(items__state=OrderItem.State.OPEN, items__due_on__lt=timezone.localdate()))
    context = {
        "rows": rows.annotate(items_late=late)[:200],
        "may_give": user.authority.may("issues.dispatch"),
        "may_ask": order_asked.is_leader(user.authority),
        "may_look": orders.is_county(user),
    }
    return render(request, "issues/orders.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new_order(request: HttpRequest) -> HttpResponse:
    """`/issues/orders/new/`, `?issue=<number>` or `?merchant=<id>`: of that one."""
    user, now = officer(request), timezone.now()
    if not user.authority.may("issues.dispatch"):
        raise PermissionDenied
    about = about_of(request, user)
    start: dict[str, Any] = {"issued_on": timezone.localdate(), "units": fitting(about, _units(user))}
    if about.where:
        start |= {"kind": OrderKind.INSTRUCTION, "violation": about.violation}
    form = OrderForm(user, about, request.POST or None, initial=start)
    submission = submission_of(request)
    if request.method == "POST" and form.is_valid():
        try:
            scan = scan_of(request, form, user)
            if not form.errors:
                items = form.items(form.cleaned_data["title"], user)
                order = orders.give(_given(form, scan, about), items, by=user, at=now, submission=submission)
                if scan is not None:
                    writing.use_photos((scan.sha256,), "order", order.pk)
                return redirect("issues:order", order.pk)
        except orders.OrderRefused as refused:
            form.add_error(refused.field if refused.field in form.fields else None, str(REFUSALS[refused.why]))
    status = 422 if form.is_bound else 200
    context = {"form": form, "about": about, "submission": submission}
    return render(request, "issues/order_new.html", context, status=status)


def _given(form: OrderForm, scan: StoredFile | None, about: About) -> orders.Given:
    said = form.cleaned_data
    return orders.Given(
        OrderKind(said["kind"]), said["number"], said["title"], said["issued_by"], said["issued_on"], said["violation"],
        said["words"], scan, form.leader_chosen(), about.issue, about.shop,
    )  # fmt: skip


def _shops(form: ItemsForm, title: str, user: User) -> list[orders.Wanted]:
    due = form.cleaned_data["due_on"]
    found = list(form.shops_of(user).order_by("town", "grid", "pk")[: orders.MOST_ITEMS + 1])
    if not found:
        return []
    grids = {unit.grid: unit for unit in Unit.objects.filter(kind=UnitKind.GRID, active=True)}
    towns = {unit.town: unit for unit in Unit.objects.filter(kind=UnitKind.TOWN, active=True)}
    return [
        orders.Wanted(grids.get(shop.grid) or towns[shop.town], title, due, shop)
        for shop in found
        if shop.grid in grids or shop.town in towns
    ]


def scan_of(request: HttpRequest, form: forms.Form, user: User) -> StoredFile | None:
    """The paper it stands on: a PDF, or a picture taken of it, into which nothing is written. Anything else is refused."""
    file = request.FILES.get("scan")
    if not isinstance(file, UploadedFile) or not file.size:
        return None
    if file.size > MOST_SCAN_BYTES:
        form.add_error(None, _("The scan is larger than 10 MB. Scan it in grey, or in fewer pages."))
        return None
    data = file.read()
    if not data.startswith(PDF):
        try:
            photo = prepare_photo(BytesIO(data), shot=Shot(watermarked=True), caption=[])
        except PhotoRefused:
            form.add_error(None, _("The scan is neither a PDF nor a picture. Save it as PDF or take a picture of it."))
            return None
        return keep_photo(photo, stored_at=timezone.now(), stored_by=user.pk)
    return store_document(data, content_type="application/pdf", stored_at=timezone.now(), stored_by=user.pk)


@require_safe
def show_order(request: HttpRequest, order_id: int) -> HttpResponse:
    """`/issues/orders/<id>/`: what is to be done, by whom, how far it is."""
    return _page(request, officer(request), order_id)


def _page(request: HttpRequest, user: User, order_id: int, *, wrong: str = "", status: int = 200) -> HttpResponse:
    order = get_object_or_404(
        Order.objects.visible_to(user).select_related("made_by", "leader", "scan", "about_issue", "about_shop"),
        pk=order_id,
    )
    items = list(order.items.select_related("unit", "merchant", "answered_by", "crossed_off_by", "issue"))
    for item in items:
        item.order = order
    may_change = orders.may_change(order, user)
    people = {one["by"] for item in items for one in item.changes}
    names = dict(User.objects.filter(pk__in=people).values_list("pk", "name")) if people else {}
    rows: list[dict[str, Any]] = [
        {
            "item": item,
            "late": item.state == OrderItem.State.OPEN and item.due_on < timezone.localdate(),
            "may_answer": item.state in orders.UNDER_WAY and orders.may_answer(item, user),
            "may_withdraw": may_change and item.state in orders.UNDER_WAY,
            "changes": [{**one, "by": names.get(one["by"], "")} for one in item.changes],
            "may_cross_off": item.state == OrderItem.State.ANSWERED and orders.may_cross_off(item, user),
        }
        for item in items
    ]
    order_of = {state: place for place, state in enumerate(OrderItem.State.values)}
    rows.sort(key=lambda row: (not row["may_answer"], order_of[row["item"].state], row["item"].due_on, row["item"].pk))
    crossed = sum(item.state == OrderItem.State.CROSSED_OFF for item in items)
    whole = sum(item.state != OrderItem.State.WITHDRAWN for item in items)
    pictures_shown = [photo for item in items for photo in (*item.photos_before, *item.photos_after)]
    violation = in_force().catalogues.violation(order.violation) if _known(order.violation) else None
    context = {
        "order": order, "rows": rows, "crossed": crossed, "all": whole, "wrong": wrong, "violation": violation,
        "may_change": may_change, "album": not_on_the_spot(pictures_shown),
        "about": order.about_issue and Issue.objects.visible_to(user).filter(pk=order.about_issue.pk).first(),
        "late": sum(bool(row["late"]) for row in rows), "submission": submission_of(request),
    }  # fmt: skip
    return render(request, "issues/order.html", context, status=status)


def _known(violation: str) -> bool:
    return any(row.id == violation for row in in_force().catalogues.violations)


@require_http_methods(["GET", "HEAD", "POST"])
def add_items(request: HttpRequest, order_id: int) -> HttpResponse:
    """`/issues/orders/<id>/add/`: more units, more shops, for who gave the order and the county's office."""
    user, now = officer(request), timezone.now()
    order = get_object_or_404(Order.objects.visible_to(user), pk=order_id)
    if not orders.may_change(order, user):
        raise PermissionDenied
    form, submission = ItemsForm(user, request.POST or None), submission_of(request)
    if request.method == "POST" and form.is_valid():
        items = form.items(order.title, user)
        body = {
            "order": order.pk,
            "items": [[one.unit.pk, one.task, str(one.due_on), one.merchant and one.merchant.pk] for one in items],
        }

        def do() -> dict[str, object]:
            orders.add(order, items, by=user, at=now)
            return {}

        try:
            once(submission, actor=f"user:{user.pk}", body=body, at=now, do=do)
            return redirect("issues:order", order.pk)
        except orders.OrderRefused as refused:
            form.add_error(None, str(REFUSALS[refused.why]))
        except SubmissionReused:
            form.add_error(None, sent_before())
    context = {"form": form, "order": order, "submission": submission}
    return render(request, "issues/order_add.html", context, status=422 if form.is_bound else 200)


@require_POST
def act_on_item(request: HttpRequest, order_id: int, item_id: int) -> HttpResponse:
    """`/issues/orders/<id>/<item>/`: `act` = answer, issue, cross_off, send_back, change or withdraw."""
    user = officer(request)
    order = get_object_or_404(Order.objects.visible_to(user), pk=order_id)
    item = get_object_or_404(OrderItem.objects.select_related("unit", "merchant"), pk=item_id, order=order)
    act, words = request.POST.get("act", ""), request.POST.get("words", "")[:2000]
    if act not in ("answer", "issue", "cross_off", "send_back", "change", "withdraw"):
        raise Http404
    try:
        where = _act(request, item, user, act, words)
    except orders.OrderRefused as refused:
        return _page(request, user, order_id, wrong=str(REFUSALS[refused.why]), status=409)
    except SubmissionReused:
        return _page(request, user, order_id, wrong=sent_before(), status=409)
    except (PhotoRefused, pictures.NotKept) as error:
        why, status = pictures.refusal(error)
        return _page(request, user, order_id, wrong=why, status=status)
    if request.POST.get("back") == "asked":
        return redirect(order_asked.address(order.leader if order.leader_id != user.pk else None))
    return redirect(where) if where else redirect("issues:order", order_id)


def sent_before() -> str:
    """Whoever went back in their browser and sent the form once more, with other words."""
    return _("This form was sent before with other words. Reload the page and send it again.")


def _act(request: HttpRequest, item: OrderItem, user: User, act: str, words: str) -> str:
    """Do it once. Returns where to go if not back to the order."""
    now, submission = timezone.now(), submission_of(request)
    shop = item.merchant.name if item.merchant else item.task
    sent = {name: pictures.sent(request, name) for name in ("before", "after")}
    photos = {
        name: pictures.prepare(picture, pictures.caption(shop=shop, at=now, person=user.name))
        for name, picture in sent.items()
    }
    task, due = request.POST.get("task", "")[:300], request.POST.get("due_on", "")[:20]
    body = {"item": item.pk, "act": act, "words": words, "task": task, "due": due,
            **{name: picture and picture.sha256 for name, picture in sent.items()}}  # fmt: skip

    def do() -> dict[str, object]:
        with (
            pictures.keeping(photos["before"], at=now, by=user.pk) as before,
            pictures.keeping(photos["after"], at=now, by=user.pk) as after,
        ):
            match act:
                case "answer":
                    orders.answer(item, words, by=user, at=now, before=before, after=after)
                case "issue":
                    made = orders.make_issue(item, words, by=user, at=now, photos=before)
                    return {"to": addresses.issue(made.number)}
                case "cross_off":
                    orders.cross_off(item, by=user, at=now)
                case "change":
                    orders.change(item, task=task, due_on=_day(due) or item.due_on, why=words, by=user, at=now)
                case "withdraw":
                    orders.withdraw(item, words, by=user, at=now)
                case _:
                    orders.send_back(item, words, by=user, at=now)
        return {"to": ""}

    result, _first = once(submission, actor=f"user:{user.pk}", body=body, at=now, do=do)
    return str(result["to"])
