"""What people fill in about devices."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any, ClassVar

from django import forms
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import User
from lingxiu.policy.queries import in_force
from lingxiu.sensing.models import Device, Maintainer, Maintenance
from lingxiu.ui.choosing import offer


class _WithProfile(forms.Form):
    """A form that asks which dialect a device speaks."""

    profile = forms.ChoiceField(label=_("Dialect"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        language = get_language() or "zh-hans"
        profiles = [(row.id, row.label.text(language)) for row in in_force().catalogues.dialects if row.enabled]
        offer(self, "profile", profiles)


class AdoptForm(_WithProfile):
    """How a device that dialled in is to be understood, and what it is."""

    vendor = forms.CharField(label=_("Maker"), max_length=60, required=False)
    model = forms.CharField(label=_("Model"), max_length=60, required=False)
    place = forms.CharField(label=_("Where in the kitchen"), max_length=80, required=False)
    maintainer = forms.ModelChoiceField(Maintainer.objects.all(), label=_("Looked after by"), required=False)


class ProfileForm(_WithProfile):
    """By which profile a device is understood from now on, and how it is answered."""

    ack_style = forms.ChoiceField(
        label=_("Answered in the way of"),
        required=False,
        choices=[("", _("its dialect")), *Device.AckStyle.choices],
    )


class ReplaceForm(_WithProfile):
    """The device that takes another's place."""

    mn = forms.CharField(label=_("MN of the new device"), max_length=24, strip=True)
    vendor = forms.CharField(label=_("Maker"), max_length=60, required=False)
    model = forms.CharField(label=_("Model"), max_length=60, required=False)
    note = forms.CharField(label=_("Why"), max_length=200)
    field_order = ("mn", "profile", "vendor", "model", "note")


class DetailsForm(forms.ModelForm[Device]):
    """Who made a device, where it hangs, who looks after it."""

    class Meta:
        model = Device
        fields = ("vendor", "model", "place", "maintainer")
        labels: ClassVar = {
            "vendor": _("Maker"),
            "model": _("Model"),
            "place": _("Where in the kitchen"),
            "maintainer": _("Looked after by"),
        }


class AccountField(forms.ModelChoiceField[User]):
    """A person by their user name: nobody picks one out of a list of all."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "to_field_name": "username"})

    def prepare_value(self, value: Any) -> Any:
        """The name, of a person's id."""
        return (
            User.objects.filter(pk=value).values_list("username", flat=True).first()
            if isinstance(value, int)
            else value
        )


class MaintainerForm(forms.ModelForm[Maintainer]):
    """A company that looks after devices."""

    class Meta:
        model = Maintainer
        fields = ("name", "contact", "phone", "account", "respond_within_hours", "duties")
        field_classes: ClassVar = {"account": AccountField}
        labels: ClassVar = {
            "name": _("Company"),
            "contact": _("Whom to call"),
            "phone": _("Phone"),
            "account": _("User name of its account"),
            "respond_within_hours": _("Comes within (hours)"),
            "duties": _("What it has to do"),
        }
        widgets: ClassVar = {
            "phone": forms.TextInput(attrs={"inputmode": "tel"}),
            "account": forms.TextInput(attrs={"autocomplete": "off"}),
            "duties": forms.Textarea(attrs={"rows": 3}),
        }


class WhyForm(forms.Form):
    """Why something is done with a device."""

    note = forms.CharField(label=_("Why"), max_length=200)


class PlanForm(forms.Form):
    """A time to come in which a device's readings judge nobody."""

    kind = forms.ChoiceField(label=_("What for"), choices=Maintenance.Kind.choices)
    since = forms.DateTimeField(label=_("From"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    until = forms.DateTimeField(label=_("Until"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    note = forms.CharField(label=_("What is done, and by whom"), max_length=200)


class MaintenanceForm(forms.Form):
    """Why a device's readings judge nobody for a while."""

    note = forms.CharField(label=_("What is done"), max_length=200)
    until = forms.DateField(label=_("Expected until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def clean_until(self) -> datetime | None:
        """The end of that day in the county."""
        day = self.cleaned_data["until"]
        return datetime.combine(day, time(23, 59), timezone.get_default_timezone()) if day else None
