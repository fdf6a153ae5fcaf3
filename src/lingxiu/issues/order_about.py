"""What an order is written of: an issue, a shop, or nothing in particular; named in the address of the form that writes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404

from lingxiu.accounts.models import Unit, UnitKind, User
from lingxiu.issues.models import Issue
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.policy.rows import Label
from lingxiu.ui import addresses

ANYTHING = "P-OTHER"
"""What an instruction is about that is of no issue: its unit says what it found."""


@dataclass(frozen=True, slots=True)
class About:
    """An issue, with its shop if that is known; a shop; or neither."""

    issue: Issue | None = None
    shop: Merchant | None = None

    @property
    def violation(self) -> str:
        return self.issue.violation if self.issue else ANYTHING

    @property
    def label(self) -> Label | None:
        """The issue's violation in words."""
        if self.issue is None:
            return None
        return next((row.label for row in in_force().catalogues.violations if row.id == self.issue.violation), None)

    @property
    def key(self) -> str:
        """Under which what was typed is kept, beside the form's own name."""
        return self.issue.number if self.issue else str(self.shop.pk) if self.shop else "new"

    @property
    def where(self) -> str:
        """Where one came from; empty from nowhere in particular."""
        if self.issue:
            return addresses.issue(self.issue.number)
        return addresses.merchant(self.shop.pk) if self.shop else ""


def about_of(request: HttpRequest, user: User) -> About:
    """`?issue=<number>` or `?merchant=<id>`. Raises Http404 for what this person may not see."""
    if number := request.GET.get("issue", "")[:13]:
        issue = get_object_or_404(Issue.objects.visible_to(user).select_related("merchant", "lead_unit"), number=number)
        return About(issue, issue.merchant)
    merchant = request.GET.get("merchant", "")
    if merchant:
        if not (merchant.isascii() and merchant.isdigit() and len(merchant) < 18):
            raise Http404
        return About(None, get_object_or_404(Merchant.objects.visible_to(user), pk=int(merchant)))
    return About()


def fitting(about: About, units: Sequence[Unit]) -> list[str]:
    """Who of these is ticked to begin with: the unit that has the issue, else the town where it is; the ids, as forms name them."""
    holder = about.issue.lead_unit if about.issue else None
    if holder is not None and holder in units:
        return [str(holder.pk)]
    town = about.issue.town if about.issue else about.shop.town if about.shop else ""
    return [str(unit.pk) for unit in units if len(units) == 1 or (unit.kind == UnitKind.TOWN and unit.code == town)]
