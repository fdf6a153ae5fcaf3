"""What is typed into a dossier, by hand or by the row of a list: checked field by field, each mistake with its mend."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar, TypeAlias

from django import forms
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from lingxiu.china.coordinates import Position, bd09_to_wgs84, gcj02_to_wgs84
from lingxiu.china.identifiers import IdentifierError, normalise, normalise_mobile, parse_food_licence, parse_uscc
from lingxiu.merchants import actions
from lingxiu.merchants.models import CareRecord, Facility, Merchant, Scale, Source
from lingxiu.merchants.words import listed, say
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.kinds import Kind
from lingxiu.privacy.masks import mask_name, mask_phone
from lingxiu.territory.queries import town_names
from lingxiu.ui.choosing import offer

Choices: TypeAlias = list[tuple[str, str]]

CONVERT = {"wgs84": Position, "gcj02": gcj02_to_wgs84, "bd09": bd09_to_wgs84}
SYSTEMS = [
    ("wgs84", _("WGS84 / CGCS2000: GPS, surveying")),
    ("gcj02", _("GCJ-02: Amap, Tencent")),
    ("bd09", _("BD-09: Baidu")),
]
DAYS = ["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d"]
FOOD_LICENCE = "food_licence"
# Seven decimals are a centimetre: enough, and the same number however often it is converted.
DECIMALS = 7

PERSONAL = ("legal_person", "phone")

OUTSIDE = _("%(lng)s, %(lat)s lies outside the county. Look at the numbers, and at the system they are in.")
SWAPPED = _("%(lng)s, %(lat)s: longitude and latitude have changed places. Swap them.")
LICENCE_TAKEN = _(
    "“%(number)s” is the licence of “%(holder)s” already (%(address)s). Open that dossier, or correct the number."
)
CHANGED_MEANWHILE = _(
    "Somebody else saved this dossier at %(time)s. What you typed is kept below; look at it once more and save again."
)
FOREIGN_TOWN = _(
    "This place lies in %(town)s; you enter merchants of your own town. Correct the position, or tell the dispatcher there."
)

FOREIGN_MERCHANT = _(
    "names “%(name)s”, which stands in %(town)s; you enter merchants of your own town. Correct it, or tell the dispatcher there."
)


def choices(kinds: tuple[Kind, ...]) -> Choices:
    """Kinds of the catalogue as a select offers them."""
    language = get_language() or "zh-hans"
    return [(kind.id, kind.label.text(language)) for kind in kinds]


def _day(label: Any, **kwargs: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        input_formats=DAYS,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": _("is not a date. Write it as 2026-03-05.")},
        **kwargs,
    )


def _time(label: Any) -> forms.TimeField:
    return forms.TimeField(
        label=label,
        required=False,
        input_formats=["%H:%M", "%H:%M:%S"],
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": _("is not a time. Write it as 09:30.")},
    )


def _number(label: Any, **kwargs: Any) -> forms.FloatField:
    return forms.FloatField(
        label=label,
        widget=forms.NumberInput(attrs={"step": "any", "inputmode": "decimal"}),
        error_messages={"invalid": _("is not a number.")},
        **kwargs,
    )


def initial_of(merchant: Merchant) -> dict[str, Any]:
    """What the form shows of a merchant: all but who the person is and their number."""
    return {field: getattr(merchant, field) for field in actions.FIELDS if field not in PERSONAL}


def sources_of(merchant: Merchant) -> dict[str, str]:
    """For each field: where its value came from, and on which day."""
    words = dict(Source.choices)
    return {
        field: f"{words.get(said.get('source', ''), said.get('source', ''))} {said.get('at', '')[:10]}"
        for field, said in merchant.sources.items()
    }


class DossierForm(forms.Form):
    """A dossier. Name and number of a person are not shown in it: what is typed replaces them, empty keeps them."""

    name = forms.CharField(label=_("Name of the shop"), max_length=80, widget=forms.TextInput(attrs={"lang": "zh"}))
    kind = forms.ChoiceField(label=_("Kind"))
    status = forms.ChoiceField(label=_("Status"))
    licence_kind = forms.ChoiceField(label=_("Kind of licence"), required=False)
    licence_no = forms.CharField(label=_("Licence number"), max_length=40, required=False)
    licence_until = _day(_("Licence valid until"), required=False)
    uscc = forms.CharField(label=_("Social credit code"), max_length=30, required=False)
    legal_person = forms.CharField(label=_("Legal person"), max_length=60, required=False)
    phone = forms.CharField(
        label=_("Phone"), max_length=30, required=False, widget=forms.TextInput(attrs={"inputmode": "tel"})
    )
    address = forms.CharField(label=_("Address"), max_length=160, widget=forms.TextInput(attrs={"lang": "zh"}))
    lng = _number(_("Longitude"))
    lat = _number(_("Latitude"))
    coordinates = forms.ChoiceField(label=_("Coordinates are in"), choices=SYSTEMS, initial="wgs84", required=False)
    in_built_up = forms.BooleanField(label=_("In the built-up area"), required=False, initial=True)
    reference_stoves = _number(_("Reference stoves"), min_value=0, max_value=500, initial=1)
    scale = forms.ChoiceField(
        label=_("Scale"), required=False, help_text=_("Left open, it follows from the reference stoves (GB 18483).")
    )
    seats = forms.IntegerField(label=_("Seats"), min_value=0, max_value=20_000, required=False)
    floor_area_m2 = _number(_("Floor area, m²"), min_value=0, max_value=200_000, required=False)
    opened_on = _day(_("Open since"), required=False)
    opens_at = _time(_("Opens at"))
    closes_at = _time(_("Closes at"))
    source = forms.ChoiceField(label=_("Where this comes from"), choices=Source.choices, required=False)

    def __init__(self, data: Any = None, *, instance: Merchant | None = None) -> None:
        self.merchant = instance or Merchant()
        super().__init__(data, initial={} if instance is None else initial_of(instance))
        self.fields["legal_person"].widget.attrs["placeholder"] = mask_name(self.merchant.legal_person)
        self.fields["phone"].widget.attrs["placeholder"] = mask_phone(self.merchant.phone)
        if instance is not None:
            for name in PERSONAL:
                self.fields[name].help_text = _("Left empty, it stays as it is.")
            for name, source in sources_of(instance).items():
                if (field := self.fields.get(name)) is not None:
                    field.help_text = " · ".join(part for part in (str(field.help_text), source) if part)
        kinds = in_force().catalogues.kinds
        open_ = [("", "—")]
        self._offer("kind", choices(kinds.merchants))
        self._offer("licence_kind", open_ + choices(kinds.licences))
        self._offer("status", [(name, str(text)) for name, text in Merchant._meta.get_field("status").choices or []])
        self._offer("scale", open_ + [(name, str(text)) for name, text in Scale.choices])

    def _offer(self, field: str, offered: Choices) -> None:
        offer(self, field, offered)
        known = listed(text for name, text in offered if name)
        self.fields[field].error_messages["invalid_choice"] = (
            _("“%(value)s” is not known here. Choose one of: ") + known
        )

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean_uscc(self) -> str:
        return self._checked("uscc", lambda value: parse_uscc(value).value)

    def clean_phone(self) -> str:
        return self._checked("phone", normalise_mobile) or self.merchant.phone

    def clean_legal_person(self) -> str:
        return self.cleaned_data["legal_person"].strip() or self.merchant.legal_person

    def _checked(self, field: str, parse: Any) -> str:
        value = str(self.cleaned_data[field]).strip()
        try:
            return str(parse(value)) if value else ""
        except IdentifierError as error:
            raise forms.ValidationError(say(error)) from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self._clean_licence(cleaned)
        if {"lng", "lat"} <= cleaned.keys():
            convert = CONVERT[cleaned.get("coordinates") or "wgs84"]
            lng, lat = convert(cleaned["lng"], cleaned["lat"])
            cleaned["lng"], cleaned["lat"] = round(lng, DECIMALS), round(lat, DECIMALS)
        if not cleaned.get("scale") and "reference_stoves" in cleaned:
            cleaned["scale"] = Scale.of(cleaned["reference_stoves"])
        return cleaned

    def _clean_licence(self, cleaned: dict[str, Any]) -> None:
        number = str(cleaned.get("licence_no", "")).strip()
        kind = cleaned.get("licence_kind") or (FOOD_LICENCE if normalise(number).startswith("JY") else "")
        if number and not kind:
            self.add_error("licence_kind", _("A licence number without its kind: choose which licence it is."))
        try:
            cleaned["licence_no"] = parse_food_licence(number).value if number and kind == FOOD_LICENCE else number
        except IdentifierError as error:
            self.add_error("licence_no", say(error))
        cleaned["licence_kind"] = kind

    def enter(
        self,
        *,
        source: Source,
        at: datetime,
        by: int | None,
        towns: frozenset[str] | None = None,
        seen_at: datetime | None = None,
    ) -> list[str] | None:
        """Write a valid form down. Returns the changed fields (all that are filled, if it is new), or None if it was refused;
        why, the form then says.

        Args:
            towns: where this person may enter merchants; None: anywhere in the county.
            seen_at: when the dossier that was edited had last been changed.
        """  # fmt: skip
        merchant = self.merchant
        for field in actions.FIELDS:
            setattr(merchant, field, self.cleaned_data[field])
        try:
            if towns is not None:
                self._require_town(merchant, towns)
            if merchant._state.adding:
                return list(actions.create(merchant, source=source, at=at, by=by).sources)
            return actions.update(merchant, source=source, at=at, by=by, seen_at=seen_at)
        except actions.OutsideCounty as error:
            at_place = {"lng": f"{error.lng:.5f}", "lat": f"{error.lat:.5f}"}
            self.add_error("lng", (SWAPPED if error.swapped else OUTSIDE) % at_place)
        except actions.LicenceTaken as error:
            holder = {"number": error.number, "holder": error.holder.name, "address": error.holder.address}
            self.add_error("licence_no", LICENCE_TAKEN % holder)
        except actions.ChangedMeanwhile as error:
            when = date_format(timezone.localtime(error.at), "H:i")
            self.add_error(None, CHANGED_MEANWHILE % {"time": when})
        except _ForeignTown as error:
            self.add_error("lng", FOREIGN_TOWN % {"town": error.town})
        except _ForeignMerchant as error:
            named_by = "licence_no" if merchant.licence_no else "name"
            self.add_error(named_by, FOREIGN_MERCHANT % {"name": error.name, "town": error.town})
        return None

    def _require_town(self, merchant: Merchant, towns: frozenset[str]) -> None:
        """Where it stands and where it is to stand: nobody moves another town's merchant into theirs."""
        if not merchant._state.adding and merchant.town not in towns:
            raise _ForeignMerchant(str(self.initial["name"]), _name_of(merchant.town))
        actions.place(merchant)
        if merchant.town not in towns:
            raise _ForeignTown(_name_of(merchant.town))


def _name_of(town: str) -> str:
    return town_names().get(town, town)


class _ForeignTown(Exception):
    def __init__(self, town: str) -> None:
        super().__init__(town)
        self.town = town


class _ForeignMerchant(Exception):
    def __init__(self, name: str, town: str) -> None:
        super().__init__(f"{name} stands in {town}")
        self.name, self.town = name, town


class CareForm(forms.Form):
    """Something was cleaned, emptied or handed over."""

    kind = forms.ChoiceField(label=_("What was done"), choices=CareRecord.Kind.choices)
    on = _day(_("On which day"))
    by = forms.CharField(label=_("By whom"), max_length=80, required=False)
    kg = _number(_("Kilograms"), min_value=0.1, max_value=100_000, required=False)

    def __init__(self, today: date, data: Any = None) -> None:
        super().__init__(data, auto_id="care_%s")
        self.today = today
        self.initial.setdefault("on", today)

    def clean_on(self) -> date:
        day: date = self.cleaned_data["on"]
        if day > self.today:
            raise forms.ValidationError(_("%(day)s has not come yet. Enter what has been done."), params={"day": day})
        return day

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("kind") == CareRecord.Kind.WASTE and not cleaned.get("kg") and "kg" not in self.errors:
            self.add_error("kg", _("How many kilograms were handed over? The slip says so."))
        return cleaned

    def care(self) -> actions.Care:
        """What a valid form says."""
        said = self.cleaned_data
        return actions.Care(CareRecord.Kind(said["kind"]), said["on"], said["by"], said["kg"])


class FacilityForm(forms.ModelForm[Facility]):
    """A hood, a purifier, a fan, a trap …"""

    kind = forms.ChoiceField(label=_("Facility"))
    maker = forms.CharField(label=_("Maker"), max_length=60, required=False)
    model = forms.CharField(label=_("Model"), max_length=60, required=False)
    capacity = forms.CharField(label=_("Size"), max_length=60, required=False, help_text=_("6000 m³/h, 0.5 m³ …"))
    installed_on = _day(_("Installed on"), required=False)

    class Meta:
        model = Facility
        fields: ClassVar = ["kind", "maker", "model", "capacity", "installed_on"]

    def __init__(self, data: Any = None, *, instance: Facility | None = None) -> None:
        super().__init__(data, instance=instance, auto_id="facility_%s")
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices(in_force().catalogues.kinds.facilities)


class VisitForm(forms.Form):
    """What came of a visit."""

    words = forms.CharField(
        label=_("How the visit went"),
        max_length=2000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "lang": "zh"}),
        help_text=_("Reminded, helped, explained … Something wrong is recorded as a find instead."),
    )


class ReissueForm(forms.Form):
    """Why a code is replaced."""

    why = forms.CharField(
        label=_("Why"), max_length=120, help_text=_("Torn off, copied, shop changed hands … It stays on record.")
    )


class BindForm(forms.Form):
    """Somebody who answers for the shop, or serves it, by their phone."""

    kind = forms.ChoiceField(label=_("As what"))
    name = forms.CharField(label=_("Name"), max_length=60)
    phone = forms.CharField(
        label=_("Mobile number"), max_length=30, widget=forms.TextInput(attrs={"type": "tel", "inputmode": "tel"})
    )

    def __init__(self, kinds: Choices, data: Any = None) -> None:
        super().__init__(data, auto_id="bind_%s")
        field = self.fields["kind"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = kinds

    def clean_phone(self) -> str:
        try:
            return normalise_mobile(self.cleaned_data["phone"])
        except IdentifierError as error:
            raise forms.ValidationError(say(error)) from error
