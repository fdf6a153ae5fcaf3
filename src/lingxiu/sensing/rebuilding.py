"""Statistics and alarms from the beginning, out of what is stored: the proof that they follow from it alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from lingxiu.policy.queries import InForce
from lingxiu.sensing import point_alarms, point_statistics
from lingxiu.sensing.alarms import silences
from lingxiu.sensing.judging import BEGINNING, Judgement, judge, known_alarms, silence_rules, unheard, write
from lingxiu.sensing.models import Device
from lingxiu.sensing.other_readings import SEEN, TABLES
from lingxiu.sensing.places import stands_since
from lingxiu.sensing.slow_judging import judge_all_days, judge_cleanings_of, judge_days
from lingxiu.sensing.statistics import recompute

REBUILT_AT_ONCE: Final = 20

_GAPS: Final = """
    SELECT device_id, since, until FROM (
        SELECT device_id, received_at AS until, lag(received_at) OVER (PARTITION BY device_id ORDER BY received_at) AS since
        FROM (SELECT DISTINCT device_id, received_at FROM reading_fume WHERE device_id = ANY (%s)) heard
    ) gaps WHERE until > since + make_interval(secs => %s) ORDER BY since
"""
_REMEMBER: Final = """
    INSERT INTO watch_device AS w (device_id, heard_at, latest_at, dirty_from, dirty_to, due_at)
    SELECT r.device_id, r.heard_at, r.latest_at, s.first, s.last, %(at)s
    FROM (SELECT device_id, max(received_at) AS heard_at, max(at) AS latest_at FROM reading_fume
          WHERE device_id = ANY (%(devices)s) GROUP BY device_id) r
    JOIN (SELECT device_id, min(at) AS first, max(at) AS last FROM window_fume
          WHERE device_id = ANY (%(devices)s) GROUP BY device_id) s USING (device_id)
    ON CONFLICT (device_id) DO UPDATE SET
        heard_at = greatest(w.heard_at, excluded.heard_at), latest_at = greatest(w.latest_at, excluded.latest_at),
        dirty_from = excluded.dirty_from, dirty_to = excluded.dirty_to, due_at = excluded.due_at
"""
# As other_readings.py leaves it when the first of all readings is new that were made where the device stands.
_REMEMBER_POINTS: Final = """
    INSERT INTO point_device AS p (device_id, heard_at, latest_at, dirty_from, due_at)
    SELECT r.device_id, max(r.received_at), max(r.at), min(r.at) FILTER (WHERE m.at IS NULL OR r.at > m.at), %(at)s
    FROM ({readings}) r LEFT JOIN (
        SELECT device_id, max(at) AS at FROM sensing_deviceevent WHERE kind = 'moved' GROUP BY device_id
    ) m USING (device_id)
    GROUP BY r.device_id
    ON CONFLICT (device_id) DO UPDATE SET
        heard_at = greatest(p.heard_at, excluded.heard_at), latest_at = greatest(p.latest_at, excluded.latest_at),
        dirty_from = excluded.dirty_from, due_at = excluded.due_at
""".replace(
    "{readings}",
    " UNION ALL ".join(
        f"SELECT device_id, received_at, at FROM {table.name} WHERE device_id = ANY (%(devices)s)"  # noqa: S608 (our own names)
        for table in (*TABLES.values(), SEEN)
    ),
)


def rebuild(policy: InForce, at: datetime, device_ids: Sequence[int] | None = None) -> int:
    """Statistics and alarms again, from the stored readings: the same, unless something was wrong. Returns: devices.

    Windows whose readings are gone stay as they are, and so do a silence that still lasts, devices out of use, and alarms of
    the place a device stood at before.
    """
    chosen = Device.objects.all() if device_ids is None else Device.objects.filter(pk__in=device_ids)
    ids = list(chosen.exclude(state=Device.State.RETIRED).order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(ids), REBUILT_AT_ONCE):
        part = ids[start : start + REBUILT_AT_ONCE]
        with transaction.atomic(), connection.cursor() as cursor:
            recompute(policy.catalogues, part, BEGINNING, at + timedelta(days=1))
            point_statistics.recompute(policy.catalogues, part, BEGINNING, at + timedelta(days=1), at)
            cursor.execute(_REMEMBER, {"devices": part, "at": at})
            _rejudge_silences(policy, part, at)
            cursor.execute(_REMEMBER_POINTS, {"devices": part, "at": at})
            judge_all_days(part)
        while judge(policy, at):
            pass
        while point_alarms.judge(policy, at):
            pass
        while judge_days(policy, at):
            pass
        judge_cleanings_of(policy, part, at)
    return len(ids)


def _rejudge_silences(policy: InForce, device_ids: list[int], at: datetime) -> None:
    judgements = []
    arrived = stands_since(device_ids)
    not_heard = unheard(device_ids, BEGINNING, arrived, at)
    for rule in silence_rules(policy):
        gaps: defaultdict[int, list[tuple[datetime, datetime | None]]] = defaultdict(list)
        with connection.cursor() as cursor:
            cursor.execute(_GAPS, [device_ids, timedelta(minutes=rule.minutes).seconds])
            for device_id, since, until in cursor.fetchall():
                gaps[device_id].append((since, until))
        known = known_alarms(device_ids, [rule.id], BEGINNING + timedelta(days=1), arrived)
        for device in Device.objects.filter(pk__in=device_ids).select_related("merchant"):
            ended = tuple(one for one in known[device.pk, rule.id] if one.episode.cleared_at is not None)
            episodes = silences(rule, gaps[device.pk], at, not_heard[device.pk])
            judgements.append(Judgement(device, rule, ended, tuple(episodes)))
    write(policy, judgements, at)
