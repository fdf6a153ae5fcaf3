"""Inspections: recorded by two certified officers within the cap, signed by each, given the code of their act, shown to whoever
goes next.

What is allowed, `inspection_rules` decides; what a signature is, `signing`. No code is asked for, and nothing rests on an
inspection, before both have signed. A shop's row is locked while one is recorded, so that of two departments at the last
free place of the cap one wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from lingxiu.accounts.authority import HeldPost
from lingxiu.accounts.models import Post, Unit, User
from lingxiu.connectors.acts import Act, Gateway, Simulated
from lingxiu.connectors.http import Failed
from lingxiu.issues import signing
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.inspection_rules import (
    BEYOND_THE_CAP,
    ENFORCING,
    Allowance,
    Asked,
    Earlier,
    Inspecting,
    InspectionRefused,
    Limits,
    Why,
    allowance,
    checked_already,
    refuse,
    times,
)
from lingxiu.issues.joint_models import JointShop
from lingxiu.issues.models import Issue, MoveRow, Report
from lingxiu.issues.order_models import Order
from lingxiu.issues.signing_models import FINAL
from lingxiu.issues.writing import use_photos
from lingxiu.journal.actions import SubmissionReused, record
from lingxiu.merchants.models import Merchant, Standing
from lingxiu.policy.queries import in_force
from lingxiu.policy.rows import Label
from lingxiu.policy.schema.bodies import Task
from lingxiu.policy.schema.violations import Violation

log = structlog.get_logger(__name__)
MOST_ASKED = 100  # codes in one run of the job
INSPECT = "issues.inspect"


# ── who ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def posts_of(user: User) -> list[HeldPost]:
    """The posts in which somebody may inspect: certified, at an enforcing body. None for everybody else."""
    posts = user.authority.posts_that_may(INSPECT)
    return [post for post in posts if post.role.certified and post.unit_kind in ENFORCING]


def post_for(user: User, issue: Issue | None) -> HeldPost | None:
    """The post somebody inspects in: at the unit that has the issue, or a part of it, else the first they hold."""
    posts = posts_of(user)
    if issue is None:
        return next(iter(posts), None)
    taken = {issue.lead_unit_id, *issue.assignments.values_list("unit_id", flat=True)}
    return next((post for post in posts if post.unit_id in taken), None)


def certified_at(unit_id: int, merchant: Merchant | None, at: datetime) -> list[User]:
    """Who may inspect this shop, or any, for this unit: who holds a certified post there, and does not answer for it (回避)."""
    roles = [role.id for role in in_force().catalogues.roles if role.certified and INSPECT in role.may]
    held = Post.objects.filter(Post.held_at(at), unit=unit_id, unit__kind__in=ENFORCING, role__in=roles)
    people = User.objects.filter(pk__in=held.values("user"), is_active=True).order_by("name", "pk")
    if merchant is None:
        return list(people)
    bound = Q(bonds__merchant_id=merchant.pk, bonds__ended_at=None)
    return list(people.exclude(pk__in=User.objects.filter(bound).values("pk")))


# ── what was checked before ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Before:
    """What officers see before they go: this year's inspections of a shop, the cap, and what another body has checked."""

    inspections: list[Inspection]
    allowance: Allowance
    settled: dict[str, Inspection]


def of_year(merchant_id: int, year: int) -> list[Inspection]:
    """The inspections of a shop in a year of the county, the newest first."""
    zone = timezone.get_current_timezone()
    begins, ends = datetime(year, 1, 1, tzinfo=zone), datetime(year + 1, 1, 1, tzinfo=zone)
    made = Inspection.objects.filter(merchant=merchant_id, withdrawn_at=None)
    found = made.filter(started_at__gte=begins, started_at__lt=ends)
    return list(found.select_related("unit", "officer", "second_officer", "issue", "joint_shop"))


def before(merchant: Merchant, unit_id: int, at: datetime, *, joint: int | None = None) -> Before:
    """What was checked before, for whoever is about to go; `joint`: within this joint inspection."""
    return before_on(merchant, unit_id, _day(at), at, joint=joint)


def before_on(merchant: Merchant, unit_id: int, day: date, at: datetime, *, joint: int | None = None) -> Before:
    """What will have been checked before a day to come, as far as is known `at` now."""
    limits = _limits(merchant, day)
    rows = _relevant(merchant.pk, day, limits)
    made = [_earlier(one) for one in rows]
    settled = checked_already(items_on(day), made, unit_id, day, limits, joint)
    known = [*made, *_planned(merchant.pk, _day(at), joint)]
    return Before(
        [row for row, one in zip(rows, made, strict=True) if one.day.year == day.year],
        allowance(limits, known, unit_id, day.year, joint),
        {item: rows[made.index(one)] for item, one in settled.items()},
    )


def used_and_cap(merchant: Merchant, at: datetime) -> tuple[int, int | None]:
    """How often a shop was inspected this year as counts against the cap, and the cap: what is published."""
    day = _day(at)
    cap = in_force().catalogues.inspections.cap(_level(merchant), day)
    counting = [_earlier(one) for one in of_year(merchant.pk, day.year) if one.why not in BEYOND_THE_CAP]
    return times(counting), cap.of_shop if cap else None


def items_on(day: date) -> list[str]:
    """What can be checked: the finds of a day's catalogue, and the tasks violations belong to."""
    catalogues = in_force().catalogues
    finds = [row for row in catalogues.violations if row.kind == "finding" and row.holds(day)]
    belong = {row.task for row in catalogues.violations}
    during = [task.id for task in catalogues.tasks if task.id in belong and task.stage == "during"]
    return during + [row.id for row in finds]


def item_labels() -> dict[str, Label]:
    """What each item is called: tasks and violations."""
    catalogues = in_force().catalogues
    rows: list[Task | Violation] = [*catalogues.tasks, *catalogues.violations]
    return {row.id: row.label for row in rows}


def printable(inspection: Inspection) -> bool:
    """Whether a paper that rests on this inspection may be printed: both have signed it, and the act has its code."""
    return inspection.is_final and inspection.act_code is not None


def for_notice(issue: Issue, unit_id: int) -> Inspection | None:
    """The newest inspection of this unit on an issue that a notice can rest on; None: there is none, or its code is outstanding."""
    made = Inspection.objects.filter(_about(issue), unit=unit_id).select_related("unit", "officer", "second_officer")
    return next((one for one in made if printable(one)), None)


def made_on(issue: Issue) -> bool:
    """Whether an issue was inspected, and both officers signed it: an order to correct rests on that."""
    return Inspection.objects.filter(FINAL, _about(issue), withdrawn_at=None).exists()


def unsigned_on(issue: Issue) -> list[Inspection]:
    """Drafts of inspections of an issue, that wait for a signature."""
    made = Inspection.objects.filter(_about(issue), signed_at=None, withdrawn_at=None, version__gt=0)
    return list(made.select_related("unit", "officer", "second_officer").distinct())


def made_known_on(issue: Issue) -> list[Inspection]:
    """All inspections of an issue that were not withdrawn, drafts too, in the order they were made."""
    made = Inspection.objects.filter(_about(issue), withdrawn_at=None).order_by("started_at", "pk")
    return list(made.select_related("unit", "officer", "second_officer").distinct())


def _about(issue: Issue) -> Q:
    """Inspections an issue was found by, or that were made on it: a joint one finds several issues at once."""
    return Q(issue=issue) | Q(joint_shop__findings__issue=issue)


# ── recording ────────────────────────────────────────────────────────────────────────────────────────────────────


def inspect(
    merchant: Merchant,
    said: Inspecting,
    *,
    officer: User,
    words: str,
    photos: tuple[str, ...] = (),
    at: datetime,
    submission: UUID,
) -> Inspection:
    """Record an inspection of a shop that no issue led to. Raises: InspectionRefused, SubmissionReused."""
    with transaction.atomic():
        known = Inspection.objects.filter(submission=submission).first()
        if known is not None:
            if known.recorded_by_id != officer.pk:
                raise SubmissionReused(submission)
            return known
        return _record(merchant, said, officer, officer, words, photos, at, submission)


def inspect_on(issue: Issue, row: MoveRow, said: Inspecting, *, officer: User) -> Inspection:
    """Record the inspection a move of an issue tells of, within the transaction of that move. Raises: InspectionRefused."""
    if issue.merchant is None:
        raise InspectionRefused("shop")
    assert row.actor is not None  # nobody inspects by itself
    submission = row.submission or uuid4()
    return _record(
        issue.merchant, said, officer, row.actor, row.words, tuple(row.photos), row.at, submission, issue, row.version
    )


def inspect_jointly(
    shop: JointShop, unit_id: int, said: Inspecting, *, officer: User, recorded_by: User, words: str,
    photos: tuple[str, ...], at: datetime,
) -> Inspection:  # fmt: skip
    """Record one body's part of a joint inspection at a shop, within the transaction of the walk. Raises: InspectionRefused."""
    post = next((post for post in posts_of(officer) if post.unit_id == unit_id), None)
    return _record(shop.merchant, said, officer, recorded_by, words, photos, at, uuid4(), post=post, shop=shop)


def _record(
    merchant: Merchant, said: Inspecting, officer: User, recorded_by: User, words: str, photos: tuple[str, ...],
    at: datetime, submission: UUID, issue: Issue | None = None, move_version: int | None = None,
    post: HeldPost | None = None, shop: JointShop | None = None,
) -> Inspection:  # fmt: skip
    post = post if shop else post_for(officer, issue)
    if post is None:
        raise InspectionRefused("certificate")
    # Two bodies at once: the second waits here, and then sees what the first has used up.
    merchant = Merchant.objects.select_for_update(no_key=True).get(pk=merchant.pk)
    refuse(_asked(merchant, said, officer, post.unit_id, words, at, shop.joint_id if shop else None))
    assert said.second is not None  # `refuse`
    made = Inspection.objects.create(
        merchant=merchant, issue=issue, move_version=move_version, joint_shop=shop, unit_id=post.unit_id, officer=officer,
        second_officer_id=said.second, items=list(said.items), started_at=said.started_at, ended_at=said.ended_at,
        why=said.why, why_number=said.number.strip(), outcome=said.outcome, words=words.strip(), photos=list(photos),
        recorded_at=at, recorded_by=recorded_by, edition=in_force().id, submission=submission,
        synthetic=merchant.synthetic,
    )  # fmt: skip
    use_photos(photos, "inspection", made.pk)
    people = signing.write_down(made, recorded_by, at)
    record(
        "inspection.made", "inspection", made.pk, at=at, actor_id=recorded_by.pk, scope=made.scope(),
        reference={"why": made.why, "unit": post.unit_code, "issue": issue.number if issue else "", "people": people},
    )  # fmt: skip
    return made


def sign(inspection_id: int, *, by: User, seen: str, at: datetime) -> Inspection:
    """One of the two officers signs the version he was shown; with the second signature it is final, and its code is asked for.

    Raises: SigningRefused, Inspection.DoesNotExist.
    """
    with transaction.atomic():
        made = signing.lock(Inspection, inspection_id)
        if signing.sign(made, by, seen, at) and isinstance(way := gateway(), Simulated):
            _take_code(made, way, at)
    return made


def amend(inspection_id: int, said: Inspecting, words: str, *, by: User, seen: str, at: datetime) -> Inspection:
    """Write the record anew while it is a draft: both sign the new version, whatever they signed before.

    It was written down when it first was: that is still what its times are held against.
    Raises: SigningRefused, InspectionRefused, Inspection.DoesNotExist.
    """
    with transaction.atomic():
        made = signing.lock(Inspection, inspection_id)
        signing.refuse_writer(made, by)
        signing.open_for(made, seen)
        merchant = Merchant.objects.select_for_update(no_key=True).get(pk=made.merchant_id)
        joint = made.joint_shop.joint_id if made.joint_shop else None
        refuse(_asked(merchant, said, made.officer, made.unit_id, words, made.recorded_at, joint, but=made.pk))
        assert said.second is not None  # `refuse`
        made.second_officer_id, made.items, made.words = said.second, list(said.items), words.strip()
        made.started_at, made.ended_at, made.why = said.started_at, said.ended_at, said.why
        made.why_number, made.outcome, made.version = said.number.strip(), said.outcome, made.version + 1
        made.save()
        people = signing.write_down(made, by, at)
        record(
            "inspection.amended", "inspection", made.pk, at=at, actor_id=by.pk, scope=made.scope(),
            reference={"version": made.version, "people": people},
        )  # fmt: skip
    return made


def _asked(
    merchant: Merchant, said: Inspecting, officer: User, unit_id: int, words: str, at: datetime, joint: int | None,
    but: int | None = None,
) -> Asked:  # fmt: skip
    day = _day(said.started_at)
    limits = _limits(merchant, day)
    return Asked(
        inspecting=said,
        officer=officer.pk,
        unit=unit_id,
        certified=frozenset(one.pk for one in certified_at(unit_id, merchant, at)),
        words=words,
        known=is_known(merchant, said.why, said.number.strip(), said.started_at),
        items=frozenset(items_on(day)),
        earlier=(
            *(_earlier(one) for one in _relevant(merchant.pk, day, limits) if one.pk != but),
            *_planned(merchant.pk, _day(at), joint),
        ),
        limits=limits,
        at=at,
        day=day,
        today=_day(at),
        joint=joint,
    )


def is_known(merchant: Merchant, why: Why, number: str, at: datetime) -> bool:
    """Whether this is the number of a complaint about this shop, or of an order or campaign, still open then, that is about it."""
    match why:
        case Why.COMPLAINT:
            numbered = Q(own_number=number) | Q(issue__number=number)
            about = Q(merchant=merchant) | Q(issue__merchant=merchant)
            return bool(number) and Report.objects.filter(numbered, about).exists()
        case Why.ORDER | Why.CAMPAIGN:
            kind = "instruction" if why is Why.ORDER else "campaign"
            about = Q(items__merchant=merchant) | Q(items__merchant=None)
            running = Q(closed_at=None) | Q(closed_at__gt=at)
            return Order.objects.filter(about, running, kind=kind, number=number).exists()
        case Why.PLAN:
            return True


def likely_why(issue: Issue | None) -> tuple[Why, str]:
    """Why an issue would be inspected, and the number of that: it came from people, or from an order."""
    if issue is None:
        return Why.PLAN, ""
    report = issue.reports.order_by("reported_at").first()
    if report is not None:
        return Why.COMPLAINT, report.own_number or issue.number
    order = Order.objects.filter(items__issue=issue).first()
    if order is not None:
        return (Why.CAMPAIGN if order.kind == "campaign" else Why.ORDER), order.number
    return Why.PLAN, ""


def _relevant(merchant_id: int, day: date, limits: Limits) -> list[Inspection]:
    """The inspections a decision about this day rests on: of its year, and of the days another body's check is respected."""
    since = min(date(day.year, 1, 1), day - timedelta(days=limits.respected_days))
    begins = datetime(since.year, since.month, since.day, tzinfo=timezone.get_current_timezone())
    found = Inspection.objects.filter(merchant=merchant_id, withdrawn_at=None, started_at__gte=begins)
    return list(found.select_related("unit", "officer", "second_officer", "issue", "joint_shop"))


def _earlier(one: Inspection) -> Earlier:
    joint = one.joint_shop.joint_id if one.joint_shop else None
    return Earlier(one.unit_id, tuple(one.items), _day(one.started_at), Why(one.why), joint)


def _planned(merchant_id: int, today: date, besides: int | None) -> list[Earlier]:
    """Joint inspections of this shop that are to come, one a body: they hold a place of the cap until they are withdrawn."""
    rows = JointShop.objects.filter(merchant=merchant_id, walked_at=None, left_out_at=None, joint__withdrawn_at=None)
    to_come = rows.filter(joint__day__gte=today).exclude(joint=besides)
    units = to_come.values_list("joint__officers__unit", "joint__day", "joint__why", "joint").distinct()
    return [Earlier(unit, (), day, Why(why), joint, planned=True) for unit, day, why, joint in units if unit]


def _limits(merchant: Merchant, day: date) -> Limits:
    catalogues = in_force().catalogues
    policy = catalogues.inspections
    cap = policy.cap(_level(merchant), day)
    return Limits(
        cap.of_shop if cap else None,
        cap.of_department if cap else None,
        policy.respected_days,
        policy.written_within_days,
        {row.id: row.task for row in catalogues.violations},
    )


def _level(merchant: Merchant) -> int | None:
    return Standing.objects.filter(merchant=merchant).values_list("fume_level", flat=True).first()


def _day(at: datetime) -> date:
    return timezone.localtime(at).date()


# ── the code of the act ──────────────────────────────────────────────────────────────────────────────────────────


def gateway() -> Gateway | Simulated | None:
    """Who gives codes here: 掌上执法 where it is set up, a simulator in the demo, else nobody."""
    if settings.ACT_CODES_HOST:
        return Gateway(settings.ACT_CODES_HOST, settings.ACT_CODES_KEY, settings.ACT_CODES_SECRET)
    return Simulated() if settings.DEMO else None


def ask_for_codes(at: datetime) -> int:
    """Ask for every code of a signed record that is outstanding, those asked for longest ago first. Returns how many were given.

    One that is refused or not answered stays outstanding, with the reason, and is asked for again; the others are asked for
    all the same.
    """
    way = gateway()
    if way is None:
        return 0
    waiting = Inspection.objects.filter(FINAL, act_code=None, withdrawn_at=None)
    first = waiting.order_by(F("act_asked_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)
    return sum(_ask_for(pk, way, at) for pk in list(first[:MOST_ASKED]))


def _ask_for(pk: int, way: Gateway | Simulated, at: datetime) -> bool:
    with transaction.atomic():
        made = Inspection.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=pk, act_code=None).first()
        return made is not None and _take_code(made, way, at)


def _take_code(made: Inspection, way: Gateway | Simulated, at: datetime) -> bool:
    made.act_asked_at = at
    try:
        given = way.code_for(_act(made), at=at)
    except Failed as error:
        made.act_error = str(error)[:200]
        log.warning("inspections.code", action="refused", inspection=made.pk, why=made.act_error)
        made.save(update_fields=["act_asked_at", "act_error"])
        return False
    if Inspection.objects.filter(act_code=given.code).exists():
        made.act_error = "the code given is another act's"
        made.save(update_fields=["act_asked_at", "act_error"])
        return False
    made.act_code, made.act_simulated, made.act_error = given.code, given.simulated, ""
    made.save(update_fields=["act_asked_at", "act_code", "act_simulated", "act_error"])
    record("inspection.coded", "inspection", made.pk, at=at, scope=made.scope())
    return True


def certificates_of(made: Inspection) -> tuple[str, str]:
    """The numbers of both officers' certificates on the day, empty where none is entered."""
    held = Post.objects.filter(Post.held_at(made.started_at), unit=made.unit_id).exclude(certificate_no="")
    certificates = dict(held.values_list("user_id", "certificate_no"))
    return certificates.get(made.officer_id, ""), certificates.get(made.second_officer_id, "")


def _act(made: Inspection) -> Act:
    unit = Unit.objects.get(pk=made.unit_id)
    return Act(
        biz_id=str(made.submission),
        unit=unit.code,
        certificates=certificates_of(made),
        subject=made.merchant.name,
        licence=made.merchant.licence_no or "",
        items=tuple(made.items),
        why=made.why,
        number=made.why_number,
        started_at=made.started_at,
    )
