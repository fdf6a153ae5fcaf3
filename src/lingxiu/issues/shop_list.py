"""The three questions by which a form chooses shops: of which town, of which kind, of which fume level.

Only shops the person sees, and none that has closed. In which order, and how many of them, the form says that asks.
"""

from __future__ import annotations

from collections.abc import Mapping

from django import forms
from django.db.models import QuerySet
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from lingxiu.accounts.models import User
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.ui.choosing import offer

WHOLE_COUNTY = "*"


class ShopListForm(forms.Form):
    """The part of a form that chooses shops; without a town there is no list."""

    town = forms.ChoiceField(label=gettext_lazy("Shops of"), required=False, widget=forms.Select(attrs={"lang": "zh"}))
    merchant_kind = forms.ChoiceField(label=gettext_lazy("of the kind"), required=False)
    level = forms.ChoiceField(
        label=gettext_lazy("of fume level"), required=False,
        choices=[("", gettext_lazy("any")), ("1", "1"), ("2", "2"), ("3", "3")],
    )  # fmt: skip

    def offer_shops(self, towns: Mapping[str, str], *, county: bool) -> None:
        """These towns, code → name; `county`: all of it too."""
        kinds, language = in_force().catalogues.kinds.merchants, get_language() or "zh-hans"
        whole = [(WHOLE_COUNTY, _("the whole county"))] if county else []
        offer(self, "town", [("", _("no list of shops")), *whole, *towns.items()])
        offer(self, "merchant_kind", [("", _("any")), *((row.id, row.label.text(language)) for row in kinds)])

    def shops_of(self, user: User) -> QuerySet[Merchant]:
        """The shops the valid form names; none without a town."""
        said = self.cleaned_data
        if not said["town"]:
            return Merchant.objects.none()
        shops = Merchant.objects.visible_to(user).exclude(status="closed")
        if said["town"] != WHOLE_COUNTY:
            shops = shops.filter(town=said["town"])
        if said["merchant_kind"]:
            shops = shops.filter(kind=said["merchant_kind"])
        if said["level"]:
            shops = shops.filter(standing__fume_level=int(said["level"]))
        return shops
