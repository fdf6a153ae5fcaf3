"""The last events as they come, from the journal: what happened, to what, with the way there. Never who, never words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lingxiu.issues.models import Issue
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Merchant
from lingxiu.portal.pulse import concerns, is_seen_issue
from lingxiu.territory.queries import town_names
from lingxiu.ui import addresses

if TYPE_CHECKING:
    from lingxiu.accounts.models import User

WORDS: dict[str, str | Promise] = {
    "issue.reported": _("issue received"),
    "issue.dispatched": _("issue dispatched"),
    "issue.accepted": _("issue accepted"),
    "issue.handled": _("visit recorded"),
    "inspection.made": _("inspection recorded"),
    "issue.transferred": _("issue transferred"),
    "issue.escalated": _("issue escalated"),
    "issue.returned": _("issue returned"),
    "issue.fed_back": _("result fed back"),
    "issue.sent_back": _("sent back for rework"),
    "issue.closed": _("issue closed"),
    "issue.dismissed": _("issue dismissed"),
    "issue.reopened": _("issue reopened"),
    "issue.joined": _("reports joined"),
    "report.taken": _("report from the public"),
    "alarm.raised": _("alarm raised"),
    "alarm.cleared": _("alarm cleared"),
    "device.silent": _("device fell silent"),
    "device.back": _("device is back"),
    "device.adopted": _("device adopted"),
    "merchant.updated": _("dossier changed"),
    "merchant.created": _("dossier opened"),
    "rating.level_changed": _("fume level changed"),
    "self_check.declared": _("self-check declared"),
}
_ADDRESS: dict[str, Callable[[Entry], str]] = {
    "issue": lambda entry: addresses.issue(entry.subject_id),
    "merchant": lambda entry: addresses.merchant(int(entry.subject_id)),
}


@dataclass(frozen=True, slots=True)
class Event:
    """One line."""

    words: str | Promise
    about: str
    url: str
    at: datetime


def latest_events(user: User, limit: int = 10) -> list[Event]:
    """The newest entries of the kinds people understand that concern this reader; of issues, those they may open."""
    openable = ~Q(subject_kind="issue") | Q(is_seen_issue(user))
    entries = list(Entry.objects.filter(concerns(user), openable, kind__in=WORDS).order_by("-id")[:limit])
    shops, towns = _shops(entries), town_names()
    return [
        Event(WORDS[one.kind], " · ".join(filter(None, [shops[one.pk], towns.get(one.town)])), _address(one), one.at)
        for one in entries
    ]


def _shops(entries: list[Entry]) -> dict[int, str]:
    """Entry id → the shop's name: the one it concerns; of an issue its own, of which the shop may not be told yet."""
    names = dict(Merchant.objects.filter(pk__in=[entry.merchant_id for entry in entries]).values_list("pk", "name"))
    numbers = [entry.subject_id for entry in entries if entry.subject_kind == "issue"]
    of_issues = dict(Issue.objects.filter(number__in=numbers).values_list("number", "merchant__name"))
    return {one.pk: names.get(one.merchant_id or 0) or of_issues.get(one.subject_id) or "" for one in entries}


def _address(entry: Entry) -> str:
    if entry.subject_kind in _ADDRESS:
        return _ADDRESS[entry.subject_kind](entry)
    return addresses.merchant(entry.merchant_id) if entry.merchant_id else addresses.issues(view="all")
