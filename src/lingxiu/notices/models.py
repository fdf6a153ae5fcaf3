"""What people were told, what of it left the program and how that went, and what each of them chose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import User
from lingxiu.issues.models import Report
from lingxiu.privacy.cipher import blind_index
from lingxiu.privacy.fields import EncryptedField

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class WayChoice(models.TextChoices):
    """`telling.Way` with the words pages show."""

    ZHEZHENGDING = "zhezhengding", _("Zhezhengding")
    SMS = "sms", _("text message")
    EMAIL = "email", _("e-mail")
    ROBOT = "robot", _("group robot")
    TODO = "todo", _("Zhezhengding to-do")
    TODO_DONE = "todo_done", _("Zhezhengding to-do, finished")


class NoticeQuerySet(models.QuerySet["Notice"]):
    """Notices, as far as somebody may see."""

    def visible_to(self, user: User | AnonymousUser) -> NoticeQuerySet:
        """One's own, and nobody else's."""
        return self.filter(person_id=user.pk) if user.is_authenticated else self.none()


class Notice(models.Model):
    """That somebody was told of one entry of the journal: it stands on their page, read or not.

    Ids and codes only: what it says is put together when it is read. `rule` and `edition` say why it was told, `detail` the
    rule of escalation behind a reminder. `urgent` is the rule's at that time.
    """

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    entry_id = models.BigIntegerField()
    kind = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=30)
    subject_id = models.CharField(max_length=64)
    merchant_id = models.BigIntegerField(null=True)
    rule = models.CharField(max_length=40)
    detail = models.CharField(max_length=40, default="", blank=True)
    edition = models.PositiveIntegerField()
    urgent = models.BooleanField(default=False)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "entry_id"], name="notice_once_a_person_and_entry")
        ]
        indexes: ClassVar = [
            models.Index(fields=["person", "-at", "-id"], name="notice_newest"),
            models.Index(fields=["person"], name="notice_unread", condition=Q(read_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.subject_id}"


class Delivery(models.Model):
    """A notice on its way out. `message`: what goes as one message bears one id, the same at every try.

    `sending` is a claim: one process has it, until `claimed_at` is so old that the process must have died.
    `remote_id`: of a to-do, its id on their list. `finishes`: the to-do that this one takes off it.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("could not be sent")
        NEEDLESS = "needless", _("no longer needed")

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    way = models.CharField(max_length=16, choices=WayChoice)
    urgent = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    message = models.UUIDField(null=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, default="", blank=True)
    remote_id = models.CharField(max_length=80, default="", blank=True)
    finishes = models.OneToOneField("self", null=True, on_delete=models.CASCADE, related_name="finished_by")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["notice", "way"], name="delivery_once_a_way"),
            models.CheckConstraint(
                condition=Q(state="sending", claimed_at__isnull=False, message__isnull=False) | ~Q(state="sending"),
                name="delivery_claimed_has_time",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], name="delivery_due", condition=Q(state__in=["waiting", "sending"])),
            models.Index(fields=["person", "way", "-claimed_at"], name="delivery_of_person"),
            models.Index(fields=["state", "-next_at"], name="delivery_state"),
        ]

    def __str__(self) -> str:
        return f"{self.notice_id} {self.way}"


class Reach(models.Model):
    """Where a person is reached by a way that needs an address of its own. Text messages go to the phone of their account."""

    class By(models.TextChoices):
        ZHEZHENGDING = "zhezhengding", _("Zhezhengding")
        EMAIL = "email", _("e-mail")
        ROBOT = "robot", _("group robot")

    user = models.ForeignKey(User, verbose_name=_("person"), on_delete=models.CASCADE, related_name="+")
    way = models.CharField(_("way"), max_length=16, choices=By)
    address = EncryptedField(_("address"))
    address_index = models.CharField(max_length=32, db_index=True)

    class Meta:
        verbose_name = _("address")
        verbose_name_plural = _("addresses")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "way"], name="reach_once_a_way"),
            models.UniqueConstraint(
                fields=["address_index"], condition=Q(way="zhezhengding"), name="reach_account_of_one_person"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.way}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.address_index = blind_index(self.address)
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "address_index"}
        super().save(*args, **kwargs)


class Choice(models.Model):
    """What a person chose for a topic: by which ways besides the page, and whether only in the morning."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    topic = models.CharField(max_length=40)
    ways = models.JSONField(default=list)
    digest = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "topic"], name="choice_once_a_topic")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.topic}"


class Habit(models.Model):
    """When a person may be disturbed and how often, where they want it otherwise than policy has it (None)."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="+")
    quiet_from = models.TimeField(null=True)
    quiet_until = models.TimeField(null=True)
    most_an_hour = models.PositiveSmallIntegerField(null=True)

    def __str__(self) -> str:
        return str(self.user_id)


class Link(models.Model):
    """A way straight to one thing, for one person: signs them in once at most, and only with 浙政钉's word for who they are.

    The token itself is nowhere kept: `token_hash` is its SHA-256.
    """

    token_hash = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=200)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.user_id} {self.address}"


class Untold(models.Model):
    """An entry of the journal that could not be told, so that one fault does not keep everything after it back."""

    entry_id = models.BigIntegerField(unique=True)
    kind = models.CharField(max_length=60)
    error = models.CharField(max_length=300)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.entry_id} {self.kind}"


class ReporterText(models.Model):
    """A text message to somebody who reported something and left a number: that we asked or told them something, or the address
    of their report. The number itself stands with the report alone. `entry_id`: of the journal, so that each goes once.
    """

    class About(models.TextChoices):
        ASKED = "asked", _("a question")
        ANSWERED = "answered", _("an answer")
        ADDRESS = "address", _("the address of their report")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("could not be sent")
        NEEDLESS = "needless", _("no longer needed")

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="+")
    entry_id = models.BigIntegerField()
    about = models.CharField(max_length=10, choices=About)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    at = models.DateTimeField()
    next_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, default="", blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["report", "entry_id"], name="text_once_a_report_and_entry")
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], name="text_due", condition=Q(state__in=["waiting", "sending"])),
        ]

    def __str__(self) -> str:
        return f"{self.report_id} {self.about}"
