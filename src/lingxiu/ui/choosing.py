"""What a form's list offers, where it is known only when the form is made."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms


def offer(form: forms.Form, name: str, choices: Sequence[tuple[object, object]]) -> None:
    """Value and words of each row, or the words of a group and its rows. Raises: TypeError for a field that offers nothing."""
    field = form.fields[name]
    if not isinstance(field, forms.ChoiceField):
        raise TypeError(f"{name} is a {type(field).__name__}, from which nobody chooses")
    field.choices = choices
