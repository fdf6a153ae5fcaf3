"""What a person may do for which shop, and what is known of it. Reads only; times are passed in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Max
from django.utils import timezone

from lingxiu.accounts.models import Bond, User
from lingxiu.accounts.queries import holder_of
from lingxiu.issues.models import Issue
from lingxiu.issues.queries import ForOwner, for_owner, in_owner_words
from lingxiu.merchants.models import CareRecord, Facility, Merchant, Status
from lingxiu.policy.queries import in_force
from lingxiu.policy.rows import Label
from lingxiu.policy.schema.selfcheck import OwnerWords
from lingxiu.selfservice.agenda import Open, Shop, Todo, What, agenda, cycles
from lingxiu.selfservice.models import SelfCheck
from lingxiu.sensing.forecast_words import plain_behind

KIND: dict[What, CareRecord.Kind] = {
    What.CLEANING: CareRecord.Kind.PURIFIER,
    What.TRAP: CareRecord.Kind.TRAP,
    What.WASTE: CareRecord.Kind.WASTE,
}
FACILITY: dict[str, What] = {"purifier": What.CLEANING, "grease_trap": What.TRAP}
"""What there must be in the dossier, or have been cared for before, to be asked for. Waste is everybody's."""

MAY: dict[str, tuple[str, frozenset[What]]] = {
    Bond.Kind.OWNER: ("shop.answer", frozenset(What)),
    Bond.Kind.CLEANING_COMPANY: ("shop.record_cleaning", frozenset({What.CLEANING, What.TRAP})),
    Bond.Kind.WASTE_HAULER: ("shop.record_waste", frozenset({What.WASTE})),
}
"""By bond: the verb a role must grant, and what it lets somebody do for that shop."""


@dataclass(frozen=True, slots=True)
class Reminder:
    """An open issue in the owner's words. `is_reminder`: a device's value, not a finding. `expects`: what a forecast says of it."""

    number: str
    says: Label
    do: Label | None
    is_reminder: bool
    due_on: date
    expects: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom the owner may call: the grid member of the shop's grid."""

    name: str
    phone: str


def may_do(user: User) -> dict[int, frozenset[What]]:
    """Merchant id → what this person may do for it, by their bonds and what their posts grant."""
    found: dict[int, frozenset[What]] = defaultdict(frozenset)
    for merchant_id, kind in user.bonds.filter(ended_at=None).values_list("merchant_id", "kind"):
        verb, whats = MAY[kind]
        if user.authority.may(verb):
            found[merchant_id] |= whats
    return dict(found)


def shops(merchant_ids: Collection[int], words: str = "") -> list[Merchant]:
    """These shops, those closed for good aside; `words`: part of a name, or the beginning of its pinyin initials."""
    found = Merchant.objects.filter(pk__in=merchant_ids).exclude(status=Status.CLOSED).select_related("standing")
    if words:
        found = found.filter(name__icontains=words) | found.filter(initials__istartswith=words)
    return list(found.order_by("name", "pk"))


def agendas(
    merchants: Iterable[Merchant],
    may: Mapping[int, frozenset[What]],
    at: datetime,
    reminders: Mapping[int, list[Reminder]] | None = None,
) -> dict[int, list[Todo]]:
    """Merchant id → what is to be done there, as far as the reader may do it. Three statements for all."""
    day, catalogues = timezone.localdate(at), in_force().catalogues
    wanted = {merchant.pk: merchant for merchant in merchants}
    cared = last_care(wanted)
    there = _facilities(wanted)
    declared = dict(
        SelfCheck.objects.filter(merchant__in=wanted).order_by().values_list("merchant").annotate(Max("month"))
    )
    told: dict[int, list[Todo]] = {}
    for merchant_id, merchant in wanted.items():
        shop = Shop(
            last=cared[merchant_id],
            has=frozenset({What.WASTE, *cared[merchant_id], *there[merchant_id], *_served(may[merchant_id])}),
            declared_for=declared.get(merchant_id),
            reminders=tuple(Open(one.number, one.due_on) for one in (reminders or {}).get(merchant_id, ())),
        )
        told[merchant_id] = agenda(day, shop, cycles(catalogues, merchant.scale, day), may[merchant_id])
    return told


def last_care(merchant_ids: Collection[int]) -> dict[int, dict[What, date]]:
    """Merchant id → when it was last cared for, by what."""
    whats = {str(kind): what for what, kind in KIND.items()}
    found: dict[int, dict[What, date]] = defaultdict(dict)
    rows = CareRecord.objects.filter(merchant__in=merchant_ids).order_by()
    for merchant_id, kind, last in rows.values_list("merchant", "kind").annotate(Max("on")):
        found[merchant_id][whats[kind]] = last
    return found


def reminders_of(
    merchants: Iterable[Merchant], may: Mapping[int, frozenset[What]], user: User
) -> dict[int, list[Reminder]]:
    """Merchant id → its open issues, in the words an owner is told, by date; for shops this person owns."""
    told = {
        merchant.pk: for_owner(merchant, user, open_only=True)
        for merchant in merchants
        if What.REMINDER in may[merchant.pk]
    }
    numbers = [issue.number for issues in told.values() for issue in issues]
    violations = dict(Issue.objects.filter(number__in=numbers).values_list("number", "violation")) if numbers else {}
    words = {row.violation: row for row in in_force().catalogues.selfcheck.issues}
    expects = _expects(violations)
    return {
        merchant_id: sorted(
            (_reminder(issue, words.get(violations[issue.number]), expects) for issue in issues),
            key=lambda one: one.due_on,
        )
        for merchant_id, issues in told.items()
    }


def reminder_of(issue: Issue) -> Reminder:
    """An issue of an own shop in the owner's words."""
    words = {row.violation: row for row in in_force().catalogues.selfcheck.issues}
    return _reminder(in_owner_words(issue), words.get(issue.violation), _expects({issue.number: issue.violation}))


def contact_of(merchant: Merchant, at: datetime) -> Contact | None:
    """The grid member a shop belongs to, if somebody holds the grid now."""
    member = holder_of(merchant.grid, at)
    return Contact(member.name, member.phone) if member else None


def declared_this_month(merchant: Merchant, at: datetime) -> SelfCheck | None:
    """The self-check of the month that is now."""
    return SelfCheck.objects.filter(merchant=merchant, month=month_of(at)).first()


def latest_self_check(merchant: Merchant) -> SelfCheck | None:
    """The newest self-check of a shop."""
    return SelfCheck.objects.filter(merchant=merchant).order_by("-month").first()


def recent_care(merchant: Merchant, what: What, limit: int = 12) -> list[CareRecord]:
    """The newest records of a kind."""
    return list(CareRecord.objects.filter(merchant=merchant, kind=KIND[what]).order_by("-on", "-pk")[:limit])


def month_of(at: datetime) -> date:
    """The first day of the county's month."""
    return timezone.localdate(at).replace(day=1)


def _facilities(merchant_ids: Collection[int]) -> dict[int, set[What]]:
    found: dict[int, set[What]] = defaultdict(set)
    rows = Facility.objects.filter(merchant__in=merchant_ids, kind__in=FACILITY, removed_on=None)
    for merchant_id, kind in rows.values_list("merchant", "kind"):
        found[merchant_id].add(FACILITY[kind])
    return found


def _served(may: frozenset[What]) -> frozenset[What]:
    """Who only serves a shop is asked for what they serve, whether the dossier knows of it or not."""
    return frozenset() if What.SELF_CHECK in may else may


def _expects(violations: Mapping[str, str]) -> dict[str, str]:
    """Number → what a forecast says, of those of these issues that forecasts open."""
    ahead = in_force().catalogues.foresight
    foreseen = {rule.violation for rule in ahead.rules} if ahead else set()
    return plain_behind([number for number, violation in violations.items() if violation in foreseen])


def _reminder(issue: ForOwner, words: OwnerWords | None, expects: Mapping[str, str]) -> Reminder:
    due_on, expected = timezone.localdate(issue.due_at), expects.get(issue.number, "")
    if words is None:
        return Reminder(issue.number, issue.what, None, issue.is_reminder, due_on, expected)
    return Reminder(issue.number, words.says, words.do, issue.is_reminder, due_on, expected)
