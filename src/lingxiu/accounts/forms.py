"""What is typed to sign in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.codes import DIGITS
from lingxiu.china.identifiers import IdentifierError, normalise, normalise_mobile

WRONG_PHONE = _("A mobile number has eleven digits and begins with 13 to 19; “%(found)s” does not. Type it again.")


class PasswordForm(forms.Form):
    """Name and password."""

    username = forms.CharField(
        label=_("User name"),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class PhoneForm(forms.Form):
    """A mobile number, however it is typed."""

    phone = forms.CharField(
        label=_("Mobile number"),
        max_length=30,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel-national", "inputmode": "tel"}),
    )

    def clean_phone(self) -> str:
        try:
            return normalise_mobile(self.cleaned_data["phone"])
        except IdentifierError as error:
            raise forms.ValidationError(WRONG_PHONE, params={"found": error.value}) from error


class _DigitsField(forms.CharField):
    """Six digits; blanks between them do no harm."""

    def __init__(self, **kwargs: Any) -> None:
        attributes = {"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}
        super().__init__(max_length=20, widget=forms.TextInput(attrs=attributes), **kwargs)

    def clean(self, value: Any) -> str:
        digits = normalise(super().clean(value))
        if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
            raise forms.ValidationError(
                _("Six digits are needed; there are %(found)d characters."), params={"found": len(digits)}
            )
        return digits


class CodeForm(forms.Form):
    """The six digits of a text message."""

    digits = _DigitsField(label=_("Six digits from the message"))


class TokenForm(forms.Form):
    """The six digits an authenticator app shows now."""

    digits = _DigitsField(label=_("Six digits from the app"))
