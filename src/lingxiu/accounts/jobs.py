"""What the worker does for signing in: what only locked somebody for a while, or let them in once, is forgotten."""

from __future__ import annotations

from datetime import datetime

from django.contrib.sessions.models import Session
from django.utils import timezone
from procrastinate.contrib.django import app

from lingxiu.accounts import codes, lockout
from lingxiu.accounts.models import LoginCode


@app.periodic(cron="20 3 * * *")
@app.task(queueing_lock="accounts.forget", lock="accounts.forget", pass_context=False)
def forget(timestamp: int) -> None:
    """Once a night; may run twice."""
    forget_at(timezone.now())


def forget_at(at: datetime) -> None:
    """Failed sign-ins that lock nobody any more, codes that count for no limit, sessions that have ended."""
    lockout.forget_attempts(at)
    LoginCode.objects.filter(sent_at__lt=at - codes.LONGEST).delete()
    Session.objects.filter(expire_date__lt=at).delete()
