"""The watch: batches of readings become windows, windows become alarms, alarms become issues.

Each step is a transaction of its own and starts from what the last one left in the database, so a watch may be killed at any
moment, and more than one may run. Never touches a reading; a fault in opening issues stops nothing else.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import structlog
from django.conf import settings
from django.db import Error as DjangoError
from django.db import connection, transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from lingxiu.config.environment import environment
from lingxiu.issues.actions.opening import report_alarm
from lingxiu.journal.actions import record
from lingxiu.merchants.actions import scope_of
from lingxiu.merchants.models import Merchant
from lingxiu.policy.alarm_rules import AnyAlarm, Silence
from lingxiu.policy.queries import InForce, NoPolicy, edition, in_force
from lingxiu.sensing import (
    asking,
    judging,
    muting,
    point_alarms,
    point_statistics,
    reached,
    slow_judging,
    statistics,
    telling,
)
from lingxiu.sensing.models import Alarm, Process

log = structlog.get_logger(__name__)

CYCLE_SECONDS: Final = 1.0
TICK: Final = timedelta(seconds=15)
ALIVE_WITHIN: Final = timedelta(seconds=60)
ISSUES_AT_ONCE: Final = 20
POISONED: Final = timedelta(hours=1)

_DEVICE_STATES: Final = (Path(__file__).resolve().parent / "sql" / "device_states.sql").read_text(encoding="utf-8")
# Two watches would meet on the rows of these two updates, each in its own order.
_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(hashtext('sensing_times'))"
_DEVICE_TIMES: Final = """
    UPDATE sensing_device d SET last_frame_at = w.heard_at, last_reading_at = w.latest_at
    FROM watch_device w
    WHERE w.device_id = d.id AND (d.last_frame_at, d.last_reading_at) IS DISTINCT FROM (w.heard_at, w.latest_at)
"""
_MERCHANT_TIMES: Final = """
    UPDATE merchants_standing t SET last_reading_at = d.latest FROM (
        SELECT d.merchant_id, max(w.latest_at) FILTER (WHERE m.at IS NULL OR w.latest_at >= m.at) AS latest
        FROM sensing_device d JOIN watch_device w ON w.device_id = d.id
        LEFT JOIN (SELECT device_id, max(at) AS at FROM sensing_deviceevent WHERE kind = 'moved' GROUP BY device_id) m
            ON m.device_id = d.id
        GROUP BY d.merchant_id
    ) d WHERE t.merchant_id = d.merchant_id AND t.last_reading_at IS DISTINCT FROM d.latest
"""


def run_once(at: datetime) -> bool:
    """One round of what has to be done at once. Returns: whether there is more of it."""
    policy = in_force()
    with transaction.atomic():
        followed = statistics.follow(policy.catalogues, at)
        judging.judge_gaps(policy, followed.gaps, at)
        asking.fill_gaps(policy, followed.gaps, at)
    statistics.aggregate(at)
    more = point_statistics.follow(policy.catalogues, at)
    judged = judging.judge(policy, at) + point_alarms.run(policy, at)
    judged += slow_judging.judge_days(policy, at)
    telling.tell(policy, at)
    opened = open_issues(at)
    return followed.more or more or judged >= judging.DEVICES_AT_ONCE or opened >= ISSUES_AT_ONCE


def tick(at: datetime) -> None:
    """What follows from time alone: silences, and the states of devices. Nothing while no gateway listens, or what devices said
    still waits in the stream."""
    policy = in_force()
    if not Process.objects.filter(kind="gateway", seen_at__gte=at - ALIVE_WITHIN).exists():
        return
    if environment().nats_url and not reached.keeps_up(at):
        return
    judging.judge_silence(policy, at)
    slow_judging.judge_last_month(at)
    slow_judging.judge_cleanings(policy, at)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME)
        cursor.execute(_DEVICE_TIMES)
        cursor.execute(_MERCHANT_TIMES)
    write_device_states(policy, at)


def write_device_states(policy: InForce, at: datetime) -> int:
    """Standing.device_state as alarms and maintenance have it now. Returns: how many merchants changed."""
    codes = [rule.id for rule in policy.catalogues.alarms.rules if isinstance(rule, Silence)]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DEVICE_STATES, {"codes": codes, "at": at})
        states = dict(cursor.fetchall())
        for merchant in Merchant.objects.filter(pk__in=states).only("pk", "town", "grid"):
            kind = "device.heard" if states[merchant.pk] == "online" else "device.changed"
            scope = scope_of(merchant)
            record(kind, "merchant", merchant.pk, at=at, scope=scope)
    return len(states)


# ── issues ───────────────────────────────────────────────────────────────────────────────────────────────────────


def open_issues(at: datetime) -> int:
    """Open the issues that alarms want, each in a transaction of its own. Returns: how many alarms were looked at.

    One that cannot be opened is tried again in an hour, so that it holds up no other.
    """
    wanted = Alarm.objects.filter(issue_number="", issue_wanted_at__lte=at).exclude(telling.opens_none())
    wanted = wanted.exclude(muting.is_muted(at)).order_by("issue_wanted_at")
    alarm_ids = list(wanted.values_list("pk", flat=True)[:ISSUES_AT_ONCE])
    for alarm_id in alarm_ids:
        try:
            _open_issue(alarm_id, at)
        except DjangoError as error:
            if connection.connection is None or connection.connection.closed:
                raise
            _push_ahead(alarm_id, at, error)
        except Exception as error:  # whatever is wrong with one alarm, the others go on
            _push_ahead(alarm_id, at, error)
    return len(alarm_ids)


def _open_issue(alarm_id: int, at: datetime) -> None:
    with transaction.atomic():
        alarm = (
            Alarm.objects.select_for_update(of=("self",), skip_locked=True)
            .select_related("device")
            .filter(pk=alarm_id, issue_number="", issue_wanted_at__lte=at)
            .first()
        )
        if alarm is None:
            return
        rule = rule_of(alarm)
        assert rule.violation is not None
        alarm.issue_number = report_alarm(
            device_mn=alarm.device.mn,
            merchant_id=alarm.device.merchant_id,
            alarm_id=alarm.pk,
            violation_id=rule.violation,
            act_at=alarm.raised_at,
            summary=summary(alarm),
            at=at,
        )
        alarm.save(update_fields=["issue_number"])


def _push_ahead(alarm_id: int, at: datetime, error: Exception) -> None:
    Alarm.objects.filter(pk=alarm_id, issue_number="").update(issue_wanted_at=at + POISONED)
    log.error("issue.not_opened", alarm=alarm_id, error=type(error).__name__, exc_info=error)


def rule_of(alarm: Alarm) -> AnyAlarm:
    """The rule that raised it, as it stood then."""
    return next(row for row in edition(alarm.edition).catalogues.alarms.rules if row.id == alarm.code)


def summary(alarm: Alarm) -> str:
    """What the alarm says, in the installation's language: a reminder, never a finding."""
    rule = rule_of(alarm)
    with translation.override(settings.LANGUAGE_CODE):
        label = rule.label.text(settings.LANGUAGE_CODE)
        since = timezone.localtime(alarm.raised_at).strftime("%Y-%m-%d %H:%M")
        if rule.type == "sustained_value":
            return _("%(label)s: up to %(peak).2f mg/m³, since %(since)s") % {
                "label": label, "peak": alarm.peak or 0.0, "since": since
            }  # fmt: skip
        return _("%(label)s since %(since)s") % {"label": label, "since": since}


# ── its life ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Watch:
    """The loop: rounds as fast as there is work, at least a second apart otherwise."""

    def __init__(self, clock: Callable[[], datetime] = timezone.now) -> None:
        self._clock = clock
        self._stopped = threading.Event()
        self._ticked = clock() - timedelta(days=1)

    def stop(self) -> None:
        """Finish the step at hand, then end."""
        self._stopped.set()

    def run(self) -> None:
        """Watch until stopped; when the database goes away, wait for it."""
        wait = CYCLE_SECONDS
        while not self._stopped.is_set():
            began = time.monotonic()
            try:
                more = self._round(self._clock())
                wait = CYCLE_SECONDS
            except (DjangoError, NoPolicy) as error:
                log.warning("watch.waits", error=type(error).__name__)
                connection.close()
                more, wait = False, min(wait * 2, 10.0)
            if not more:
                self._stopped.wait(max(0.05, wait - (time.monotonic() - began)))

    def _round(self, at: datetime) -> bool:
        more = run_once(at)
        if at - self._ticked >= TICK:
            tick(at)
            self._ticked = at
        return more


def main() -> None:
    """`lingxiu watch`: until told to stop."""
    watch = Watch()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watch.stop())
    log.info("watch.started")
    watch.run()
    log.info("watch.stopped")
