"""What a phone sends, read and checked: the answers of a self-check, a care record, the pictures with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from lingxiu.files.actions import Shot
from lingxiu.files.claims import taken_on_the_spot
from lingxiu.merchants.actions import Care
from lingxiu.policy.schema.selfcheck import SelfCheckItem, SelfCheckList
from lingxiu.selfservice.actions import Picture
from lingxiu.selfservice.agenda import What
from lingxiu.selfservice.queries import KIND

LATER = "later"
ANSWERS: dict[str, bool | None] = {"yes": True, "no": False, LATER: False, "none": None}
OLDEST_DAYS = 365
"""A record older than a year is an import's business, not a thumb's."""


class SelfCheckForm(forms.Form):
    """One question an item, in the order of the catalogue."""

    def __init__(self, items: SelfCheckList, data: Any = None) -> None:
        super().__init__(data)
        self.items = {item.id: item for item in items.items}
        language = get_language() or "zh-hans"
        for item in items.items:
            self.fields[item.id] = forms.ChoiceField(
                label=item.label.text(language),
                choices=[
                    ("yes", _("In order")),
                    ("no", _("Not in order, we put it right today")),
                    *([(LATER, _("Not in order, we need time or help"))] if item.violation else []),
                    ("none", _("We have none")),
                ],
                widget=forms.RadioSelect,
                help_text=item.help.text(language) if item.help else "",
                error_messages={"required": _("Choose one: in order, not in order, or we have none.")},
            )

    def by_medium(self) -> Iterator[tuple[str, list[forms.BoundField]]]:
        """The questions of each medium: exhaust, drains, waste."""
        for medium in ("exhaust", "drains", "waste"):
            yield medium, [self[item.id] for item in self.items.values() if item.medium == medium]

    def answers(self) -> dict[str, bool | None]:
        """Item id → in order? None: the shop has no such thing."""
        return {name: ANSWERS[chosen] for name, chosen in self.cleaned_data.items()}

    def later(self) -> list[str]:
        """Ids of the items the owner needs time or help for."""
        return [name for name, chosen in self.cleaned_data.items() if chosen == LATER]

    def unanswered(self) -> int:
        """How many questions are still open."""
        return len(self.errors)


def not_in_order(items: SelfCheckList, answers: dict[str, bool | None]) -> list[SelfCheckItem]:
    """The items that were declared not in order, with what to do about each."""
    return [item for item in items.items if answers.get(item.id, True) is False]


class CareForm(forms.Form):
    """When something was cared for, by whom; of waste, how much."""

    on = forms.DateField(
        label=_("When"),
        widget=forms.DateInput(attrs={"type": "date", "class": "short"}, format="%Y-%m-%d"),
        error_messages={"required": _("Give the day it was done."), "invalid": _("Give a day, such as 2026-03-05.")},
    )
    by = forms.CharField(
        label=_("Who did it"),
        max_length=80,
        required=False,
        help_text=_("The company's name; empty if you did it yourselves."),
    )
    kg = forms.FloatField(
        label=_("How many kilograms"),
        min_value=0.1,
        max_value=100_000,
        widget=forms.NumberInput(attrs={"inputmode": "decimal", "step": "0.1", "class": "short"}),
        error_messages={"required": _("Give the weight on the slip.")},
    )

    def __init__(self, what: What, today: date, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial={"on": today, **(initial or {})})
        self.what, self.today = what, today
        self.fields["on"].widget.attrs |= {"max": today.isoformat()}
        if what is not What.WASTE:
            del self.fields["kg"]

    def clean_on(self) -> date:
        on: date = self.cleaned_data["on"]
        if on > self.today:
            raise forms.ValidationError(_("%(on)s is still to come; record it once it is done."), params={"on": on})
        if on < self.today - timedelta(days=OLDEST_DAYS):
            raise forms.ValidationError(
                _("%(on)s is more than a year ago; your grid member can enter it."), params={"on": on}
            )
        return on

    def care(self) -> Care:
        """The record to write."""
        given = self.cleaned_data
        return Care(KIND[self.what], given["on"], given["by"].strip(), given.get("kg"))


def submission_of(request: HttpRequest) -> UUID | None:
    """The UUID the client made; None where there is none, so that the form is sent again with one."""
    try:
        return UUID(request.POST.get("submission", ""))
    except ValueError:
        return None


def pictures_of(request: HttpRequest, *names: str) -> list[Picture]:
    """The pictures that came under these names, with what the phone says of each (docs/frontend.md, photos)."""
    return [
        Picture(file, _shot(request, name, file), name)  # type: ignore[arg-type]  # an uploaded file reads like any other
        for name in names
        if isinstance(file := request.FILES.get(name), UploadedFile)
    ]


def _shot(request: HttpRequest, name: str, file: UploadedFile[bytes]) -> Shot:
    data, shot_at = file.read(), _moment(request.POST.get(f"{name}_shot_at", ""))
    file.seek(0)
    return Shot(
        watermarked=request.POST.get(f"{name}_watermarked") == "1" and taken_on_the_spot(data, shot_at, timezone.now()),
        at=shot_at,
        lng=_number(request.POST.get(f"{name}_lng", ""), 180),
        lat=_number(request.POST.get(f"{name}_lat", ""), 90),
        accuracy_m=_number(request.POST.get(f"{name}_accuracy", ""), 1e7),
    )


def _moment(text: str) -> datetime | None:
    """An aware time, or nothing: what a phone says of a picture is worth keeping, not worth refusing."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    return moment if moment and timezone.is_aware(moment) else None


def _number(text: str, largest: float) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) <= largest else None
