"""The form of what came of a case. It checks shapes; what may be recorded, `cases` decides."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from lingxiu.issues.cases import OUTCOMES, CaseResult, Outcome, ResultRefused
from lingxiu.issues.fields import LONGEST_WORDS, area

REFUSALS = {
    "before": _("This day lies before the case was filed."),
    "future": _("This day has not come yet."),
}


class CaseResultForm(forms.Form):
    """What came of a case, when, by which document."""

    outcome = forms.ChoiceField(
        label=_("Result of the case"), choices=[(one.value, word) for one, word in OUTCOMES.items()], widget=forms.RadioSelect
    )  # fmt: skip
    day = forms.DateField(label=_("Decided on"), widget=forms.DateInput(attrs={"type": "date"}))
    number = forms.CharField(
        label=_("Number of the decision"), required=False, max_length=60,
        widget=forms.TextInput({"autocomplete": "off", "lang": "zh"}),
    )  # fmt: skip
    words = forms.CharField(
        label=_("In a few words"), required=False, max_length=LONGEST_WORDS, widget=area(2, lang="zh"),
        help_text=_("The amount, or why there is no penalty."),
    )  # fmt: skip

    def refuse(self, refused: ResultRefused) -> None:
        """Say at the day why it was refused."""
        self.add_error("day", str(REFUSALS[refused.why]))

    def result(self) -> CaseResult:
        """The valid form as `cases` takes it."""
        said = self.cleaned_data
        return CaseResult(Outcome(said["outcome"]), said["day"], said["number"], said["words"])
