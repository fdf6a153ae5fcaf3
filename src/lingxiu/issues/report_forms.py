"""Forms of people who report: what they report, and what they say later on its page. Officers enter calls on the first."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lingxiu.issues.fields import LONGEST_WORDS, area, label_of
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.territory.queries import locate, town_names
from lingxiu.ui.choosing import offer

Text = str | Promise


WHAT_FOR: dict[tuple[bool, bool], Text] = {
    (False, True): _(
        "Only if you want to be asked back, and told by text message when there is an answer. Neither the restaurant nor the "
        "grid member sees it."
    ),
    (False, False): _(
        "Only if you want to be called back. Neither the restaurant nor the grid member sees it. No text message comes: keep the "
        "address you are given, the answer stands there."
    ),
    (True, True): _("Seen by dispatchers only. A text message tells them of a question or an answer."),
    (True, False): _(
        "Seen by dispatchers only, to call back. No text message goes out: tell them the number of their report."
    ),
}
"""What a phone number is asked for: by whether an officer enters it, and whether text messages are sent."""


class ReportForm(forms.Form):
    """A person's report: of a shop whose code they scanned, or of a place. An officer enters one that was phoned in.

    `lng` and `lat`: where the person stands, if they let the phone say so; then the place need not be described.
    `same`: what an officer chose when shown issues that are like it: the number of one, or NEW.
    """

    NEW = "new"

    violation = forms.ChoiceField(label=_("What is it about?"), widget=forms.RadioSelect)
    words = forms.CharField(
        label=_("What do you see, smell or hear?"), required=False, max_length=LONGEST_WORDS, widget=area(3)
    )
    town = forms.ChoiceField(label=_("Town"), required=False)
    place = forms.CharField(
        label=_("Where is it?"), max_length=160, help_text=_("A street and number, a market, or what it is next to.")
    )
    lng = forms.FloatField(required=False, min_value=-180, max_value=180, widget=forms.HiddenInput)
    lat = forms.FloatField(required=False, min_value=-90, max_value=90, widget=forms.HiddenInput)
    seen_at = forms.DateTimeField(
        label=_("When was it?"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    )
    name = forms.CharField(label=_("Name of the caller"), required=False, max_length=40)
    phone = forms.RegexField(
        r"^[0-9+ -]{5,20}$", label=_("Your phone"), required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
        error_messages={"invalid": _("A phone number has 5 to 20 digits, such as 13800000000.")},
    )  # fmt: skip
    source = forms.ChoiceField(
        label=_("How it came in"), choices=[("phone", _("by phone")), ("12345", _("from 12345"))], initial="phone"
    )
    own_number = forms.CharField(label=_("Number of the 12345 order"), required=False, max_length=60)
    same = forms.CharField(required=False, max_length=13)
    website = forms.CharField(required=False, label=_("Leave this empty"))

    def __init__(
        self, *args: Any, at: datetime, merchant: Merchant | None, recording: bool, texts: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.at = at
        self.fields["seen_at"].initial = timezone.localtime(at)
        day = timezone.localtime(at).date()
        offered = [row for row in in_force().catalogues.violations if row.public and row.holds(day)]
        offer(self, "violation", [(row.id, label_of(row)) for row in offered])
        towns = [("", _("I do not know")), *town_names().items()]
        offer(self, "town", towns)
        if merchant is not None:
            del self.fields["place"], self.fields["town"]
        if merchant is not None or recording:  # who enters a call does not stand where it smells
            del self.fields["lng"], self.fields["lat"]
        self.fields["phone"].help_text = str(WHAT_FOR[recording, texts])
        if recording:
            self.fields["phone"].label = _("Phone of the caller")
            self.fields["words"].label = _("What the caller said")
            self.fields["words"].help_text = _(
                "They read it on the page of their report: their words, nothing of your own."
            )
        else:
            del self.fields["source"], self.fields["own_number"], self.fields["name"], self.fields["same"]
        if "lng" in self.fields and self.data.get("lng") and self.data.get("lat"):
            self.fields["place"].required = False

    def clean_website(self) -> str:
        """A field people do not see and programs fill in."""
        if self.cleaned_data["website"]:
            raise forms.ValidationError(_("Leave this field empty: it is there to tell programs from people."))
        return ""

    def clean_seen_at(self) -> datetime:
        """Not in the future, and not so long ago that nobody could look into it."""
        seen: datetime = self.cleaned_data["seen_at"]
        if seen > self.at + timedelta(minutes=10):
            raise forms.ValidationError(_("This lies in the future. Write when you noticed it."))
        if seen < self.at - timedelta(days=180):
            raise forms.ValidationError(_("This is more than half a year ago. Write when it happened last."))
        return seen

    def clean(self) -> dict[str, Any]:
        """A 12345 order has a number. A position tells the place if it lies in the county; elsewhere it tells nothing."""
        data = super().clean() or {}
        if data.get("source") == "12345" and not data.get("own_number"):
            self.add_error("own_number", _("Write the number that stands on the order: it is answered by that number."))
        if "lng" in self.fields:
            self._place(data)
        return data

    def _place(self, data: dict[str, Any]) -> None:
        lng, lat = data.get("lng"), data.get("lat")
        town = locate(lng, lat).town if lng is not None and lat is not None else ""
        if not town:
            data["lng"] = data["lat"] = None
            if not data.get("place") and "place" not in self.errors:
                self.add_error("place", _("This position lies outside the county. Write where it is."))
            return
        data["town"] = town
        # No nearer than some 100 m: it stands in lists, on paper and in exports, and where they stand may be where they live.
        data["place"] = data.get("place") or f"{town_names().get(town, '')} {lat:.3f}, {lng:.3f}".strip()


class AddForm(forms.Form):
    """The reporter says more."""

    words = forms.CharField(label=_("What else should we know?"), max_length=LONGEST_WORDS, widget=area(3))


class RateForm(forms.Form):
    """The reporter says what the answer is worth: one to five, and words if they like."""

    WORTH = ((5, _("very good")), (4, _("good")), (3, _("so so")), (2, _("poor")), (1, _("very poor")))

    stars = forms.TypedChoiceField(
        label=_("How do you find our answer?"), choices=WORTH, coerce=int, widget=forms.RadioSelect
    )
    words = forms.CharField(label=_("In a few words"), required=False, max_length=500, widget=area(2))


class AgainForm(forms.Form):
    """The reporter says it is not so, or not any more."""

    words = forms.CharField(label=_("What is not right?"), max_length=LONGEST_WORDS, widget=area(3))


class LostForm(forms.Form):
    """Who lost the address of their report: its number, and the phone they left with it."""

    number = forms.RegexField(
        r"^[0-9]{13}$", label=_("Number of your report"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"invalid": _("The number has 13 digits, such as 2026030500001.")},
    )  # fmt: skip
    phone = forms.RegexField(
        r"^[0-9+ -]{5,20}$", label=_("The phone you left with it"),
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "inputmode": "tel"}),
        error_messages={"invalid": _("A phone number has 5 to 20 digits, such as 13800000000.")},
    )  # fmt: skip
