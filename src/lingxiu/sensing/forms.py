"""What people fill in about devices."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from lingxiu.policy.queries import in_force


class AdoptForm(forms.Form):
    """How a device that dialled in is to be understood."""

    profile = forms.ChoiceField(label=_("Dialect"))
    vendor = forms.CharField(label=_("Maker"), max_length=60, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = get_language() or "zh-hans"
        profiles = [(row.id, row.label.text(language)) for row in in_force().catalogues.devices if row.enabled]
        self.fields["profile"].choices = profiles  # type: ignore[attr-defined]  # a ChoiceField


class MaintenanceForm(forms.Form):
    """Why a device's readings judge nobody for a while."""

    note = forms.CharField(label=_("What is done"), max_length=200)
    until = forms.DateField(label=_("Expected until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def clean_until(self) -> datetime | None:
        """The end of that day in the county."""
        day = self.cleaned_data["until"]
        return datetime.combine(day, time(23, 59), timezone.get_default_timezone()) if day else None
