"""What one thumb needs of an issue: whom to call, the way there, a text for the group on WeChat. Queries only.

Never shows a shop's number in a page: it is opened one at a time, and that is recorded. Never says who reported something.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from lingxiu.accounts.models import Post, UnitKind, User
from lingxiu.china.coordinates import wgs84_to_gcj02
from lingxiu.issues import elsewhere
from lingxiu.issues.calling import callable_by
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import PEOPLE, Issue, MoveRow
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.violations import Violation
from lingxiu.territory.queries import town_names
from lingxiu.ui import addresses

PICTURED = frozenset({Move.REPORT, Move.HANDLE, Move.FEED_BACK, Move.CONTRIBUTE, Move.NOTE})
"""Moves whose pictures officers took."""


@dataclass(frozen=True, slots=True)
class Way:
    """Addresses that open a map program on the phone: 高德's own, which takes GCJ-02, and RFC 5870's, which is WGS84."""

    amap: str
    geo: str


@dataclass(frozen=True, slots=True)
class Call:
    """Whom a tap calls: `tel:` of the command room, the dossier that opens the shop's own number, or, where `asks`, the
    address to post to for it."""

    url: str
    words: str
    asks: bool = False


def way_to(issue: Issue, agent: str) -> Way | None:
    """The way to where it is, if that is known. `agent`: the browser's name; 高德 answers to another name on an iPhone."""
    if issue.lng is None or issue.lat is None:
        return None
    name = issue.merchant.name if issue.merchant else issue.place or issue.number
    there = wgs84_to_gcj02(issue.lng, issue.lat)
    scheme = "iosamap://path" if any(one in agent for one in ("iPhone", "iPad")) else "amapuri://route/plan/"
    # dev=0: the position is shifted already; t=0: by car, which 高德 lets the reader change.
    asked = {
        "sourceApplication": "lingxiu", "dlat": f"{there.lat:.6f}", "dlon": f"{there.lng:.6f}", "dname": name,
        "dev": "0", "t": "0",
    }  # fmt: skip
    place = f"{issue.lat:.6f},{issue.lng:.6f}"
    return Way(f"{scheme}?{urlencode(asked, quote_via=quote)}", f"geo:{place}?q={quote(f'{place}({name})')}")


def calls(issues: Iterable[Issue], user: User, at: datetime) -> dict[int, list[Call]]:
    """Whom to call about each of these issues, by id: the shop, where the reader holds the issue or may open any dossier's
    number; and the command room of the town, if somebody there has a number and the reader is not of it."""
    issues = list(issues)
    rooms = {} if user.authority.may("issues.dispatch") else _rooms({issue.town for issue in issues}, at)
    held, opens = callable_by(user, issues), user.authority.may("merchants.see_personal_data")
    found: dict[int, list[Call]] = {}
    for issue in issues:
        if issue.pk in held:
            shop = [Call(f"{addresses.issue(issue.number)}call/", _("Call the shop"), asks=True)]
        elif opens and issue.merchant_id:
            shop = [Call(f"{addresses.merchant(issue.merchant_id)}dossier/", _("The shop's number"))]
        else:
            shop = []
        room = [Call(f"tel:{rooms[issue.town]}", _("Call the command room"))] if issue.town in rooms else []
        found[issue.pk] = [*shop, *room]
    return found


def _rooms(towns: set[str], at: datetime) -> dict[str, str]:
    """Town → a number of its command room: of whoever dispatches there."""
    roles = [role.id for role in in_force().catalogues.roles if "issues.dispatch" in role.may]
    posts = Post.objects.filter(Post.held_at(at), role__in=roles, unit__kind=UnitKind.TOWN, unit__town__in=towns - {""})
    held = posts.filter(user__is_active=True).select_related("user", "unit").order_by("-since", "-pk")
    return {post.unit.town: post.user.phone for post in held if post.user.phone}


def for_wechat(issue: Issue, violation: Violation) -> str:
    """The lines people paste into the group: number, shop, what, where, due, result; nothing of whoever reported it."""
    language = get_language() or "zh-hans"
    due = timezone.localtime(issue.step_due_at).strftime("%Y-%m-%d %H:%M")
    lines = [
        (_("Issue number"), issue.number),
        (elsewhere.system_name(issue.other_system, language), issue.other_number),
        (_("Shop"), issue.merchant.name if issue.merchant else ""),
        (_("Problem"), violation.label.text(language)),
        (_("Where"), _where(issue)),
        (_("Due"), due if issue.is_open else ""),
        (_("Result"), issue.get_result_display() if issue.result else ""),
    ]
    return "\n".join(f"{name}: {value}" for name, value in lines if value)


def _where(issue: Issue) -> str:
    """The shop's address. What somebody who complained wrote of the place may be where they live: then the town alone."""
    if issue.merchant is not None:
        return issue.merchant.address
    return town_names().get(issue.town, "") if issue.source in PEOPLE else issue.place


def latest_picture(rows: Iterable[MoveRow]) -> str:
    """The newest picture an officer took of it: sha256, empty if there is none."""
    taken = [row for row in rows if row.photos and row.move in PICTURED and row.actor_id is not None]
    return str(max(taken, key=lambda row: row.version).photos[-1]) if taken else ""
