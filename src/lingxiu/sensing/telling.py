"""Who hears of an alarm, decided once: by its rule, unless it is muted, only observed, less than another, or part of a storm.

Writes the journal entries that rooms above tell people of: `alarm.told`, `device.silent`, `storm.began`, `storm.ended`. An
alarm's own entries (`alarm.raised` …) say what is, whoever hears of it. Any watch may do this, after any crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, cast

from django.db import transaction
from django.db.models import Count, Min, Q, QuerySet

from lingxiu.journal.actions import Scope, record
from lingxiu.merchants.actions import scope_of
from lingxiu.policy.alarm_rules import RANKS, AnyAlarm, Severity, Silence
from lingxiu.policy.queries import InForce
from lingxiu.sensing import storms
from lingxiu.sensing.models import Alarm, Device, Storm, WatchCursor
from lingxiu.sensing.muting import is_muted
from lingxiu.sensing.storms import Fall, Gale, gales

TOLD_AT_ONCE: Final = 500


def part_of_storm() -> Q:
    """Alarms that are part of a storm that lasts."""
    return Q(storm__isnull=False, storm__until=None)


def opens_none() -> Q:
    """Alarms of storms that open no issue: while it lasts none does, and then only those that stay dark."""
    return part_of_storm() | Q(storm__isnull=False, cleared_at__isnull=False)


def tell(policy: InForce, at: datetime) -> int:
    """Decide who hears of the alarms of which that is not decided yet. Returns: of how many it was."""
    with transaction.atomic():
        if not _is_mine():
            return 0
        fold_storms(policy, at)
        rules = {rule.id: rule for rule in policy.catalogues.alarms.rules}
        waiting = _undecided(policy, at).select_related("device", "device__merchant")
        rows = sorted(waiting[:TOLD_AT_ONCE], key=lambda row: -RANKS[cast("Severity", row.severity)])
        for row in rows:
            if row.code in rules:
                _tell_one(policy, rules[row.code], row, at)
        Alarm.objects.filter(pk__in=[row.pk for row in rows]).update(told_at=at)
    return len(rows)


def _is_mine() -> bool:
    WatchCursor.objects.get_or_create(name="telling")
    return WatchCursor.objects.select_for_update(skip_locked=True).filter(name="telling").exists()


def _codes(policy: InForce) -> list[str]:
    return [rule.id for rule in policy.catalogues.alarms.rules if isinstance(rule, Silence)]


def _undecided(policy: InForce, at: datetime) -> QuerySet[Alarm]:
    """A silence waits until it is known what it is part of; what is muted until it is not any more."""
    within = timedelta(minutes=policy.catalogues.alarms.storms.within_minutes)
    rows = Alarm.objects.filter(told_at=None, withdrawn_at=None, observing=False).exclude(part_of_storm())
    return rows.exclude(code__in=_codes(policy), raised_at__gt=at - within).exclude(is_muted(at)).order_by("raised_at")


def _tell_one(policy: InForce, rule: AnyAlarm, alarm: Alarm, at: datetime) -> None:
    if not rule.tells or _is_over(policy, rule, alarm, at) or _is_less(policy, rule, alarm):
        return
    merchant = alarm.device.merchant
    scope = scope_of(merchant)
    reference = {"code": alarm.code, "rule": alarm.code, "device": alarm.device.mn, "tells": list(rule.tells)}
    if isinstance(rule, Silence):
        record("device.silent", "merchant", merchant.pk, at=at, scope=scope, reference=reference)
    else:
        record("alarm.told", "alarm", alarm.pk, at=at, scope=scope, reference=reference)


def _is_over(policy: InForce, rule: AnyAlarm, alarm: Alarm, at: datetime) -> bool:
    """Nobody hears of a silence that ended, nor of what old data show to have been long ago."""
    if alarm.cleared_at is None:
        return False
    within = timedelta(hours=policy.catalogues.alarms.issue_within_hours)
    return isinstance(rule, Silence) or at - alarm.cleared_at > within


def _is_less(policy: InForce, rule: AnyAlarm, alarm: Alarm) -> bool:
    """Whether a graver one of its family is open."""
    if not rule.family:
        return False
    graver = [
        one.id
        for one in policy.catalogues.alarms.rules
        if one.family == rule.family and RANKS[one.severity] > RANKS[rule.severity]
    ]
    return Alarm.objects.filter(device=alarm.device_id, code__in=graver, cleared_at=None).exists()


# ── storms ───────────────────────────────────────────────────────────────────────────────────────────────────────


def fold_storms(policy: InForce, at: datetime) -> None:
    """Bring the storms to what the silences say. Only looked at while a silence is undecided or a storm lasts."""
    rule, codes = policy.catalogues.alarms.storms, _codes(policy)
    for code in codes:
        silent = Alarm.objects.filter(code=code, withdrawn_at=None)
        undecided = silent.filter(told_at=None, observing=False, storm=None).aggregate(at=Min("raised_at"))["at"]
        lasting = Storm.objects.filter(code=code, until=None).aggregate(at=Min("since"))["at"]
        begins = min((one for one in (undecided, lasting) if one is not None), default=None)
        if begins is None:
            continue
        since = begins - timedelta(minutes=rule.within_minutes)
        rows = silent.filter(raised_at__gte=since).values_list(
            "pk", "device__merchant__town", "raised_at", "cleared_at"
        )
        complete = at - timedelta(minutes=rule.within_minutes)
        found = gales(rule, (Fall(*row) for row in rows), in_use())
        _keep_all(policy, code, [gale for gale in found if gale.since <= complete], at)


def _keep_all(policy: InForce, code: str, found: Sequence[Gale], at: datetime) -> None:
    """A storm that lasts and is not among these never was, or is part of another by now: it ends and holds nobody back."""
    matched: list[tuple[Storm | None, Gale]] = []
    taken: set[int] = set()
    for gale in found:
        storm = _same(code, gale, taken)
        matched.append((storm, gale))
        taken.update([storm.pk] if storm else [])
    for storm in Storm.objects.filter(code=code, until=None).exclude(pk__in=taken):
        _end(
            storm,
            policy,
            at,
            told=storm.alarms.exclude(pk__in=[pk for gale in found for pk in gale.alarm_ids]).exists(),
        )
    for storm, gale in matched:
        _keep(policy, code, gale, storm, at)


def _same(code: str, gale: Gale, taken: Iterable[int]) -> Storm | None:
    """The storm as it is kept: it has a silence in common, though late data may have changed when it began."""
    same = Storm.objects.filter(code=code, town=gale.town, alarms__in=gale.alarm_ids).exclude(pk__in=taken)
    return same.order_by("since").distinct().first()


def in_use() -> dict[str, int]:
    """Devices that could be heard, by town."""
    devices = Device.objects.filter(state=Device.State.ACTIVE).exclude(last_frame_at=None)
    counted = devices.order_by().values_list("merchant__town").annotate(Count("pk"))
    return dict(counted)


def _keep(policy: InForce, code: str, gale: Gale, storm: Storm | None, at: datetime) -> None:
    lasted = storm is None or storm.until is None
    if storm is None:
        storm = Storm(code=code, town=gale.town, of=_in_all(gale.town), edition=policy.id, noticed_at=at)
    is_new = storm.pk is None
    said = (gale.since, gale.until, len(gale.alarm_ids))
    if is_new or (storm.since, storm.until, storm.devices) != said:
        storm.since, storm.until, storm.devices = said
        storm.save()
    Alarm.objects.filter(pk__in=gale.alarm_ids).exclude(storm=storm).update(storm=storm)
    if is_new:
        _record("storm.began", storm, policy, at)
    if lasted and gale.until is not None:
        _record("storm.ended", storm, policy, at)


def _end(storm: Storm, policy: InForce, at: datetime, *, told: bool) -> None:
    storm.until = at
    storm.save(update_fields=["until"])
    if told:
        _record("storm.ended", storm, policy, at)


def _in_all(town: str) -> int:
    counts = in_use()
    return sum(counts.values()) if town == storms.COUNTY else counts.get(town, 0)


def _record(kind: str, storm: Storm, policy: InForce, at: datetime) -> None:
    tells: Iterable[str] = policy.catalogues.alarms.storms.tells
    reference = {"code": storm.code, "devices": storm.devices, "of": storm.of, "tells": list(tells)}
    record(kind, "storm", storm.pk, at=at, scope=Scope(town=storm.town), reference=reference)
