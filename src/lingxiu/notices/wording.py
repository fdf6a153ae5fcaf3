"""What a notice says: of an issue its number, what kind it is and where; never a reporter, a phone or anybody's words.

The same few facts stand on the page and go out; what else there is to know is behind the sign-in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models import Count, Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from lingxiu.issues.joint_models import JointInspection
from lingxiu.issues.models import Issue
from lingxiu.issues.order_models import Order
from lingxiu.merchants.models import Merchant
from lingxiu.notices.models import Notice
from lingxiu.policy.queries import edition, in_force
from lingxiu.policy.rows import Label
from lingxiu.policy.schema.catalogues import Catalogues
from lingxiu.territory.queries import town_names
from lingxiu.ui import addresses

A_ROUND: Final = "joint_inspection"
AN_ORDER: Final = "order"
PAPERS: Final = {"inspection": addresses.inspection, "rectification": addresses.rectification}
"""Papers of two officers, and where each is read and signed."""
SHOP_REMINDER: Final = "N-SHOP-REMINDER"
CALLED: Final = "alarm.called"
TO_THE_COMPANY: Final = "N-ALARM-COMPANY"
"""Whom this tells has no page of the shop, but may look at the device."""
NAMED_AT_ONCE = 2
"""So many of those that go as one message are named in it; the rest are counted."""


@dataclass(frozen=True, slots=True)
class Line:
    """A notice in words. `about`: number and kind, or what it is about; `place`: town and shop; `url`: where that stands."""

    notice: Notice
    what: str
    about: str
    place: str
    url: str

    @property
    def words(self) -> str:
        """All of it in one sentence."""
        facts = " · ".join(filter(None, [self.about, self.place]))
        return _("%(what)s: %(facts)s") % {"what": self.what, "facts": facts} if facts else self.what


def lines(notices: Sequence[Notice], *, officer: bool) -> list[Line]:
    """These notices in words, in the language in force. `officer`: issues open to officers; an owner has the shop's page."""
    numbers = {one.subject_id for one in notices if one.subject_kind == "issue"}
    issues = {one.number: one for one in Issue.objects.filter(number__in=numbers).select_related("merchant")}
    shops = Merchant.objects.in_bulk([one.merchant_id for one in notices if one.merchant_id])
    towns = town_names() if notices else {}
    rounds = _rounds({one.subject_id for one in notices if one.subject_kind == A_ROUND})
    orders = _orders({one.subject_id for one in notices if one.subject_kind == AN_ORDER})
    return [
        _line_of_round(one, rounds[one.subject_id], officer)
        if one.subject_kind == A_ROUND and one.subject_id in rounds
        else _line_of_order(one, orders[one.subject_id], officer)
        if one.subject_kind == AN_ORDER and one.subject_id in orders
        else _line(one, issues.get(one.subject_id), shops.get(one.merchant_id or 0), towns, officer)
        for one in notices
    ]


def _rounds(ids: set[str]) -> dict[str, JointInspection]:
    """These rounds by their id, each with `shops_left`, how many it still calls at or called at."""
    if not ids:
        return {}
    left = Count("shops", filter=Q(shops__left_out_at=None))
    found = JointInspection.objects.filter(pk__in=ids).select_related("lead").annotate(shops_left=left)
    return {str(one.pk): one for one in found}


def _orders(ids: set[str]) -> dict[str, Order]:
    return {str(one.pk): one for one in Order.objects.filter(pk__in=ids)} if ids else {}


def _line_of_order(notice: Notice, order: Order, officer: bool) -> Line:
    """What it is, and its number. Its title and who issued it are somebody's words, and stay inside."""
    about = f"{order.get_kind_display()} {order.number}"
    return Line(notice, _what(notice, officer), about, "", address(notice, officer=officer))


def _line_of_round(notice: Notice, joint: JointInspection, officer: bool) -> Line:
    """Its day, how many shops, and who leads. Its title is somebody's words, and stays inside."""
    shops: int = getattr(joint, "shops_left")  # noqa: B009 - annotated by `_rounds`
    about = ngettext("%(day)s, %(n)d shop", "%(day)s, %(n)d shops", shops) % {"day": joint.day.isoformat(), "n": shops}
    return Line(notice, _what(notice, officer), about, joint.lead.name, address(notice, officer=officer))


def _line(notice: Notice, issue: Issue | None, shop: Merchant | None, towns: dict[str, str], officer: bool) -> Line:
    merchant = issue.merchant if issue else shop
    matter = _matter(issue, officer) if issue else ""
    town = towns.get(issue.town if issue else merchant.town if merchant else "", "")
    return Line(
        notice,
        _what(notice, officer),
        f"{issue.number} {matter}" if issue else "",
        " · ".join(filter(None, [town, merchant.name if merchant else ""])),
        address(notice, officer=officer),
    )


def address(notice: Notice, *, officer: bool) -> str:
    """Where the thing itself stands, for this kind of reader. What is about nothing of its own leads to the list."""
    if notice.subject_kind == "issue" and officer:
        return addresses.issue(notice.subject_id)
    if notice.subject_kind == A_ROUND and officer:
        return addresses.joint_round(int(notice.subject_id))
    if notice.subject_kind == AN_ORDER and officer:
        return addresses.order(int(notice.subject_id))
    if notice.subject_kind in PAPERS and officer:
        return PAPERS[notice.subject_kind](int(notice.subject_id))
    if (notice.kind == CALLED and officer) or notice.rule == TO_THE_COMPANY:
        return addresses.alarm(int(notice.subject_id))
    return addresses.merchant(notice.merchant_id) if notice.merchant_id else addresses.notices()


def _what(notice: Notice, officer: bool) -> str:
    """The rule's label; of a reminder what the rule of escalation says; to a shop what its owner has to do, and until when."""
    policy = edition(notice.edition).catalogues
    called = notice.kind == CALLED
    if (notice.rule == SHOP_REMINDER or (called and not officer)) and (said := _reminder(notice, policy)):
        return said
    reminders = {} if called else {rule.id: rule.label for rule in (*policy.escalation, *policy.alarms.rules)}
    told = {rule.id: rule.label for rule in policy.notices.rules}
    label = reminders.get(notice.detail) or told.get(notice.rule)
    return _text(label) if label else notice.rule


def _reminder(notice: Notice, policy: Catalogues) -> str:
    reminds = next((rule.reminds for rule in policy.alarms.rules if rule.id == notice.detail), None)
    if reminds is None:
        return ""
    last = timezone.localdate(notice.at) + timedelta(days=reminds.within_days)
    return _text(reminds.says).replace("{day}", date_format(last, pgettext("a day without its year", "F j")))


def _matter(issue: Issue, officer: bool) -> str:
    """What kind it is; to a shop in words of a kitchen, where a device's value is a reminder and no finding."""
    catalogues = in_force().catalogues
    plain = {row.violation: row.says for row in catalogues.selfcheck.issues}
    if not officer and issue.violation in plain:
        return _text(plain[issue.violation])
    try:
        return _text(catalogues.violation(issue.violation).label)
    except KeyError:  # a kind the county's catalogue has no more
        return issue.violation


def _text(label: Label) -> str:
    return label.text(get_language() or "zh-hans")


def message(told: Sequence[Line], url: str) -> str:
    """What goes out: one notice, or several as one."""
    if len(told) == 1:
        return _("Lingxiu: %(words)s. %(url)s") % {"words": told[0].words, "url": url}
    named = _("; ").join(list(dict.fromkeys(line.words for line in told))[:NAMED_AT_ONCE])
    return ngettext(
        "Lingxiu: %(count)d notice. %(named)s. %(url)s", "Lingxiu: %(count)d notices. %(named)s. %(url)s", len(told)
    ) % {"count": len(told), "named": named, "url": url}


def subject(told: Sequence[Line]) -> str:
    """A heading: of a to-do, of an e-mail."""
    if len(told) == 1:
        return told[0].words
    return ngettext("%(count)d notice", "%(count)d notices", len(told)) % {"count": len(told)}
