"""Forms of key places and of the two lists: they check shapes; what may be done, `views` and `actions` check."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lingxiu.issues.lookback.models import LARGEST_RADIUS_M, KeyPlace, Listing

LARGEST_FILE = 2 * 1024 * 1024
LONGEST_LISTING = timedelta(days=3 * 366)


class PlaceForm(forms.Form):
    """A key place: a point and how far around it."""

    kind = forms.ChoiceField(label=_("Kind of place"), choices=KeyPlace.Kind.choices)
    name = forms.CharField(label=_("Name of the place"), max_length=80)
    lng = forms.FloatField(label=_("Longitude (WGS84)"), min_value=-180, max_value=180)
    lat = forms.FloatField(label=_("Latitude (WGS84)"), min_value=-85, max_value=85)
    radius_m = forms.IntegerField(label=_("Metres around it"), min_value=1, max_value=LARGEST_RADIUS_M, initial=200)


class PlacesFileForm(forms.Form):
    """A GeoJSON file of points."""

    file = forms.FileField(label=_("GeoJSON file"), help_text=_("Points with the properties name, kind and radius_m."))

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_FILE:
            raise forms.ValidationError(gettext("The file is larger than 2 MB."))
        return file


class ListingForm(forms.Form):
    """Why a merchant should stand on a list, by which document, from when until when."""

    colour = forms.ChoiceField(label=_("Which list"), choices=Listing.Colour.choices)
    reason = forms.CharField(label=_("Reason"), max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))
    document_number = forms.CharField(label=_("Number of the document"), max_length=80)
    since = forms.DateField(label=_("From"), widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("Until"), widget=forms.DateInput(attrs={"type": "date"}))

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        since, until = said.get("since"), said.get("until")
        if since and until and not timedelta() <= until - since <= LONGEST_LISTING:
            self.add_error("until", gettext("It ends after it begins, and within three years."))
        if until and until < timezone.localdate():
            self.add_error("until", gettext("That day is over."))
        return said
