"""What forms of the list are made of: areas of text, the field of a question of the catalogue, its labels."""

from __future__ import annotations

from django import forms
from django.utils.translation import get_language

from lingxiu.issues import evidence
from lingxiu.policy.schema.violations import Question, Violation

LONGEST_WORDS = 2000


class SometimesNeeded:
    """A field that some cases need: its help says which, and no page calls it optional."""

    sometimes_needed = True


class SometimesWords(SometimesNeeded, forms.CharField):
    """Words that some cases need."""


class SometimesChoice(SometimesNeeded, forms.ChoiceField):
    """A choice that some cases need."""


def area(rows: int = 3, **attributes: str) -> forms.Textarea:
    """A text area of so many rows."""
    return forms.Textarea(attrs={"rows": rows, "maxlength": LONGEST_WORDS, **attributes})


def label_of(violation: Violation) -> str:
    """What is wrong, in the reader's language."""
    return violation.label.text(get_language() or "zh-hans")


def question_field(question: Question, language: str) -> forms.Field:
    """The field of one question of the catalogue."""
    label = question.label.text(language)
    match question.kind:
        case "choice":
            choices = [(choice.id, choice.label.text(language)) for choice in question.choices]
            return forms.ChoiceField(label=label, required=False, choices=choices, widget=forms.RadioSelect)
        case "number":
            named = f"{label} ({question.unit})" if question.unit else label
            number = forms.NumberInput(attrs={"inputmode": "decimal", "step": "any"})
            return forms.FloatField(label=named, required=False, widget=number, max_value=1e9, min_value=-1e9)
        case "date":
            return forms.DateField(label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}))
        case _:
            return forms.CharField(label=label, required=False, max_length=evidence.LONGEST_ANSWER)
