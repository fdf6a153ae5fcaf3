"""What tests of notices do again and again, in the room's own words."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from lingxiu.accounts.models import User
from lingxiu.journal.actions import Scope, record
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Merchant
from lingxiu.notices.actions import reach
from lingxiu.notices.jobs import read_on
from lingxiu.notices.models import Delivery, Notice
from lingxiu.policy.queries import in_force
from tests.cast import NOON

SOON = NOON + timedelta(minutes=1)


def silent(merchant: Merchant, *, at: datetime = NOON) -> Entry:
    """The journal is told that a shop's device fell silent."""
    scope = Scope(town=merchant.town, grid=merchant.grid, merchant_id=merchant.pk)
    with transaction.atomic():
        return record("device.silent", "merchant", merchant.pk, at=at, scope=scope)


def told(at: datetime = SOON) -> list[tuple[str, str]]:
    """After the journal was read on: every notice there is, as (who, rule), in order."""
    read_on(at)
    return list(Notice.objects.order_by("entry_id", "person__username").values_list("person__username", "rule"))


def rules_of(user: User) -> list[str]:
    """The rules by which this person was told, in order."""
    return list(Notice.objects.filter(person=user).order_by("pk").values_list("rule", flat=True))


def waiting(user: User, way: str, *, at: datetime = NOON, urgent: bool = False, count: int = 1) -> list[Delivery]:
    """Notices of a silent device on their way to somebody, told and due at this time."""
    made = []
    for _ in range(count):
        entry_id = Notice.objects.count() + 1_000_000
        notice = Notice.objects.create(
            person=user, entry_id=entry_id, kind="device.silent", subject_kind="merchant", subject_id="0",
            rule="N-SILENT", edition=in_force().id, urgent=urgent, at=at,
        )  # fmt: skip
        made.append(Delivery.objects.create(notice=notice, person=user, way=way, urgent=urgent, next_at=at))
    return made


def states(user: User, way: str) -> list[str]:
    """How this person's deliveries by a way stand, in order."""
    return list(Delivery.objects.filter(person=user, way=way).order_by("pk").values_list("state", flat=True))


def connected(user: User, account: str) -> User:
    """Somebody whose 浙政钉 account is known."""
    reach(user, "zhezhengding", account)
    return user
