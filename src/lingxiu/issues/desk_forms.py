"""Forms of the dispatcher's desk: one order for many issues, a view to keep, a unit's own note. They check shapes only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from lingxiu.issues.bulk import ENDS, Order
from lingxiu.issues.fields import LONGEST_WORDS, SometimesChoice, SometimesWords, area
from lingxiu.issues.lifecycle import State
from lingxiu.issues.models import Issue
from lingxiu.issues.whom import unit_and_person, whom_all
from lingxiu.ui.choosing import offer

WHAT = [
    ("assign", _("Give all of them to")),
    ("confirm", _("Confirm what was predicted: worth going")),
    ("dismiss", _("Dismiss: nothing is to be done")),
    ("close", _("Close what was fed back")),
]


class BulkForm(forms.Form):
    """What is done with every ticked issue."""

    what = forms.ChoiceField(label=_("With all of them"), choices=WHAT, widget=forms.RadioSelect, initial="assign")
    to = SometimesChoice(
        label=_("To whom"), required=False, widget=forms.Select(attrs={"lang": "zh"}),
        help_text=_("Where they are given to somebody."),
    )  # fmt: skip
    words = SometimesWords(
        label=_("One reason for all"), required=False, max_length=LONGEST_WORDS, widget=area(3),
        help_text=_("Needed to dismiss, and where somebody has it already. Only slight issues that nobody reported are ended so."),
    )  # fmt: skip

    def __init__(self, issues: Iterable[Issue], data: Any = None) -> None:
        super().__init__(data)
        rows = list(issues)
        predicted = any(issue.state == State.PREDICTED for issue in rows)
        offer(self, "what", [(value, word) for value, word in WHAT if predicted or value != "confirm"])
        self.fields["what"].initial = (
            "confirm" if rows and all(issue.state == State.PREDICTED for issue in rows) else "assign"
        )
        offer(self, "to", whom_all(rows))

    def clean(self) -> dict[str, Any]:
        """Whom, if it is given to somebody; why, if it is ended."""
        data = super().clean() or {}
        if data.get("what") == "assign" and not data.get("to"):
            self.add_error("to", _("Choose whom they go to."))
        if data.get("what") in ENDS and not data.get("words", "").strip():
            self.add_error("words", _("Write a few words: the next one who reads it must understand why."))
        return data

    def order(self) -> Order:
        """The valid form as `bulk.carry_out` takes it."""
        unit, person = (
            unit_and_person(self.cleaned_data["to"]) if self.cleaned_data["what"] == "assign" else (None, None)
        )
        return Order(self.cleaned_data["what"], unit, person, self.cleaned_data["words"].strip())


class ViewForm(forms.Form):
    """A name for the present filter."""

    name = forms.CharField(label=_("Name of the view"), max_length=40)
    shared = forms.BooleanField(label=_("Share it with my unit"), required=False)


class PrivateNoteForm(forms.Form):
    """A unit's note to itself."""

    words = forms.CharField(label=_("Note for your unit alone"), max_length=LONGEST_WORDS, widget=area(2))
