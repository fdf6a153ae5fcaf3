"""Forms of an officer's find, and of the number something goes by in another system. They check shapes; what may be done,
`actions` checks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from lingxiu.issues import elsewhere
from lingxiu.issues.actions import opening
from lingxiu.issues.fields import LONGEST_WORDS, area, label_of
from lingxiu.issues.words import FOUND_WHEN
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.violations import Violation
from lingxiu.ui.choosing import offer

_CLOCK = "%Y-%m-%dT%H:%M"


def findings(day: datetime) -> list[Violation]:
    """What a person may find today: everything but leads, which are the sensors'."""
    today = timezone.localtime(day).date()
    return [row for row in in_force().catalogues.violations if row.kind == "finding" and row.holds(today)]


class OtherNumberForm(forms.Form):
    """Under which number the same stands in another system. Whether an open issue goes by it already, `elsewhere` finds out."""

    other_system = forms.ChoiceField(label=_("Other system"), required=False)
    other_number = forms.CharField(
        label=_("Number there"), required=False, max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters"}),
        help_text=_("If it is in another system already. So that nothing is reported twice."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = elsewhere.systems(get_language() or "zh-hans")
        offer(self, "other_system", choices)

    def clean_other_number(self) -> str:
        return elsewhere.plain(self.cleaned_data["other_number"])

    def refuse(self, number: str) -> None:
        """Says which issue has it."""
        told = gettext("Issue %(number)s has this number already. Open it and go on there.") % {"number": number}
        self.add_error("other_number", told)

    @property
    def other(self) -> tuple[str, str]:
        """System and number, both empty if there is none."""
        data = self.cleaned_data
        return (data["other_system"], data["other_number"]) if data["other_number"] else ("", "")


class FindForm(OtherNumberForm):
    """An officer's own find: what it is, and a picture; the shop is usually known from where they came."""

    violation = forms.ChoiceField(label=_("What is wrong"), widget=forms.RadioSelect)
    words = forms.CharField(label=_("In a few words"), required=False, max_length=LONGEST_WORDS, widget=area(2))
    place = forms.CharField(label=_("Where"), required=False, max_length=160)
    seen_at = forms.DateTimeField(
        label=_("When you saw it"), required=False, input_formats=[_CLOCK], help_text=_("Now, if you leave it empty."),
        widget=forms.DateTimeInput({"type": "datetime-local"}, _CLOCK),
    )  # fmt: skip
    same = forms.CharField(required=False, max_length=3, widget=forms.HiddenInput)

    NEW = "new"
    """What `same` says of somebody who was shown what is open there, and says it is something else."""

    def __init__(self, *args: Any, at: datetime, merchant: Merchant | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = at
        offered = findings(self._seen() or at)
        self.everyday = [(row.id, label_of(row)) for row in offered if row.everyday]
        self.public = [(row.id, label_of(row)) for row in offered if row.public]
        self.others = [(row.id, label_of(row)) for row in offered if not row.everyday and not row.public]
        choices = [*self.everyday, *self.public, *self.others]
        offer(self, "violation", choices)
        if merchant is not None:  # what is open at a shop stands above the form from the beginning
            del self.fields["place"], self.fields["same"]
        self.order_fields(["violation", "words", "place", "seen_at"])

    @property
    def act_at(self) -> datetime:
        """Of the valid form: when it was so. Its day decides which law there is."""
        seen: datetime | None = self.cleaned_data["seen_at"]
        return seen or self.now

    def _seen(self) -> datetime | None:
        """What was sent, before it is looked at: kinds are offered by the law of that day."""
        try:
            seen: datetime | None = self.fields["seen_at"].clean(self.data.get("seen_at", ""))
        except forms.ValidationError:
            return None
        return seen

    def clean_seen_at(self) -> datetime | None:
        """Neither to come nor too long ago."""
        seen: datetime | None = self.cleaned_data["seen_at"]
        if seen is not None and (why := opening.not_then(seen, self.now)):
            raise forms.ValidationError(str(FOUND_WHEN[why]) % {"days": opening.found_within()})
        return seen
