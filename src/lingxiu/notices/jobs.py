"""When people are told: every minute the journal is read on and what is due is sent. Each may run twice."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import structlog
from django.utils import timezone
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from lingxiu.accounts.models import User
from lingxiu.connectors.http import Failed, Refused
from lingxiu.journal.models import Entry
from lingxiu.journal.queries import follow
from lingxiu.notices import links, reporters
from lingxiu.notices.actions import reach, tell
from lingxiu.notices.models import Notice, Reach
from lingxiu.notices.reaching import zhezhengding
from lingxiu.notices.sending import send_due
from lingxiu.policy.queries import in_force

log = structlog.get_logger(__name__)

READER = "notices"
ASKED_A_NIGHT = 500


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="notices.tell", lock="notices.tell", pass_context=False)
def tell_people(timestamp: int) -> None:
    """Every minute; may run twice. What was written is sent at once, not a minute later."""
    if read_on(timezone.now()):
        with suppress(AlreadyEnqueued):
            send_what_is_due.configure().defer(timestamp=timestamp)


def read_on(at: datetime) -> int:
    """Tell of everything written into the journal since the last time. Returns how many notices and texts were written."""
    written = texts = 0

    def told(entries: list[Entry]) -> None:
        nonlocal written, texts
        written += tell(entries, at=at)
        texts += reporters.write_to(entries, at=at)

    while follow(READER, told, limit=100):
        pass
    return written + texts


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="notices.send", pass_context=False)
def send_what_is_due(timestamp: int) -> None:
    """Every minute; may run twice, and two at once."""
    send_due(timezone.now())
    reporters.send_due(timezone.now())


@app.periodic(cron="20 4 * * *")
@app.task(queueing_lock="notices.tidy", lock="notices.tidy", pass_context=False)
def tidy(timestamp: int) -> None:
    """Once a night; may run twice."""
    now = timezone.now()
    links.forget_old(now)
    forget_old(now)
    find_accounts(now)


def forget_old(at: datetime) -> int:
    """Returns how many notices are no more; the issue itself keeps what was done."""
    kept = timedelta(days=in_force().catalogues.notices.keep_days)
    return Notice.objects.filter(at__lt=at - kept).delete()[1].get("notices.Notice", 0)


def find_accounts(at: datetime) -> int:
    """Learn the 浙政钉 accounts of officers from their phones, a few a night. Returns how many were found."""
    client = zhezhengding()
    if client is None:
        return 0
    known = Reach.objects.filter(way=Reach.By.ZHEZHENGDING).values("user_id")
    people = User.objects.filter(is_active=True).exclude(phone_index="").exclude(pk__in=known).order_by("?")
    found = 0
    for user in people[:ASKED_A_NIGHT]:
        if not user.authority.is_officer:
            continue
        try:
            reach(user, Reach.By.ZHEZHENGDING, client.account_of_phone(user.phone, at=at))
            found += 1
        except Refused:
            continue  # has none, or their administrator lets us not see them
        except Failed as error:
            log.warning("notices.accounts_not_asked", error=str(error))
            break
    return found
