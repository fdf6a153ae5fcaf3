"""The people behind the words of a rule: the holder, the dispatcher, the owner … Never decides whether they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import get_args

from django.db.models import Q

from lingxiu.accounts.absences import deputies
from lingxiu.accounts.models import Bond, Post, Unit, UnitKind, User
from lingxiu.issues import signing
from lingxiu.issues.holding import dispatchers_on_duty, dispatchers_unit
from lingxiu.issues.joint_models import JointInspection, JointOfficer
from lingxiu.issues.lifecycle import Level, Move
from lingxiu.issues.models import Assignment, Issue, MoveRow, Report
from lingxiu.issues.order_models import Order, OrderItem
from lingxiu.issues.signing import Paper
from lingxiu.journal.models import Entry
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.notices import Audience
from lingxiu.sensing.models import Device

BOUND_TO_THEM: frozenset[Audience] = frozenset(
    {"owner", "company", "finder", "recorder", "handler", "crew", "order_giver", "order_leader", "as_said"}
)
"""What concerns these concerns them whether they are there or not."""
HANDS = frozenset({"issues.handle", "issues.dispatch"})


@dataclass(frozen=True)
class About:
    """An entry of the journal, and the issue and move it is of, where there are such. `at`: who is in which post then."""

    entry: Entry
    at: datetime

    @cached_property
    def issue(self) -> Issue | None:
        """The issue it is about; of a report, the one it points at."""
        match self.entry.subject_kind:
            case "issue":
                return Issue.objects.select_related("merchant").filter(number=self.entry.subject_id).first()
            case "report":
                return _issue_of_report(self.entry.subject_id)
        return None

    @cached_property
    def joint(self) -> JointInspection | None:
        """The joint inspection it is about."""
        if self.entry.subject_kind != "joint_inspection":
            return None
        return JointInspection.objects.filter(pk=self.entry.subject_id).first()

    @cached_property
    def paper(self) -> Paper | None:
        """The record of an inspection, or the notice to a merchant, it is about."""
        return signing.paper(self.entry.subject_kind, self.entry.subject_id)

    @cached_property
    def order(self) -> Order | None:
        """The order from above it is about."""
        if self.entry.subject_kind != "order":
            return None
        return Order.objects.filter(pk=self.entry.subject_id).first()

    @cached_property
    def move(self) -> MoveRow | None:
        """The move the entry tells of."""
        version = self.entry.reference.get("version")
        if self.issue is None or version is None:
            return None
        return MoveRow.objects.filter(issue=self.issue, version=version).first()

    @property
    def doer_id(self) -> int | None:
        """Who did it, and so knows: also who found something that the system sent on at that moment."""
        if self.issue is not None and self.entry.actor_id is None and self.entry.at == self.issue.reported_at:
            return self.issue.found_by_id
        return self.entry.actor_id

    @property
    def is_overtaken(self) -> bool:
        """Whether the issue went on to somebody else since, and maybe back: the later entry tells whoever has it now."""
        if self.move is None or self.issue is None:
            return False
        later = MoveRow.objects.filter(issue=self.issue, version__gt=self.move.version)
        return later.exclude(to_unit=self.move.to_unit_id, to_person=self.move.to_person_id).exists()


def people(about: About, audience: Audience) -> list[int]:
    """Ids of the people, in order, each once; whoever is away is stood in for."""
    found = set(_FIND[audience](about))
    return sorted(found if audience in BOUND_TO_THEM else standing_in(found, about.at))


def standing_in(ids: set[int], at: datetime) -> set[int]:
    """Those who are there, and the deputies of the others; if nobody is left, all: somebody must hear of it."""
    away = deputies(ids, at)
    return ids - set(away) | {deputy for deputy in away.values() if deputy} or ids


def visible_among(about: About, ids: Iterable[int]) -> list[User]:
    """Those of them who may see what it is about: nobody is told of an issue, a round or an order they may not open."""
    found = list(User.objects.filter(pk__in=list(ids), is_active=True).order_by("pk"))
    issue, joint = about.issue, about.joint
    if issue is not None:
        return [user for user in found if Issue.objects.visible_to(user).filter(pk=issue.pk).exists()]
    if joint is not None:
        return [user for user in found if JointInspection.objects.visible_to(user).filter(pk=joint.pk).exists()]
    if about.paper is not None:
        return [user for user in found if signing.may_see(about.paper, user)]
    order = about.order
    if order is not None:
        return [user for user in found if Order.objects.visible_to(user).filter(pk=order.pk).exists()]
    return found


def holders(issue: Issue, at: datetime) -> list[int]:
    """Who has the ball: the person it was given to, else everybody of the unit who could take it; what waits for the
    dispatcher on duty is theirs while the others are at rest."""
    if not issue.is_open:
        return []
    if issue.lead_unit and issue.assignments.filter(on_duty=True, person=None, ended_at=None).exists():
        there = [user.pk for user in dispatchers_on_duty(issue.lead_unit, at)]
        return there or of_units([issue.lead_unit_id], at)
    return _of(issue.lead_unit_id, issue.lead_person_id, at)


def busy_with(issue: Issue, at: datetime) -> set[int]:
    """Who has something to do about it: has the ball, a part or a look of it that is open, or may decide what was asked."""
    if not issue.is_open:
        return set()
    beside = issue.assignments.filter(ended_at=None).exclude(part=Assignment.Part.LEAD)
    found = {person for unit, one in beside.values_list("unit_id", "person_id") for person in _of(unit, one, at)}
    objected = issue.assignments.filter(outcome=Assignment.Outcome.OBJECTED).exists()
    if objected or issue.extension_asked_days is not None:
        found.update(_dispatchers_of(issue, at))
    return found | set(holders(issue, at))


def of_units(unit_ids: Iterable[int | None], at: datetime, verbs: frozenset[str] = HANDS) -> list[int]:
    """People who hold a post in these units by which they may do one of these things."""
    posts = Post.objects.filter(Post.held_at(at), unit__in=[pk for pk in unit_ids if pk], user__is_active=True)
    return list(posts.filter(role__in=_roles(verbs)).values_list("user_id", flat=True))


def _of(unit_id: int | None, person_id: int | None, at: datetime) -> list[int]:
    return [person_id] if person_id else of_units([unit_id], at)


def _roles(verbs: frozenset[str]) -> list[str]:
    return [role.id for role in in_force().catalogues.roles if verbs & set(role.may)]


def _issue_of_report(pk: str) -> Issue | None:
    row = Report.objects.select_related("issue__merchant").filter(pk=pk).first()
    return row.issue if row else None


def _holder(about: About) -> list[int]:
    if about.issue is None or about.is_overtaken:
        return []
    return holders(about.issue, about.at)


def _cooperating(about: About) -> list[int]:
    parts = Assignment.objects.filter(issue=about.issue, part=Assignment.Part.COOPERATING)
    given_by_now = parts.filter(Q(ended_at=None) | Q(ended_at=about.entry.at))
    return [
        person
        for part in given_by_now.values_list("unit_id", "person_id")
        for person in _of(part[0], part[1], about.at)
    ]


def _dispatcher(about: About) -> list[int]:
    """Of the issue's level; of a round, of the bodies that go along; of anything else, of the town it concerns."""
    if about.joint is not None:
        return _dispatchers_of_bodies(about.joint, about.at)
    if about.issue is not None:
        return _dispatchers_of(about.issue, about.at)
    if not about.entry.town:
        return []
    return of_units([dispatchers_unit(Level.TOWN, about.entry.town).pk], about.at, frozenset({"issues.dispatch"}))


def _dispatchers_of(issue: Issue, at: datetime) -> list[int]:
    return of_units([dispatchers_unit(Level(issue.level), issue.town).pk], at, frozenset({"issues.dispatch"}))


def _dispatchers_of_bodies(joint: JointInspection, at: datetime) -> list[int]:
    """A town's team has its town's; a department those among its own people who dispatch."""
    bodies = list(Unit.objects.filter(pk__in=joint.officers.values("unit")).order_by("pk"))
    rooms = [dispatchers_unit(Level.TOWN, body.town).pk for body in bodies if body.kind == UnitKind.TOWN_TEAM]
    return of_units([*(body.pk for body in bodies), *rooms], at, frozenset({"issues.dispatch"}))


def _crew(about: About) -> list[int]:
    """Who goes along on the round."""
    return list(JointOfficer.objects.filter(joint=about.joint).values_list("user_id", flat=True)) if about.joint else []


def _ordered(about: About) -> list[int]:
    """Of the unit whose items of the order the entry is of: whoever may handle or dispatch there."""
    return of_units([about.entry.unit_id], about.at) if about.order else []


def order_holders(order_id: str, at: datetime) -> set[int]:
    """Who has something of an order still to answer: the people of its unit, and who stands in for them."""
    owing = OrderItem.objects.filter(order=int(order_id), state=OrderItem.State.OPEN)
    found = set(of_units(owing.values_list("unit_id", flat=True).distinct(), at))
    return found | standing_in(found, at)


def _order_giver(about: About) -> list[int]:
    return [about.order.made_by_id] if about.order else []


def _order_leader(about: About) -> list[int]:
    return [about.order.leader_id] if about.order and about.order.leader_id else []


def _county(about: About) -> list[int]:
    posts = Post.objects.filter(Post.held_at(about.at), unit__kind=UnitKind.COUNTY_OFFICE, user__is_active=True)
    return list(posts.filter(role__in=_roles(frozenset({"issues.dispatch"}))).values_list("user_id", flat=True))


def _maintainer(about: About) -> list[int]:
    """Who looks after devices at the county, and calls the company."""
    posts = Post.objects.filter(Post.held_at(about.at), unit__kind=UnitKind.COUNTY_OFFICE, user__is_active=True)
    return list(posts.filter(role__in=_roles(frozenset({"sensing.manage"}))).values_list("user_id", flat=True))


def _company(about: About) -> list[int]:
    """Who looks after the device the entry is of, where the company has an account."""
    devices = Device.objects.filter(mn=about.entry.reference.get("device", ""), maintainer__account__is_active=True)
    return [pk for pk in devices.values_list("maintainer__account_id", flat=True) if pk]


def _leader(about: About) -> list[int]:
    """Who asked about it last, whether it is answered by now or not; if nobody did, those who may ask and do nothing else."""
    asked = MoveRow.objects.filter(issue=about.issue, move="supervise").exclude(actor=None)
    last = asked.order_by("-version").values_list("actor_id", flat=True).first()
    if last:
        return [last]
    roles = [
        role.id for role in in_force().catalogues.roles if "issues.supervise" in role.may and not HANDS & set(role.may)
    ]
    posts = Post.objects.filter(Post.held_at(about.at), role__in=roles, unit__kind=UnitKind.COUNTY_OFFICE)
    return list(posts.filter(user__is_active=True).values_list("user_id", flat=True))


def _finder(about: About) -> list[int]:
    return [about.issue.found_by_id] if about.issue and about.issue.found_by_id else []


def _recorder(about: About) -> list[int]:
    wrote = Report.objects.filter(issue=about.issue).exclude(recorded_by=None)
    return [pk for pk in wrote.values_list("recorded_by_id", flat=True) if pk]


def _handler(about: About) -> list[int]:
    row = MoveRow.objects.filter(issue=about.issue, move=Move.FEED_BACK).order_by("-version").first()
    return [pk for pk in (row.on_behalf_of_id or row.actor_id,) if pk] if row else []


def _owner(about: About) -> list[int]:
    """Of the shop the entry concerns: it names none that is not told yet."""
    if about.entry.merchant_id is None:
        return []
    bonds = Bond.objects.filter(merchant_id=about.entry.merchant_id, kind=Bond.Kind.OWNER, ended_at=None)
    return list(bonds.values_list("user_id", flat=True))


def _grid(about: About) -> list[int]:
    grid = about.entry.grid
    posts = Post.objects.filter(Post.held_at(about.at), unit__grid=grid, user__is_active=True)
    return list(posts.filter(role__in=_roles(HANDS)).values_list("user_id", flat=True)) if grid else []


def _as_said(about: About) -> list[int]:
    """People (`people`, `mentioned`), units (`units`) and audiences (`tell`) that the entry or its move names."""
    said: dict[str, object] = {**(about.move.data if about.move else {}), **about.entry.reference}
    named = {*_ids(said.get("people")), *_ids(said.get("mentioned"))}
    found = set(of_units(_ids(said.get("units")), about.at))
    for word in _words(said.get("tell")):
        found |= set(_SAID.get(word, _nobody)(about))
    return [*named, *standing_in(found, about.at)]


def _late(about: About) -> list[int]:
    """The holder of the clock a warning is of: of a part or a look its own, else who had the issue, though it was raised."""
    said = about.entry.reference
    kind, _, key = str(said.get("clock", "")).partition(":")
    if kind in ("part", "look"):
        part = Assignment.objects.filter(pk=key.partition(":")[0]).values_list("unit_id", "person_id").first()
        return _of(*part, about.at) if part else []
    if said.get("unit"):
        return _of(said["unit"], said.get("person"), about.at)
    return _holder(about)


def _lead(about: About) -> list[int]:
    return holders(about.issue, about.at) if about.issue else []


def _nobody(about: About) -> list[int]:
    return []


def _ids(value: object) -> list[int]:
    return [one for one in value if isinstance(one, int)] if isinstance(value, list) else []


def _words(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


_FIND: dict[Audience, Callable[[About], list[int]]] = {
    "holder": _holder,
    "cooperating": _cooperating,
    "dispatcher": _dispatcher,
    "county": _county,
    "leader": _leader,
    "finder": _finder,
    "recorder": _recorder,
    "handler": _handler,
    "owner": _owner,
    "grid": _grid,
    "maintainer": _maintainer,
    "company": _company,
    "crew": _crew,
    "ordered": _ordered,
    "order_giver": _order_giver,
    "order_leader": _order_leader,
    "as_said": _as_said,
}
assert set(_FIND) == set(get_args(Audience))  # every word of the catalogue is known

# What a warning (issue.warned) calls them: the same, but for its holder, who is the clock's.
_SAID: dict[str, Callable[[About], list[int]]] = {
    **{str(word): find for word, find in _FIND.items()},
    "holder": _late,
    "lead": _lead,
    "as_said": _nobody,
}
