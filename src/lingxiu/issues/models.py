"""Issues, their assignments and moves, the reports that point at them. What no constraint can say is in `sql/`:
an open issue has exactly one open lead assignment and repeats it, an ended one has none; moves are append-only."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.authority import NOBODY, Authority
from lingxiu.accounts.models import Unit, User
from lingxiu.issues.inspection_models import Inspection as Inspection
from lingxiu.issues.joint_models import JointFinding as JointFinding
from lingxiu.issues.joint_models import JointInspection as JointInspection
from lingxiu.issues.joint_models import JointOfficer as JointOfficer
from lingxiu.issues.joint_models import JointShop as JointShop
from lingxiu.issues.kept import PrivateNote, SavedView
from lingxiu.issues.lifecycle import OPEN, Move, State
from lingxiu.issues.lookback.models import KeyPlace as KeyPlace
from lingxiu.issues.lookback.models import Listing as Listing
from lingxiu.issues.order_models import Order as Order
from lingxiu.issues.order_models import OrderItem as OrderItem
from lingxiu.issues.rectification_models import Rectification as Rectification
from lingxiu.issues.signing_models import Signature as Signature
from lingxiu.issues.template_models import PaperTemplate as PaperTemplate
from lingxiu.merchants.models import Merchant
from lingxiu.policy.schema.roles import Sight
from lingxiu.privacy.cipher import blind_index
from lingxiu.privacy.fields import EncryptedField

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class StateChoice(models.TextChoices):
    """`lifecycle.State` with the words pages show."""

    PREDICTED = "predicted", _("predicted")
    RECEIVED = "received", _("received")
    DISPATCHED = "dispatched", _("dispatched")
    HANDLING = "handling", _("handling")
    RECHECK = "recheck", _("re-check")
    CLOSED = "closed", _("closed")
    DISMISSED = "dismissed", _("dismissed")


class FlowChoice(models.TextChoices):
    QUICK = "quick", _("quick")
    JOINT = "joint", _("joint")


class LevelChoice(models.TextChoices):
    GRID = "grid", _("grid level")
    TOWN = "town", _("town level")
    COUNTY = "county", _("county level")


class Source(models.TextChoices):
    """Where an issue or a report came from."""

    ALARM = "alarm", _("device alarm")
    FORECAST = "forecast", _("forecast")
    OFFICER = "officer", _("officer's find")
    GRID_MEMBER = "grid_member", _("grid member's find")
    PUBLIC = "public", _("public report")
    PHONE = "phone", _("phoned in")
    HOTLINE = "12345", _("12345 hotline")
    OTHER_SYSTEM = "other_system", _("another system")
    SELF_CHECK = "self_check", _("merchant's self-check")
    JOINT_INSPECTION = "joint_inspection", _("joint inspection")
    INSTRUCTION = "instruction", _("leader's instruction")
    CAMPAIGN = "campaign", _("campaign")


PEOPLE = (Source.PUBLIC, Source.PHONE, Source.HOTLINE, Source.OTHER_SYSTEM)
"""The sources that are people who reported something."""


class ResultChoice(models.TextChoices):
    """`lifecycle.Result` with the words pages show."""

    FIXED = "fixed", _("fixed")
    REMINDED = "reminded", _("reminded, the shop corrects it")
    ORDERED = "ordered", _("ordered to correct")
    CANNOT_FIX = "cannot_fix", _("true, cannot be fixed here")
    NOT_FOUND = "not_found", _("not found to be so")
    DEVICE_FAULT = "device_fault", _("the device is at fault")
    CASE_FILED = "case_filed", _("case filed")
    JOINED = "joined", _("joined to another issue")


__all__ = ["PrivateNote", "SavedView"]  # found here by Django

OPEN_STATES = tuple(state.value for state in State if state in OPEN)
WAITING_STATES = (State.PREDICTED.value, State.RECEIVED.value)
"""Of what came in and is with nobody yet."""


class IssueQuerySet(models.QuerySet["Issue"]):
    """Issues, as far as somebody may see."""

    def visible_to(self, user: User | AnonymousUser) -> IssueQuerySet:
        """The issues this person may open. Owners see those of their own shops, by a page of their own.

        What was given to a unit is seen by it, wherever it lies; what is with a person of a grid, by that person. An officer
        who answers for a shop, or serves it, sees what concerns it as its owner does, and nowhere else.
        """
        authority: Authority = getattr(user, "authority", NOBODY)
        seen = self._in_sight(authority, user.pk)
        return seen.of_others(authority) if authority.is_officer else seen

    def _in_sight(self, authority: Authority, user_id: int | None) -> IssueQuerySet:
        allowed = Q(pk__in=[])
        for sight, post in authority.sight("issues"):
            match sight:
                case Sight.COUNTY:
                    return self
                case Sight.TOWN:
                    allowed |= Q(town=post.town) | Q(lead_unit_id=post.unit_id)
                case Sight.GRID:
                    allowed |= Q(grid=post.grid) | Q(lead_unit_id=post.unit_id) | Q(lead_person=user_id, closed_at=None)
                case Sight.UNIT:
                    allowed |= Q(responsible=post.unit_code) | Q(
                        pk__in=Assignment.objects.filter(unit_id=post.unit_id).values("issue_id")
                    )
                case Sight.OWN:
                    allowed |= Q(merchant_id__in=authority.merchant_ids)
                case Sight.NONE:
                    pass
        return self.filter(allowed)

    def of_others(self, authority: Authority) -> IssueQuerySet:
        """Issues of shops this person is not bound to."""
        return self.exclude(merchant_id__in=authority.merchant_ids) if authority.merchant_ids else self

    def told_to_shop(self) -> IssueQuerySet:
        """Issues the shop is told of: what people reported only once a dispatcher has judged it and sent it on."""
        return self.filter(~Q(source__in=PEOPLE) | models.Exists(_sent_on(models.OuterRef("pk"))))

    def open(self) -> IssueQuerySet:
        """Issues that somebody still holds. Said as the partial indexes say it; a constraint holds that it is the states."""
        return self.filter(closed_at=None)


class Issue(models.Model):
    """Something that is wrong, from any source, until it is closed with an answer.

    `lead_unit` and `lead_person` repeat the open lead assignment, so that lists need no join; actions keep them.
    `due_at` is the whole issue's clock, which runs from `clock_from` (receipt, or the last reopening) and is only ever
    lengthened: by a higher level's longer time, and by `more_days`, working days granted or passed while it rested.
    `step_due_at` is the present step's. `moved_at`: of the last move; never goes back. `act_at` is the date of the act: it
    picks the law. `found_true` (属实) is what the last feedback said. `other_number`: under which number the same stands in
    another system (`systems.yaml`), so that it is not reported twice.
    """

    number = models.CharField(max_length=13, unique=True)
    version = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=12, choices=StateChoice)
    flow = models.CharField(max_length=6, choices=FlowChoice, default=FlowChoice.QUICK)
    level = models.CharField(max_length=6, choices=LevelChoice)
    source = models.CharField(max_length=16, choices=Source)
    violation = models.CharField(max_length=30)
    violation_kind = models.CharField(max_length=8, choices=[("lead", _("lead")), ("finding", _("finding"))])
    severity = models.PositiveSmallIntegerField(default=2)
    responsible = models.CharField(max_length=30)
    merchant = models.ForeignKey(Merchant, null=True, on_delete=models.PROTECT, related_name="+")
    town = models.CharField(max_length=12, default="")
    grid = models.CharField(max_length=20, default="")
    lng = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    place = models.CharField(max_length=160, default="")
    summary = models.CharField(max_length=200)
    act_at = models.DateTimeField()
    reported_at = models.DateTimeField()
    found_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    alarm_id = models.BigIntegerField(null=True)
    clock_from = models.DateTimeField()
    due_at = models.DateTimeField()
    step_due_at = models.DateTimeField()
    due_provisional = models.BooleanField(default=False)
    lead_unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    lead_person = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    suspended_at = models.DateTimeField(null=True)
    suspended_until = models.DateTimeField(null=True)
    suspended_for = models.CharField(max_length=30, default="", blank=True)
    more_days = models.PositiveSmallIntegerField(default=0)
    extensions = models.PositiveSmallIntegerField(default=0)
    extension_asked_days = models.PositiveSmallIntegerField(null=True)
    supervised_at = models.DateTimeField(null=True)
    supervised_due_at = models.DateTimeField(null=True)
    supervised_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    case_number = models.CharField(max_length=60, default="", blank=True)
    moved_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=20, choices=ResultChoice, default="")
    found_true = models.BooleanField(null=True)
    joined_into = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="joined")
    edition = models.PositiveIntegerField()
    routing_rule = models.CharField(max_length=40)
    routing_why = models.JSONField(default=dict)
    other_system = models.CharField(max_length=30, default="", blank=True)
    other_number = models.CharField(max_length=60, default="", blank=True)
    synthetic = models.BooleanField(default=False)

    objects = IssueQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-reported_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["closed", "dismissed"], closed_at__isnull=False)
                | Q(state__in=OPEN_STATES, closed_at=None),
                name="issue_ended_has_time",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["closed", "dismissed"], lead_unit=None)
                | Q(state__in=OPEN_STATES, lead_unit__isnull=False),
                name="issue_open_is_held",
            ),
            models.CheckConstraint(condition=~Q(joined_into=F("id")), name="issue_not_joined_to_itself"),
            models.CheckConstraint(
                condition=Q(suspended_at=None, suspended_until=None, suspended_for="")
                | (Q(suspended_at__isnull=False, suspended_until__isnull=False) & ~Q(suspended_for="")),
                name="issue_rests_for_a_reason_until_a_date",
            ),
            models.CheckConstraint(
                condition=Q(supervised_at=None, supervised_due_at=None, supervised_by=None)
                | Q(supervised_at__isnull=False, supervised_due_at__isnull=False, supervised_by__isnull=False),
                name="issue_supervised_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN_STATES)
                | Q(suspended_at=None, supervised_at=None, extension_asked_days=None),
                name="issue_ended_owes_nothing",
            ),
            models.UniqueConstraint(
                fields=["merchant", "violation"],
                condition=Q(source="alarm", state__in=OPEN_STATES),
                name="issue_one_open_of_alarms",
            ),
            models.UniqueConstraint(
                fields=["other_number", "other_system"],
                condition=Q(state__in=OPEN_STATES) & ~Q(other_number=""),
                name="issue_one_open_of_other_number",
            ),
            models.CheckConstraint(
                condition=Q(other_system="", other_number="") | (~Q(other_system="") & ~Q(other_number="")),
                name="issue_other_number_has_system",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-reported_at", "-id"], name="issue_newest"),
            models.Index(fields=["town", "-reported_at", "-id"], name="issue_town_newest"),
            models.Index(fields=["grid", "-reported_at", "-id"], name="issue_grid_newest"),
            models.Index(fields=["lead_unit", "step_due_at"], name="issue_unit_due", condition=Q(closed_at=None)),
            models.Index(fields=["lead_person", "step_due_at"], name="issue_person_due", condition=Q(closed_at=None)),
            models.Index(fields=["state", "step_due_at"], name="issue_state_due"),
            models.Index(fields=["merchant", "violation", "state"], name="issue_of_merchant"),
            models.Index(fields=["other_number"], name="issue_other_number", condition=~Q(other_number="")),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def is_open(self) -> bool:
        """Whether somebody still holds it."""
        return self.state in OPEN_STATES

    @property
    def is_told_to_shop(self) -> bool:
        """`IssueQuerySet.told_to_shop` of this one."""
        return self.source not in PEOPLE or _sent_on(self.pk).exists()


class IssueNumber(models.Model):
    """The last number given out on a day of the county: `numbering.next_number` takes the next."""

    day = models.DateField(primary_key=True)
    last = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.day} {self.last}"


class Assignment(models.Model):
    """Who holds an issue, or a part of it, with a due time and a clock of their own. The lead's is the ball.

    `deputy_for`: who was away when it was given, so that `person` stands in for them (代). `outcome` and `words`: what a
    co-operating unit said at its end. An objection stays open business until it is settled. `answer`: what the lead says to
    it, its reply to an objection (awaited until `answer_due_at`), or why what was done is not enough. `clock_from`: since when
    its due time runs, where it was set anew. `in_working_hours`: its clock runs within the office's hours of working days
    alone. `on_duty`: `person` has it because they are on duty while others are at rest; with nobody named, it waits for the
    dispatcher on duty. It goes back when work begins (`covering`).
    """

    class Part(models.TextChoices):
        LEAD = "lead", _("lead")
        COOPERATING = "cooperating", _("co-operating")
        CHECKING = "checking", _("looks for the re-check")

    class Outcome(models.TextChoices):
        """What came of a co-operating part."""

        CONTRIBUTED = "contributed", _("did its part")
        SENT_BACK = "sent_back", _("sent back by the lead")
        OBJECTED = "objected", _("objects")
        UPHELD = "upheld", _("objected, and has to do it")
        RELEASED = "released", _("released")

    class State(models.TextChoices):
        OFFERED = "offered", _("offered")
        ACCEPTED = "accepted", _("accepted")
        DONE = "done", _("done")
        GIVEN_UP = "given_up", _("given up")

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="assignments")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    deputy_for = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    part = models.CharField(max_length=12, choices=Part, default=Part.LEAD)
    state = models.CharField(max_length=10, choices=State, default=State.OFFERED)
    step = models.CharField(max_length=12, choices=StateChoice)
    given_at = models.DateTimeField()
    due_at = models.DateTimeField()
    due_provisional = models.BooleanField(default=False)
    in_working_hours = models.BooleanField(default=False, db_default=False)
    on_duty = models.BooleanField(default=False, db_default=False)
    ended_at = models.DateTimeField(null=True)
    more_days = models.PositiveSmallIntegerField(default=0)
    outcome = models.CharField(max_length=12, choices=Outcome, default="", blank=True)
    words = models.TextField(max_length=2000, default="", blank=True)
    clock_from = models.DateTimeField(null=True)
    answer = models.TextField(max_length=2000, default="", db_default="", blank=True)
    answered_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    answered_at = models.DateTimeField(null=True)
    answer_due_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["issue"],
                condition=Q(part="lead", state__in=["offered", "accepted"]),
                name="assignment_one_open_lead",
            ),
            models.UniqueConstraint(
                fields=["issue", "unit"],
                condition=Q(part="cooperating", state__in=["offered", "accepted"]),
                name="assignment_one_open_part_a_unit",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["offered", "accepted"], ended_at=None)
                | Q(state__in=["done", "given_up"], ended_at__isnull=False),
                name="assignment_ended_has_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["issue"], name="assignment_issue"),
            models.Index(fields=["unit", "state"], name="assignment_unit"),
            models.Index(fields=["due_at"], name="assignment_open_due", condition=Q(ended_at=None)),
            models.Index(fields=["person"], name="assignment_open_look", condition=Q(ended_at=None, part="checking")),
            models.Index(fields=["issue"], name="assignment_on_duty", condition=Q(ended_at=None, on_duty=True)),
        ]

    def __str__(self) -> str:
        return f"{self.issue_id} {self.part} {self.unit_id}"


class MoveRow(models.Model):
    """A move that was made: append-only (a trigger refuses UPDATE and DELETE). The record, the timeline, the base of assessment.

    `version` is the issue's after the move; an actor of None is the system. `submission` is the client's own UUID.
    """

    issue = models.ForeignKey(Issue, on_delete=models.PROTECT, related_name="moves")
    version = models.PositiveIntegerField()
    move = models.CharField(max_length=12)
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    actor_unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    on_behalf_of = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    from_state = models.CharField(max_length=12, default="")
    to_state = models.CharField(max_length=12)
    from_level = models.CharField(max_length=6, default="")
    to_level = models.CharField(max_length=6)
    to_unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    to_person = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    words = models.TextField(default="", max_length=2000)
    result = models.CharField(max_length=20, choices=ResultChoice, default="")
    photos = models.JSONField(default=list)
    lng = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    at = models.DateTimeField()
    submission = models.UUIDField(null=True, unique=True)
    data = models.JSONField(default=dict)

    class Meta:
        db_table = "issues_move"
        ordering: ClassVar = ["issue", "version"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["issue", "version"], name="move_one_a_version")]
        indexes: ClassVar = [models.Index(fields=["actor", "-at"], name="move_of_person")]

    def __str__(self) -> str:
        return f"{self.issue_id}.{self.version} {self.move}"


def _sent_on(issue: int | models.OuterRef) -> models.QuerySet[MoveRow]:
    return MoveRow.objects.filter(issue=issue, move=Move.DISPATCH)


def new_report_token() -> str:
    """What lets a reporter, and only a reporter, look at what became of their report."""
    return secrets.token_urlsafe(16)


class ReportQuerySet(models.QuerySet["Report"]):
    """Reports, as far as somebody may see."""

    def visible_to(self, user: User | AnonymousUser) -> ReportQuerySet:
        """A report, its words and pictures, is for officers who see its issue and further than a grid: who meets the shop
        every day need not know who lives where. Never for who answers for the shop (PIPL; domain-2026 §8).
        """
        authority: Authority = getattr(user, "authority", NOBODY)
        if not authority.is_officer or authority.farthest("issues") is Sight.GRID:
            return self.none()
        seen = self.filter(issue__in=Issue.objects.visible_to(user))
        return seen.exclude(merchant_id__in=authority.merchant_ids) if authority.merchant_ids else seen


class PublicPost(models.Model):
    """How often an address of the net has sent a public form on a day of the county. The address is kept as a blind index."""

    day = models.DateField()
    sender = models.CharField(max_length=32)
    count = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["day", "sender"], name="public_post_once_a_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.count}"


class Addition(models.Model):
    """What a reporter said later, by the page of their report; `brought`: what their order said when it was brought once more."""

    report = models.ForeignKey("Report", on_delete=models.CASCADE, related_name="additions")
    words = models.TextField(max_length=2000)
    photos = models.JSONField(default=list)
    at = models.DateTimeField()
    brought = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering: ClassVar = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.report_id} {self.at:%Y-%m-%d}"


class Report(models.Model):
    """What one person, call or 12345 number said. It points at an issue, keeps its own answer, deadline and public token.

    `due_by`: who set the due time: `centre` if it came with the order, else the order's kind (`deadlines.yaml`: of_orders), if any.
    """

    token = models.CharField(max_length=32, unique=True, default=new_report_token)
    issue = models.ForeignKey(Issue, on_delete=models.PROTECT, related_name="reports")
    source = models.CharField(max_length=16, choices=Source)
    own_number = models.CharField(max_length=60, default="", blank=True)
    merchant = models.ForeignKey(Merchant, null=True, on_delete=models.PROTECT, related_name="+")
    words = models.TextField(max_length=4000)
    place = models.CharField(max_length=160, default="", blank=True)
    lng = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    seen_at = models.DateTimeField()
    reported_at = models.DateTimeField()
    reporter_name = EncryptedField(default="", blank=True)
    reporter_phone = EncryptedField(default="", blank=True)
    phone_index = models.CharField(max_length=32, default="", blank=True, db_index=True)
    photos = models.JSONField(default=list)
    due_at = models.DateTimeField()
    due_provisional = models.BooleanField(default=False)
    due_by = models.CharField(max_length=20, default="", db_default="", blank=True)
    answer = models.TextField(default="", max_length=2000, blank=True)
    answered_at = models.DateTimeField(null=True)
    asked = models.TextField(default="", max_length=2000, blank=True)
    asked_at = models.DateTimeField(null=True)
    stars = models.PositiveSmallIntegerField(null=True)
    rating_words = models.TextField(default="", max_length=500, blank=True)
    rated_at = models.DateTimeField(null=True)
    recorded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    submission = models.UUIDField(null=True, unique=True)
    synthetic = models.BooleanField(default=False)

    objects = ReportQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "own_number"], condition=~Q(own_number=""), name="report_own_number_once"
            ),
            models.CheckConstraint(
                condition=Q(answer="", answered_at=None) | (~Q(answer="") & Q(answered_at__isnull=False)),
                name="report_answer_has_time",
            ),
            models.CheckConstraint(
                condition=Q(stars=None, rated_at=None) | Q(stars__range=(1, 5), rated_at__isnull=False),
                name="report_rated_one_to_five",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["issue"], name="report_issue")]

    def __str__(self) -> str:
        return self.token[:8]

    def save(self, *args: object, **kwargs: object) -> None:
        self.phone_index = blind_index(self.reporter_phone)
        super().save(*args, **kwargs)  # type: ignore[arg-type]  # Django's own signature, passed through


class Reminder(models.Model):
    """That a rule of escalation was followed for a clock: once. `clock`: which one, of which issue, part or report."""

    issue = models.ForeignKey(Issue, on_delete=models.CASCADE, related_name="reminders")
    rule = models.CharField(max_length=40)
    clock = models.CharField(max_length=60)
    passed_at = models.DateTimeField()
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["clock", "rule"], name="reminder_once_a_clock")]
        indexes: ClassVar = [models.Index(fields=["issue"], name="reminder_issue")]

    def __str__(self) -> str:
        return f"{self.clock} {self.rule}"
