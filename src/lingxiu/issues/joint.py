"""Joint inspections: planned for a day, a list of shops and officers of several bodies; walked shop by shop; withdrawn before.

Each body's part at a shop is an inspection of its own (`inspections`), with its two officers and the code of its act; together they
are one inspection of the shop. What is found becomes an issue. Nothing found is recorded too. Who may inspect, the cap and another
body's valid check, `inspections` decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from lingxiu.accounts.models import Unit, UnitKind, User
from lingxiu.issues import inspections
from lingxiu.issues.actions import opening
from lingxiu.issues.actions.opening import Found
from lingxiu.issues.inspection_models import Inspection, OutcomeChoice
from lingxiu.issues.inspection_rules import BEYOND_THE_CAP, NUMBERED, Inspecting, InspectionRefused, Outcome, Why
from lingxiu.issues.inspections import Before
from lingxiu.issues.joint_models import JointFinding, JointInspection, JointOfficer, JointShop
from lingxiu.issues.models import Issue, Source
from lingxiu.journal.actions import Scope, record
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.roles import Sight
from lingxiu.policy.schema.violations import Violation

MOST_SHOPS = 60
"""More than this nobody walks in a day."""
LEAST_BODIES = 2
PLAN = ("issues.dispatch", "issues.inspect")
"""Either lets somebody plan: who sends others out, and who goes."""
REASONS = (Why.PLAN, Why.ORDER, Why.CAMPAIGN)
"""Why a round is made. A complaint is about one shop, and is inspected by itself."""


class JointRefused(Exception):
    """What cannot be done with a joint inspection. `field` names where; `why`: a key of `joint_words.REFUSALS`."""

    def __init__(self, field: str, why: str, about: str = "") -> None:
        super().__init__(f"{field}: {why} {about}".strip())
        self.field, self.why, self.about = field, why, about


def may_plan(user: User) -> bool:
    """Whether somebody plans rounds at all."""
    return any(user.authority.may(verb) for verb in PLAN)


# ── planning ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Round:
    """A round before it is written. `officers`: (unit, officer) of every body that goes along."""

    title: str
    day: date
    lead: Unit
    officers: Sequence[tuple[Unit, User]]
    shops: Sequence[Merchant]
    why: Why = Why.PLAN
    number: str = ""
    words: str = ""
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """A round as it was written, and the shops that were left out because nothing of them may be inspected that day."""

    joint: JointInspection
    left_out: list[Merchant]


def plan(wanted: Round, *, by: User, at: datetime, submission: UUID) -> Planned:
    """Write a round down. Shops where no body may inspect that day, by cap or by another's valid check, are not on its list.
    Sent twice, and even at once, it is one round.

    Raises: JointRefused.
    """
    if (known := _known(wanted, by, submission)) is not None:
        return known
    if not may_plan(by):
        raise JointRefused("", "person")
    _refuse_round(wanted, at)
    with transaction.atomic():
        # Two rounds at once for the last place of a shop's cap: the second waits here, and sees what the first has taken.
        shops = Merchant.objects.select_for_update(no_key=True).filter(pk__in=[shop.pk for shop in wanted.shops])
        locked = {shop.pk: shop for shop in shops.order_by("pk")}
        if (known := _known(wanted, by, submission)) is not None:
            return known  # the same one, sent twice at once: it waited for these shops
        open_to = [shop for shop in wanted.shops if shop.pk in locked and _open_to_some(shop, wanted, at)]
        if not open_to:
            raise JointRefused("shops", "none_open")
        joint = JointInspection.objects.create(
            title=wanted.title.strip(), day=wanted.day, lead=wanted.lead, why=wanted.why, number=wanted.number.strip(),
            words=wanted.words.strip(), made_by=by, made_at=at, submission=submission, synthetic=wanted.synthetic,
        )  # fmt: skip
        JointOfficer.objects.bulk_create(
            JointOfficer(joint=joint, unit=unit, user=user) for unit, user in wanted.officers
        )
        JointShop.objects.bulk_create(JointShop(joint=joint, merchant=shop) for shop in open_to)
        tell("joint.planned", joint, at, by)
    return Planned(joint, [shop for shop in wanted.shops if shop not in open_to])


def _known(wanted: Round, by: User, submission: UUID) -> Planned | None:
    """The round as it was written when it was sent before."""
    joint = JointInspection.objects.filter(submission=submission, made_by=by).first()
    if joint is None:
        return None
    taken = set(joint.shops.values_list("merchant", flat=True))
    return Planned(joint, [shop for shop in wanted.shops if shop.pk not in taken])


def _refuse_round(wanted: Round, at: datetime) -> None:
    units: dict[int, list[User]] = {}
    for unit, user in wanted.officers:
        units.setdefault(unit.pk, []).append(user)
    obstacles: list[tuple[str, str, bool]] = [
        ("title", "title", not wanted.title.strip()),
        ("day", "day", wanted.day < timezone.localtime(at).date()),
        ("why", "why", wanted.why not in REASONS),
        ("number", "number", wanted.why in NUMBERED and not wanted.number.strip()),
        ("shops", "no_shops", not wanted.shops),
        ("shops", "too_many", len(wanted.shops) > MOST_SHOPS),
        ("officers", "bodies", len(units) < LEAST_BODIES),
        ("officers", "two_each", any(len(set(people)) < 2 for people in units.values())),
        ("officers", "one_body", len({user.pk for _unit, user in wanted.officers}) < len(wanted.officers)),
        ("lead", "lead", wanted.lead.pk not in units),
        ("number", "unknown_number", wanted.why in NUMBERED and not _is_known(wanted, at)),
    ]
    for field, why, stands in obstacles:
        if stands:
            raise JointRefused(field, why)
    for unit, user in wanted.officers:
        if user not in certified(unit, at):
            raise JointRefused("officers", "certificate", user.name)


def _is_known(wanted: Round, at: datetime) -> bool:
    return any(inspections.is_known(shop, wanted.why, wanted.number.strip(), at) for shop in wanted.shops)


def certified(unit: Unit, at: datetime) -> list[User]:
    """Who may go along for a body: its certified officers."""
    return inspections.certified_at(unit.pk, None, at)


def bodies(by: User) -> list[Unit]:
    """Which enforcing bodies may be asked along: all departments, and the teams of the towns this person sees."""
    units = Unit.objects.filter(active=True)
    teams = units.filter(kind=UnitKind.TOWN_TEAM)
    if by.authority.farthest("merchants") is not Sight.COUNTY:
        teams = teams.filter(town__in=by.authority.towns)
    return list((units.filter(kind=UnitKind.DEPARTMENT) | teams).order_by("kind", "code"))


def _open_to_some(shop: Merchant, wanted: Round, at: datetime) -> bool:
    """Whether at least one of the bodies may inspect something there that day, and the order or campaign is about it."""
    if wanted.why in NUMBERED and not inspections.is_known(shop, wanted.why, wanted.number.strip(), at):
        return False
    units = {unit.pk: unit for unit, _user in wanted.officers}
    return any(part.may for part in parts_at(shop, units.values(), wanted.why, wanted.day, at, joint=None))


# ── what each body may do at a shop ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Part:
    """One body's part at one shop: what it is to check, what another has checked and need not be checked again."""

    unit: Unit
    items: tuple[str, ...]
    before: Before
    beyond: bool

    @property
    def cap_used(self) -> bool:
        return not self.beyond and self.before.allowance.left == 0

    @property
    def wanted(self) -> tuple[str, ...]:
        """What it is to check here."""
        return self.items if self.beyond else tuple(item for item in self.items if item not in self.before.settled)

    @property
    def settled(self) -> dict[str, Inspection]:
        """What of its own another body has checked."""
        return {} if self.beyond else {item: one for item, one in self.before.settled.items() if item in self.items}

    @property
    def may(self) -> bool:
        return bool(self.wanted) and not self.cap_used


def parts_at(
    shop: Merchant, units: Iterable[Unit], why: Why, day: date, at: datetime, *, joint: int | None
) -> list[Part]:
    """What each body is to do at a shop on this day."""
    beyond = why in BEYOND_THE_CAP
    return [
        Part(unit, items_of(unit, day), inspections.before_on(shop, unit.pk, day, at, joint=joint), beyond)
        for unit in units
    ]


def items_of(unit: Unit, day: date) -> tuple[str, ...]:
    """What a body checks on a round: the tasks with a find it answers for; a town's team, those with one the towns were given."""
    catalogues = in_force().catalogues
    possible = inspections.items_on(day)
    own = {
        row.task for row in catalogues.violations if row.kind == "finding" and row.holds(day) and _is_of(row, unit, day)
    }
    return tuple(task.id for task in catalogues.tasks if task.id in own and task.id in possible)


def findings_of(units: Collection[Unit], day: date) -> list[Violation]:
    """What may be found on a round: the finds these bodies answer for, and those that belong to the tasks they check; not
    what is said as the public says it."""
    catalogues = in_force().catalogues
    rows = [row for row in catalogues.violations if row.kind == "finding" and not row.public and row.holds(day)]
    tasks = {task for unit in units for task in items_of(unit, day)}
    return [row for row in rows if row.task in tasks or any(_is_of(row, unit, day) for unit in units)]


def _is_of(row: Violation, unit: Unit, day: date) -> bool:
    return row.given_to_town(day) if unit.kind == UnitKind.TOWN_TEAM else row.responsible == unit.code


def units_of(joint: JointInspection) -> list[Unit]:
    """The bodies of a round, the lead first."""
    units = Unit.objects.filter(pk__in=joint.officers.values("unit")).order_by("kind", "code")
    return sorted(units, key=lambda unit: unit.pk != joint.lead_id)


# ── walking ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Seen:
    """One find at a shop."""

    violation: str
    words: str = ""
    photos: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Walked:
    """What was done at a shop. `present`: ids of the officers who came; `checked`: unit id → what its officers checked;
    `outcome`: what came of it where something was found."""

    present: frozenset[int]
    checked: dict[int, tuple[str, ...]]
    words: str
    started_at: datetime
    ended_at: datetime
    found: tuple[Seen, ...] = ()
    outcome: Outcome = Outcome.PUT_RIGHT
    photos: tuple[str, ...] = ()


def may_walk(joint: JointInspection, user: User) -> bool:
    """Whether somebody enters what was seen: an officer of the round who still inspects for their body."""
    own = joint.officers.filter(user=user).values_list("unit_id", flat=True)
    return any(post.unit_id in own for post in inspections.posts_of(user))


def walk(shop: JointShop, walked: Walked, *, by: User, at: datetime, submission: UUID) -> JointShop:
    """Record what was done at a shop: an inspection of each body that checked something, an issue of each find; nothing found
    is recorded too. Sent twice it is done once.

    Raises: JointRefused, InspectionRefused (whose `item` names the unit).
    """
    with transaction.atomic():
        row = _locked(shop)
        if row.submission == submission:
            return row
        joint = row.joint
        _refuse_walk(joint, row, walked, by, at)
        made = _inspect(row, walked, by, at)
        for n, seen in enumerate(walked.found):
            JointFinding.objects.create(
                shop=row, issue=_issue(row, seen, walked.started_at, by, at, uuid5(submission, str(n)))
            )
        row.walked_by, row.walked_at, row.words, row.submission = by, at, walked.words.strip(), submission
        row.save(update_fields=["walked_by", "walked_at", "words", "submission"])
        tell("joint.walked", joint, at, by, row.merchant, found=len(walked.found), inspections=len(made))
    return row


def _locked(shop: JointShop) -> JointShop:
    """A shop with its round, which nobody takes back meanwhile."""
    rows = JointShop.objects.select_for_update(of=("self", "joint"), no_key=True)
    return rows.select_related("joint__lead", "merchant").get(pk=shop.pk)


def _refuse_walk(joint: JointInspection, row: JointShop, walked: Walked, by: User, at: datetime) -> None:
    units = units_of(joint)
    possible = {violation.id for violation in findings_of(units, joint.day)}
    obstacles: list[tuple[str, str, bool]] = [
        ("", "person", not may_walk(joint, by)),
        ("", "withdrawn", joint.withdrawn_at is not None),
        ("", "walked", row.walked_at is not None),
        ("", "left_out", row.left_out_at is not None),
        ("started_at", "too_early", timezone.localtime(walked.started_at).date() < joint.day),
        ("words", "words", not walked.words.strip()),
        ("present", "nobody", by.pk not in walked.present),
        ("checked", "nothing_checked", not any(walked.checked.values())),
        ("found", "unknown_find", any(seen.violation not in possible for seen in walked.found)),
    ]
    for field, why, stands in obstacles:
        if stands:
            raise JointRefused(field, why)


def _inspect(row: JointShop, walked: Walked, by: User, at: datetime) -> list[Inspection]:
    """Each body's part, by two of its officers who came."""
    joint, made = row.joint, []
    there: dict[int, list[User]] = {}
    for one in joint.officers.filter(user__in=walked.present).select_related("user"):
        there.setdefault(one.unit_id, []).append(one.user)
    for unit in units_of(joint):
        items = walked.checked.get(unit.pk, ())
        if not items:
            continue
        people = sorted(there.get(unit.pk, []), key=lambda user: user.pk != by.pk)
        if len(people) < 2:
            raise JointRefused("present", "two_came", unit.name)
        own = [seen for seen in walked.found if _answers_for(unit, seen, items, joint.day)]
        said = Inspecting(
            people[1].pk, items, walked.started_at, walked.ended_at, Why(joint.why), joint.number,
            walked.outcome if own else Outcome.IN_ORDER,
        )  # fmt: skip
        try:
            made.append(
                inspections.inspect_jointly(
                    row,
                    unit.pk,
                    said,
                    officer=people[0],
                    recorded_by=by,
                    words=walked.words,
                    photos=walked.photos,
                    at=at,
                )
            )
        except InspectionRefused as error:
            raise InspectionRefused(error.why, unit.name) from error
    return made


def _answers_for(unit: Unit, seen: Seen, items: tuple[str, ...], day: date) -> bool:
    row = in_force().catalogues.violation(seen.violation)
    return _is_of(row, unit, day) or row.task in items


def _issue(row: JointShop, seen: Seen, seen_at: datetime, by: User, at: datetime, submission: UUID) -> Issue:
    """The find as an issue of the list; it is routed like any other."""
    label = in_force().catalogues.violation(seen.violation).label.zh
    found = Found(
        Source.JOINT_INSPECTION, seen.violation, seen.words.strip() or label, seen_at, row.merchant, found_by=by,
        photos=seen.photos, data={"joint": row.joint_id}, synthetic=row.joint.synthetic,
    )  # fmt: skip
    return opening.report(found, at=at, submission=submission)


# ── not going after all ──────────────────────────────────────────────────────────────────────────────────────────


def may_withdraw(joint: JointInspection, user: User) -> bool:
    """Who planned it, as long as they still plan at all; once they do not, who dispatches for the county, so that no round is
    nobody's."""
    if user.pk == joint.made_by_id:
        return may_plan(user)
    if not any(post.unit_kind == UnitKind.COUNTY_OFFICE for post in user.authority.posts_that_may("issues.dispatch")):
        return False
    return not (joint.made_by.is_active and may_plan(joint.made_by))


def withdraw(joint: JointInspection, why: str, *, by: User, at: datetime) -> None:
    """Take a round back before it takes place, for a reason: its shops' places of the cap are free again. Raises: JointRefused."""
    with transaction.atomic():
        row = JointInspection.objects.select_for_update().get(pk=joint.pk)
        _refuse_withdrawal(row, why, by, at)
        if row.shops.exclude(walked_at=None).exists():
            raise JointRefused("", "begun")
        row.withdrawn_by, row.withdrawn_at, row.withdrawn_why = by, at, why.strip()[:500]
        row.save(update_fields=["withdrawn_by", "withdrawn_at", "withdrawn_why"])
        tell("joint.withdrawn", row, at, by)


def leave_out(shop: JointShop, why: str, *, by: User, at: datetime) -> None:
    """Take one shop off the round for a reason. Raises: JointRefused."""
    with transaction.atomic():
        row = _locked(shop)
        _refuse_withdrawal(row.joint, why, by, at)
        if row.walked_at is not None or row.left_out_at is not None:
            raise JointRefused("", "walked" if row.walked_at else "left_out")
        row.left_out_by, row.left_out_at, row.left_out_why = by, at, why.strip()[:500]
        row.save(update_fields=["left_out_by", "left_out_at", "left_out_why"])
        tell("joint.left_out", row.joint, at, by, row.merchant)


def _refuse_withdrawal(joint: JointInspection, why: str, by: User, at: datetime) -> None:
    if not may_withdraw(joint, by):
        raise JointRefused("", "planner")
    if joint.withdrawn_at is not None:
        raise JointRefused("", "withdrawn")
    if joint.day < timezone.localtime(at).date():
        raise JointRefused("", "over")
    if not why.strip():
        raise JointRefused("why", "reason")


# ── what came of it ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Results:
    """A round in numbers."""

    shops: int
    walked: int
    in_order: int
    left_out: int
    issues: int
    issues_open: int
    inspections: int
    by_violation: list[tuple[str, int]]
    by_unit: list[tuple[str, int, int]]
    by_outcome: list[tuple[str, int]]

    @property
    def to_do(self) -> int:
        return self.shops - self.walked - self.left_out


def results(joint: JointInspection) -> Results:
    """What came of a round: shops walked and in order, issues by what was found, inspections by body and outcome."""
    shops = joint.shops.annotate(finds=Count("findings")).values_list("walked_at", "left_out_at", "finds")
    issues = Issue.objects.filter(joint_finding__shop__joint=joint)
    made = Inspection.objects.filter(joint_shop__joint=joint)
    found = issues.order_by().values("violation").annotate(n=Count("id")).order_by("-n", "violation")
    units = made.order_by().values("unit__name").annotate(n=Count("id"), bad=Count("id", filter=~Q(outcome="in_order")))
    outcomes = made.order_by().values("outcome").annotate(n=Count("id"))
    words = dict(OutcomeChoice.choices)
    rows = list(shops)
    return Results(
        shops=len(rows),
        walked=sum(walked is not None for walked, _left, _finds in rows),
        in_order=sum(walked is not None and not finds for walked, _left, finds in rows),
        left_out=sum(left is not None for _walked, left, _finds in rows),
        issues=issues.count(),
        issues_open=issues.filter(closed_at=None).count(),
        inspections=made.count(),
        by_violation=[(row["violation"], row["n"]) for row in found],
        by_unit=[(row["unit__name"], row["n"], row["bad"]) for row in units.order_by("unit__name")],
        by_outcome=[(str(words[row["outcome"]]), row["n"]) for row in outcomes.order_by("outcome")],
    )


def state_of(joint: JointInspection, to_do: int, walked: int, today: date) -> str:
    """Where a round with so many shops to do and walked stands: a key of `joint_models.STATES`."""
    if joint.withdrawn_at is not None:
        return "withdrawn"
    if not to_do:
        return "done"
    if walked:
        return "under_way"
    return "planned" if joint.day >= today else "lapsed"


def tell(
    kind: str,
    joint: JointInspection,
    at: datetime,
    by: User | None,
    merchant: Merchant | None = None,
    **reference: object,
) -> None:
    """To the lead, and the town of the shop; never to the shop, which is not told beforehand."""
    scope = Scope(town=merchant.town if merchant else "", grid="", unit_id=joint.lead_id)
    shop = {"merchant": merchant.pk} if merchant else {}
    record(kind, "joint_inspection", joint.pk, at=at, actor_id=by.pk if by else None, scope=scope,
           reference={**shop, **reference})  # fmt: skip
