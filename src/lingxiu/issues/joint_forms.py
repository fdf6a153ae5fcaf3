"""Forms of joint inspections: a round, and what was done at a shop of it. They check shapes; what may be done, `joint` decides."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import F
from django.forms.utils import flatatt
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from lingxiu.accounts.models import Unit, User
from lingxiu.issues import inspections, joint
from lingxiu.issues.fields import LONGEST_WORDS, area, label_of
from lingxiu.issues.inspection_models import OutcomeChoice, WhyChoice
from lingxiu.issues.inspection_rules import Outcome, Why
from lingxiu.issues.joint import Part, Walked
from lingxiu.issues.joint_models import JointShop
from lingxiu.issues.shop_list import ShopListForm
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.roles import Sight
from lingxiu.territory.queries import town_names
from lingxiu.ui.choosing import offer

REFUSALS = {
    "person": gettext_lazy("This is for officers of the round; planning, for dispatchers and certified officers."),
    "planner": gettext_lazy("Only who planned it takes it back or changes it."),
    "changed": gettext_lazy("Somebody has changed the round in the meantime. Look at it again."),
    "same_day": gettext_lazy("It is on this day already."),
    "begun_so_stays": gettext_lazy("It has begun: who goes and when stay as they are."),
    "none_that_day": gettext_lazy(
        "On that day no body may inspect there; leave them out first, or choose another day:"
    ),
    "goes_already": gettext_lazy("They go along already."),
    "away_then": gettext_lazy("Away on the day of the round:"),
    "nobody_chosen": gettext_lazy("Choose who goes instead."),
    "title": gettext_lazy("Give it a title."),
    "day": gettext_lazy("This day is over. Choose today, or one to come."),
    "why": gettext_lazy("A round rests on the year's plan, an order, or an approved campaign."),
    "number": gettext_lazy("An order and a campaign need their number."),
    "unknown_number": gettext_lazy("No open order or approved campaign about one of these shops has this number."),
    "no_shops": gettext_lazy("Choose shops: of a town, or by name."),
    "none_open": gettext_lazy(
        "At none of these shops may any of the bodies inspect on that day: the cap of the year is used up, or another body's "
        "check is still respected."
    ),
    "too_many": gettext_lazy("More than 60 shops nobody walks in a day. Make several rounds."),
    "bodies": gettext_lazy("Choose officers of at least two bodies."),
    "two_each": gettext_lazy("Each body goes with two certified officers at least."),
    "one_body": gettext_lazy("An officer goes along for one body only."),
    "lead": gettext_lazy("The lead is one of the bodies that go along."),
    "certificate": gettext_lazy("Not certified there any more:"),
    "withdrawn": gettext_lazy("This round was taken back."),
    "walked": gettext_lazy("This shop was walked already. What else is found is reported as a find."),
    "left_out": gettext_lazy("This shop was left out."),
    "too_early": gettext_lazy("The round has not come yet: it is on the day it was planned for, or later."),
    "words": gettext_lazy("Write the record: what was seen, asked, said and shown."),
    "nobody": gettext_lazy("Who enters it was there: choose yourself among those who came."),
    "nothing_checked": gettext_lazy("Say what was checked, by at least one body."),
    "unknown_find": gettext_lazy("Choose a find that belongs to what these bodies check."),
    "two_came": gettext_lazy("Two officers of a body inspect. Only one came, or none:"),
    "begun": gettext_lazy("It has begun: leave out the shops that are still to be walked."),
    "over": gettext_lazy("Its day has passed: there is nothing to take back, and it holds no place of the cap."),
    "reason": gettext_lazy("Write why."),
}
_CLOCK = "%Y-%m-%dT%H:%M"
USUALLY = timedelta(minutes=30)


def _named(unit: Unit, user: User) -> str:
    return format_html('<span lang="zh">{} · {}</span>', unit.name, user.name)


def _checked(unit: Unit) -> str:
    """The unit's name stays data within the words around it."""
    return format_html(_("%(unit)s checked") % {"unit": "{}"}, format_html('<span lang="zh">{}</span>', unit.name))


class RoundForm(ShopListForm):
    """A round: what it is called, when, why, who goes, which shops."""

    field_order = ("title", "day", "why", "number", "officers", "lead", "town", "merchant_kind", "level")
    title = forms.CharField(label=gettext_lazy("Title"), max_length=120, widget=forms.TextInput(attrs={"lang": "zh"}))
    day = forms.DateField(label=gettext_lazy("Day of the round"), widget=forms.DateInput(attrs={"type": "date"}))
    why = forms.ChoiceField(label=gettext_lazy("Why"), widget=forms.RadioSelect)
    number = forms.CharField(
        label=gettext_lazy("Its number"), required=False, max_length=60, widget=forms.TextInput({"autocomplete": "off"}),
        help_text=gettext_lazy("Of the order, or of the campaign's approval. The year's plan needs none."),
    )  # fmt: skip
    officers = forms.MultipleChoiceField(
        label=gettext_lazy("Who goes along"), widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Certified officers, two of each body at least."),
    )  # fmt: skip
    lead = forms.ChoiceField(label=gettext_lazy("Who leads"), widget=forms.Select(attrs={"lang": "zh"}))
    most = forms.IntegerField(
        label=gettext_lazy("How many at most"), min_value=1, max_value=joint.MOST_SHOPS, initial=10,
        help_text=gettext_lazy("The worst level first, then those not visited for longest."),
    )  # fmt: skip
    listed = forms.CharField(
        label=gettext_lazy("And these shops"), required=False, max_length=4000, widget=area(3, lang="zh"),
        help_text=gettext_lazy("Name or licence number, one a line."),
    )  # fmt: skip
    words = forms.CharField(
        label=gettext_lazy("What to look at"), required=False, max_length=LONGEST_WORDS, widget=area(2, lang="zh")
    )

    def __init__(self, user: User, now: datetime, data: Any = None) -> None:
        super().__init__(data, initial={"day": timezone.localtime(now).date(), "why": WhyChoice.PLAN})
        self.user, self.units = user, {unit.pk: unit for unit in joint.bodies(user)}
        self.people = {(pk, one.pk): one for pk, unit in self.units.items() for one in joint.certified(unit, now)}
        county = user.authority.farthest("merchants") is Sight.COUNTY
        towns = {code: name for code, name in town_names().items() if county or code in user.authority.towns}
        self.offer_shops(towns, county=county)
        bodies = [unit for pk, unit in self.units.items() if sum(at == pk for at, _one in self.people) >= 2]
        choices: dict[str, list[tuple[str, Any]]] = {
            "why": [(one.value, one.label) for one in WhyChoice if one.value in [why.value for why in joint.REASONS]],
            "officers": [
                (f"{pk}:{one.pk}", _named(self.units[pk], one))
                for (pk, _user), one in self.people.items()
                if self.units[pk] in bodies
            ],
            "lead": [("", _("Choose …")), *((str(unit.pk), unit.name) for unit in bodies)],
        }
        for name, rows in choices.items():
            offer(self, name, rows)

    def clean_listed(self) -> list[Merchant]:
        """The shops that were named, each of which is one this person sees."""
        found, unknown = [], []
        seen = Merchant.objects.visible_to(self.user).exclude(status="closed")
        for line in dict.fromkeys(self.cleaned_data["listed"].split("\n")):
            if not (asked := line.strip()):
                continue
            rows = list(seen.filter(licence_no=asked)[:2]) or list(seen.filter(name=asked)[:2])
            found += rows if len(rows) == 1 else []
            unknown += [] if len(rows) == 1 else [asked]
        if unknown:
            told = _("Not known, or several of that name: %(names)s") % {"names": ", ".join(unknown[:5])}
            raise forms.ValidationError(told)
        return found

    def round(self) -> joint.Round:
        """The valid form as `joint` takes it."""
        said = self.cleaned_data
        chosen = [tuple(int(part) for part in one.split(":")) for one in said["officers"]]
        shops = list(dict.fromkeys([*said["listed"], *self._of_town()]))
        return joint.Round(
            said["title"], said["day"], self.units[int(said["lead"])],
            [(self.units[unit], self.people[unit, user]) for unit, user in chosen], shops,
            Why(said["why"]), said["number"], said["words"],
        )  # fmt: skip

    def _of_town(self) -> list[Merchant]:
        worst = self.shops_of(self.user).order_by(
            F("standing__fume_level").desc(nulls_last=True), F("standing__last_visit_at").asc(nulls_first=True), "pk"
        )
        return list(worst.select_related("standing")[: self.cleaned_data["most"]])


class ManyTimes(forms.Select):
    """A list to choose from that stands many times on a page: drawn at once, where Django draws a template for each option."""

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        chosen = mark_safe(" selected")
        rows = [(key, chosen if str(key) == str(value or "") else "", label) for key, label in self.choices]
        options = format_html_join("", '<option value="{}"{}>{}</option>', rows)
        given = flatatt(self.build_attrs(self.attrs, {"name": name, **(attrs or {})}))
        return format_html("<select{}>{}</select>", given, options)


class WalkForm(forms.Form):
    """What was done at a shop: who came, what each body checked, the record, what was found."""

    present = forms.MultipleChoiceField(label=gettext_lazy("Who came"), widget=forms.CheckboxSelectMultiple)
    started_at = forms.DateTimeField(
        label=gettext_lazy("The inspection began"), input_formats=[_CLOCK],
        widget=forms.DateTimeInput({"type": "datetime-local"}, _CLOCK),
    )  # fmt: skip
    ended_at = forms.DateTimeField(
        label=gettext_lazy("The inspection ended"), input_formats=[_CLOCK],
        widget=forms.DateTimeInput({"type": "datetime-local"}, _CLOCK),
    )  # fmt: skip
    words = forms.CharField(
        label=gettext_lazy("Record"), max_length=LONGEST_WORDS, widget=area(4, lang="zh"),
        help_text=gettext_lazy("What was seen, asked, said and shown; that certificates were shown."),
    )  # fmt: skip
    outcome = forms.ChoiceField(
        label=gettext_lazy("What came of it, where something was found"), required=False, widget=forms.RadioSelect,
        choices=[(one.value, one.label) for one in OutcomeChoice if one is not OutcomeChoice.IN_ORDER],
        initial=OutcomeChoice.PUT_RIGHT,
    )  # fmt: skip

    def __init__(self, shop: JointShop, parts: list[Part], user: User, now: datetime, data: Any = None) -> None:
        self.shop, self.parts, self.day = shop, parts, shop.joint.day
        people = list(shop.joint.officers.select_related("user", "unit"))
        language, labels = get_language() or "zh-hans", inspections.item_labels()
        possible = [part for part in parts if part.may]
        checked = _(", ").join(dict.fromkeys(labels[item].text(language) for part in possible for item in part.wanted))
        initial = {
            "present": [str(one.user_id) for one in people],
            "started_at": timezone.localtime(now - USUALLY), "ended_at": timezone.localtime(now),
            "words": _("Certificates shown. Checked: %(items)s.") % {"items": checked},
            **{f"items_{part.unit.pk}": list(part.wanted) for part in possible},
        }  # fmt: skip
        super().__init__(data, initial=initial)
        names = [(str(one.user_id), _named(one.unit, one.user)) for one in people]
        offer(self, "present", names)
        for part in possible:
            self.fields[f"items_{part.unit.pk}"] = forms.MultipleChoiceField(
                label=_checked(part.unit), required=False, widget=forms.CheckboxSelectMultiple,
                choices=[(item, labels[item].text(language)) for item in part.wanted],
            )  # fmt: skip
        finds = [
            ("", _("nothing")),
            *((row.id, label_of(row)) for row in joint.findings_of([p.unit for p in parts], self.day)),
        ]
        self.rows = range(1, in_force().catalogues.inspections.most_finds + 1)
        for n in self.rows:
            self.fields[f"find_{n}"] = forms.ChoiceField(
                label=_("What was found"), required=False, choices=finds, widget=ManyTimes
            )
            self.fields[f"told_{n}"] = forms.CharField(
                label=_("In a few words"), required=False, max_length=200, widget=area(2, lang="zh")
            )

    @property
    def of_bodies(self) -> list[forms.BoundField]:
        """What each body checked."""
        return [self[name] for name in self.fields if name.startswith("items_")]

    @property
    def finds(self) -> list[tuple[int, forms.BoundField, forms.BoundField]]:
        """The rows for what was found."""
        return [(n, self[f"find_{n}"], self[f"told_{n}"]) for n in self.rows]

    def name_each(self, pictured: Collection[int]) -> bool:
        """Complain of rows with words or a picture that do not say what was found. Returns: whether all do."""
        said = self.cleaned_data
        nameless = [n for n in self.rows if not said.get(f"find_{n}") and (said.get(f"told_{n}") or n in pictured)]
        for n in nameless:
            self.add_error(f"find_{n}", _("Say what was found; there are words or a picture of it."))
        return not nameless

    def found(self) -> list[tuple[int, str, str]]:
        """Row, violation and words of each find."""
        said = self.cleaned_data
        rows = [(n, said.get(f"find_{n}", ""), said.get(f"told_{n}", "")) for n in self.rows]
        return [row for row in rows if row[1]]

    def walked(self, seen: tuple[joint.Seen, ...]) -> Walked:
        """The valid form as `joint` takes it."""
        said = self.cleaned_data
        return Walked(
            present=frozenset(int(pk) for pk in said["present"]),
            checked={part.unit.pk: tuple(said.get(f"items_{part.unit.pk}", ())) for part in self.parts},
            words=said["words"],
            started_at=said["started_at"],
            ended_at=said["ended_at"],
            found=seen,
            outcome=Outcome(said["outcome"]) if said["outcome"] else Outcome.PUT_RIGHT,
        )
