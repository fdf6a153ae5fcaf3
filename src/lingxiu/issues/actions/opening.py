"""What a person or a device found becomes an issue: its number, its route, its first clocks; and goes on at once where a rule
says so.

Where it goes, `routing` decides; by when, `deadlines`. What is written, `writing`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from django.db import IntegrityError, transaction
from django.utils import timezone

from lingxiu.accounts.models import Unit, User
from lingxiu.issues import elsewhere, writing
from lingxiu.issues.holding import dispatchers_on_duty, dispatchers_unit, handles_at, on_duty, routed_unit
from lingxiu.issues.lifecycle import Level, Move, State
from lingxiu.issues.lookback.queries import near_key_place
from lingxiu.issues.models import Issue, MoveRow, Source
from lingxiu.issues.numbering import next_number
from lingxiu.issues.routing import Facts, Routed, route
from lingxiu.issues.writing import Before, Brought, SomebodyWasFaster
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import InForce, edition, in_force
from lingxiu.policy.schema.routing import Routing
from lingxiu.policy.schema.violations import Violation
from lingxiu.territory.queries import locate

EARLIER = timedelta(days=90)
ALARMS = UUID("6f0a4a53-1d0b-4d58-9c3b-6f1f3f6f5c11")
"""Name space of the submissions of alarms: the same alarm always has the same UUID, however often it is told."""
TRIES = 5
TOWN_DIGITS = 9  # of a town's statistical code; a grid's begins with it
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, before it has a number. `act_at` is when it was so; positions are WGS84 degrees.

    `area`: the code of a town or grid, where neither the merchant nor a position tells. `other`: the system and number it
    stands under elsewhere.
    """

    source: Source
    violation: str
    summary: str
    act_at: datetime
    merchant: Merchant | None = None
    place: str = ""
    area: str = ""
    lng: float | None = None
    lat: float | None = None
    found_by: User | None = None
    alarm_id: int | None = None
    photos: tuple[str, ...] = ()
    voice: str = ""
    data: Mapping[str, object] = field(default_factory=dict)
    synthetic: bool = False
    other: tuple[str, str] = ("", "")


def not_then(seen: datetime, now: datetime) -> str:
    """Why an officer cannot have seen a find then: it lies in the `future`, or is too `old` by policy; empty, if he can."""
    if seen > now:
        return "future"
    return (
        "old"
        if timezone.localtime(seen).date() < timezone.localtime(now).date() - timedelta(days=found_within())
        else ""
    )


def found_within() -> int:
    """How many days ago an officer may have seen what he enters."""
    return in_force().catalogues.deadlines.found_within_days


def report(found: Found, *, at: datetime, submission: UUID | None = None, held_back: bool = False) -> Issue:
    """Make an issue of what was found: number, route, clocks, first move; and send it on at once where the rule says so.

    A forecast's issue starts as predicted, and goes nowhere before a person has confirmed it.

    Args:
        held_back: leave it with the dispatcher whatever the rule says (people's reports are judged by a person).
    Raises: KeyError for a violation no catalogue has; SubmissionReused; elsewhere.OtherNumberTaken.
    """
    with transaction.atomic():
        if submission and (known := writing.made_before(submission, Move.REPORT, found.found_by)):
            return known.issue
        if taken := elsewhere.holder_of(*found.other):
            raise elsewhere.OtherNumberTaken(found.other[1], taken)
        issue, routed = _draft(found, at)
        issue.state = State.PREDICTED if found.source is Source.FORECAST else State.RECEIVED
        writing.open_with(issue, dispatchers_unit(Level(issue.level), issue.town), at)
        brought = Brought(words=found.summary, photos=found.photos, voice=found.voice, lng=found.lng, lat=found.lat)
        data = {**found.data, "rule": routed.rule.id}
        writing.write(issue, Move.REPORT, found.found_by, at, brought=brought, submission=submission, data=data)
        writing.tell_standing(issue.merchant_id, at, reported=True)
        if routed.rule.dispatch == "at_once" and not held_back and issue.state == State.RECEIVED:
            dispatch_at_once(issue, routed.rule, at)
    return issue


def report_alarm(
    *, device_mn: str, merchant_id: int, alarm_id: int, violation_id: str, act_at: datetime, summary: str, at: datetime
) -> str:
    """A device's alarm: joins the open issue of the same merchant and violation, else opens one. Told twice, it counts once.

    Returns: the issue's number.
    """
    data: dict[str, object] = {"alarm": alarm_id, "device": device_mn}
    merchant = Merchant.objects.get(pk=merchant_id)
    found = Found(Source.ALARM, violation_id, summary, act_at, merchant, alarm_id=alarm_id, data=data)
    for _ in range(TRIES - 1):
        # Two alarms of one merchant at once: a unique index lets one issue be opened; the other try then finds it.
        try:
            return _take_alarm(found, at)
        except (IntegrityError, SomebodyWasFaster):
            continue
    return _take_alarm(found, at)


def _take_alarm(found: Found, at: datetime) -> str:
    submission = uuid5(ALARMS, str(found.alarm_id))
    with transaction.atomic():
        known = MoveRow.objects.select_related("issue").filter(submission=submission).first()
        if known is not None:
            return known.issue.number
        same = Issue.objects.open().filter(merchant=found.merchant, violation=found.violation, source=Source.ALARM)
        issue = same.select_for_update().order_by("id").first()
        if issue is None:
            return report(found, at=at, submission=submission).number
        before, brought = Before.of(issue), Brought(words=found.summary)
        at = writing.claim(issue, at)
        writing.write(
            issue, Move.NOTE, None, at, before=before, brought=brought, submission=submission, data=found.data
        )
    return issue.number


def _draft(found: Found, at: datetime) -> tuple[Issue, Routed]:
    """The issue as it comes in, held by nobody yet, and the rule that routes it."""
    policy = in_force()
    violation = policy.catalogues.violation(found.violation)
    town, grid, lng, lat = _where(found)
    near = lng is not None and lat is not None and near_key_place(lng, lat)
    routed = _routed(policy, violation, found, town, grid, near, at)
    issue = Issue(
        number=next_number(at), state=State.RECEIVED, flow=_flow(routed, violation), level=routed.rule.level,
        source=found.source, violation=violation.id, violation_kind=violation.kind, severity=violation.severity,
        responsible=violation.responsible, merchant=found.merchant, town=town, grid=grid, lng=lng, lat=lat,
        place=found.place or (found.merchant.address if found.merchant else ""), summary=found.summary[:200],
        act_at=found.act_at, reported_at=at, found_by=found.found_by, alarm_id=found.alarm_id, clock_from=at,
        edition=policy.id, routing_rule=routed.rule.id, moved_at=at,
        routing_why={"tried": list(routed.tried), "facts": asdict(routed.facts)},
        synthetic=found.synthetic or bool(found.merchant and found.merchant.synthetic),
        other_system=found.other[0], other_number=found.other[1],
    )  # fmt: skip
    return issue, routed


def _flow(routed: Routed, violation: Violation) -> str:
    """Joint if either the rule or the violation wants several bodies."""
    return "joint" if "joint" in (routed.rule.flow, violation.flow) else "quick"


def _where(found: Found) -> tuple[str, str, float | None, float | None]:
    """Town, grid and position: the merchant's, else those of the place, else what was said."""
    if found.merchant is not None:
        return found.merchant.town, found.merchant.grid, found.merchant.lng, found.merchant.lat
    if found.lng is None or found.lat is None:
        return found.area[:TOWN_DIGITS], found.area if len(found.area) > TOWN_DIGITS else "", None, None
    place = locate(found.lng, found.lat)
    return place.town, place.grid, found.lng, found.lat


def _routed(
    policy: InForce, violation: Violation, found: Found, town: str, grid: str, near: bool, at: datetime
) -> Routed:
    act_at = timezone.localtime(found.act_at)
    facts = Facts(
        source=found.source,
        violation=violation.id,
        violation_kind=violation.kind,
        severity=violation.severity,
        merchant_known=found.merchant is not None,
        town_known=bool(town),
        grid_known=bool(grid),
        earlier_in_90_days=_earlier(found, at),
        towns_at_once=_towns_at_once(found.violation, town, at),
        town=town,
        merchant_kind=found.merchant.kind if found.merchant else "",
        hour=act_at.hour,
        near_key_place=near,
    )
    return route(policy.catalogues.routing, facts, act_at.date())


def _towns_at_once(violation: str, town: str, at: datetime) -> int:
    """In how many towns this was reported within a day, this one included."""
    others = Issue.objects.filter(violation=violation, reported_at__gt=at - A_DAY, reported_at__lte=at)
    towns = set(others.exclude(town="").order_by().values_list("town", flat=True).distinct())
    return len(towns | ({town} if town else set())) or 1


def _earlier(found: Found, at: datetime) -> int:
    if found.merchant is None:
        return 0
    same = Issue.objects.filter(merchant=found.merchant, violation=found.violation)
    return same.filter(reported_at__gte=at - EARLIER).exclude(state=State.DISMISSED).count()


def dispatch_at_once(issue: Issue, rule: Routing, at: datetime) -> None:
    """The system's own move. Who found it in their own unit is given it; without such a unit the dispatcher keeps it, and on a
    day off, if nobody on duty may handle it, who dispatches on duty.
    """
    unit = routed_unit(rule.to, town=issue.town, grid=issue.grid, responsible=issue.responsible)
    if unit is None:
        return
    finder = issue.found_by if issue.found_by and handles_at(issue.found_by, unit) else None
    if finder is None and _waits_for_duty(issue, unit, at):
        writing.mark_on_duty(writing.open_lead(issue))
        return
    before = Before.of(issue)
    at = writing.claim(issue, at)
    writing.let_go(issue, done=True, at=at)
    given = writing.hand_over(issue, State.DISPATCHED, unit, finder, accepted=False, at=at)
    writing.keep(issue, before)
    data: dict[str, object] = {"rule": rule.id, **({"duty": True} if given.on_duty else {})}
    writing.write(issue, Move.DISPATCH, None, at, before=before, data=data)


def _waits_for_duty(issue: Issue, unit: Unit, at: datetime) -> bool:
    """Whether all of the unit are at rest, and of those on duty somebody dispatches there but nobody handles."""
    if not writing.is_for_duty(issue, at) or on_duty(unit, at) is not None:
        return False
    return issue.lead_unit_id in {post.unit_id for one in dispatchers_on_duty(unit, at) for post in one.authority.posts}


def send_on_after_rest(issue: Issue, at: datetime) -> None:
    """What waited for the dispatcher on duty, and was left, goes where its rule sends it: work begins again."""
    rules = {rule.id: rule for rule in edition(issue.edition).catalogues.routing}
    writing.mark_on_duty(writing.open_lead(issue), False)
    dispatch_at_once(issue, rules[issue.routing_rule], at)
