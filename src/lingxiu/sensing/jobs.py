"""What the worker does for readings: partitions made ahead and dropped, what was only passing through forgotten; what is
expected of devices looked at every night."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from lingxiu.policy.queries import in_force
from lingxiu.sensing import asking, forecasting, verdicts

log = structlog.get_logger(__name__)

AHEAD = timedelta(days=21)
BATCHES_KEPT = timedelta(days=2)
STRANGERS_KEPT = timedelta(days=90)

# Batches are needed until the watch has passed them.
_FORGET_BATCHES = """
    DELETE FROM ingest_batch b WHERE b.at < %s AND EXISTS (
        SELECT FROM sensing_watchcursor c WHERE c.name = 'windows' AND (b.xid, b.id) <= (c.xid, c.batch_id))
"""


@app.periodic(cron="17 * * * *")
@app.task(queueing_lock="sensing.keep_house", lock="sensing.keep_house", pass_context=False)
def keep_house(timestamp: int) -> None:
    """Every hour; may run twice."""
    make_room(timezone.now())
    forget(timezone.now())
    asking.rotate_old_keys(timezone.now())


@app.periodic(cron="35 * * * *")
@app.task(queueing_lock="sensing.look_ahead", lock="sensing.look_ahead", pass_context=False)
def look_ahead(timestamp: int) -> None:
    """Every hour; does its work once a county day, and after a standstill when there is a worker again."""
    forecasting.look_ahead(timezone.now())


@app.periodic(cron="*/5 * * * *")
@app.task(queueing_lock="sensing.hear_of_forecasts", lock="sensing.hear_of_forecasts", pass_context=False)
def hear_of_forecasts(timestamp: int) -> None:
    """Every five minutes; may run twice."""
    verdicts.listen(timezone.now())


def make_room(at: datetime) -> None:
    """Partitions for the weeks to come; without this the gateways make each when its first reading comes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sensing_make_partitions(%s, %s)", [at, at + AHEAD])


def forget(at: datetime) -> None:
    """Readings and odd frames past their time, batches everybody has read, strangers long gone."""
    keep = in_force().catalogues.alarms
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '5s'")  # dropping a week waits for its readers; try again in an hour
        cursor.execute("SELECT sensing_drop_partitions(%s)", [at - timedelta(days=keep.keep_raw_days)])
        (dropped,) = cursor.fetchone()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM odd_frame WHERE at < %s", [at - timedelta(days=keep.keep_odd_days)])
        cursor.execute(_FORGET_BATCHES, [at - BATCHES_KEPT])
        cursor.execute("DELETE FROM sensing_unknowndevice WHERE last_at < %s", [at - STRANGERS_KEPT])
    if dropped:
        log.info("readings.dropped", weeks=dropped)
