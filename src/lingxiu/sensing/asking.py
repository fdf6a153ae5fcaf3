"""What is asked of devices: which questions there are, who may want them answered, and what became of each.

Keeps `DeviceRequest` rows; the gateway that holds a device's line says them (`lines.py`). Never touches a socket.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models import Count, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hj212 import QnRtn, make_data_time
from lingxiu.journal.actions import record
from lingxiu.merchants.actions import scope_of
from lingxiu.policy.device_profiles import DeviceProfile
from lingxiu.policy.queries import InForce, in_force
from lingxiu.sensing.keys import Key, new_key
from lingxiu.sensing.models import Device, DeviceEvent, DeviceLine, DeviceRequest, Process
from lingxiu.sensing.statistics import WINDOW, Gap

State = DeviceRequest.State
CLOCK_READ: Final = "1011"
CLOCK_SET: Final = "1012"
KEY_SET: Final = "1014"
HISTORY: Final = "2051"

ALIVE_WITHIN: Final = timedelta(seconds=60)
CONTESTED_AGAIN: Final = timedelta(hours=1)
"""After so long without another sign of it, a line that two claim is news again."""
OPEN_AT_ONCE: Final = 20
"""Requests that may wait for one device."""
GAPS_AT_ONCE: Final = 50
"""Devices one gateway has filling gaps at a time, however many came back together: each sends up to two days of minutes."""
BELIEVED: Final = timedelta(days=30)
"""So long a device is believed that does not know the question, or left it unanswered so often:"""
UNANSWERED_BELIEVED: Final = 3
CLOCKS_APART: Final = timedelta(minutes=1)
"""A device that asks for the time again and again is told it this often."""
EXPIRED_AT_ONCE: Final = 500
ITEMS_KEPT: Final = 40
LENGTH_KEPT: Final = 900
"""Of an answer: so many items of so many characters."""
LASTS: Final = {
    DeviceRequest.Why.PERSON: timedelta(minutes=10),
    DeviceRequest.Why.GAP: timedelta(hours=6),
    DeviceRequest.Why.DEVICE: timedelta(minutes=2),
    DeviceRequest.Why.ROTATION: timedelta(days=1),
}
"""How long a request waits for its device."""


MINUTE: Final = timedelta(minutes=1)
LOOKS_EVERY: Final = 0.3
ANSWERS_WITHIN: Final = timedelta(minutes=30)
"""What a device has accepted may take so long."""


class Question(NamedTuple):
    """What can be asked. `takes`: what has to be said with it; `item`: the name a value goes by on the wire."""

    cn: str
    label: str | Promise
    takes: Literal["", "value", "period", "name"] = ""
    item: str = ""


QUESTIONS: Final[dict[str, Question]] = {
    "clock": Question(CLOCK_READ, _("Read its clock")),
    "set-clock": Question(CLOCK_SET, _("Set its clock")),
    "realtime-interval": Question("1061", _("Read how often it sends")),
    "set-realtime-interval": Question("1062", _("Set how often it sends"), "value", "RtdInterval"),
    "minute-interval": Question("1063", _("Read how long its minute data are")),
    "set-minute-interval": Question("1064", _("Set how long its minute data are"), "value", "MinInterval"),
    "minute": Question(HISTORY, _("Have minute data sent again"), "period"),
    "hour": Question("2061", _("Have hourly data sent again"), "period"),
    "day": Question("2031", _("Have daily data sent again"), "period"),
    "restart-notice": Question("2081", _("Ask when it was started")),
    "info": Question("3020", _("Ask for its log, state or settings"), "name", "InfoId"),
    "number": Question("3019", _("Ask for its instrument's number"), "name", "PolId"),
}
"""By the word for it (HJ 212-2017 table 9; CN in the first place)."""
SYNONYMS: Final = {"history": "minute"}
ALLOWED: Final[dict[str, frozenset[int]]] = {
    "RtdInterval": frozenset(range(30, 3601)),
    "MinInterval": frozenset({1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30}),
}
"""Seconds; minutes (HJ 212-2017 table 7)."""
LONGEST: Final = {HISTORY: timedelta(days=2), "2061": timedelta(days=31), "2031": timedelta(days=366)}
"""The longest time a device is asked to send again at once."""


class CannotAsk(Exception):
    """This may not be asked of this device now. `why`: a key of REASONS."""

    def __init__(self, why: str) -> None:
        super().__init__(str(REASONS[why]))
        self.why = why


REASONS: Final[dict[str, str | Promise]] = {
    "unknown": _("There is no such question."),
    "retired": _("The device is out of use."),
    "way": _("The device does not speak HJ 212: it cannot be asked."),
    "value": _("The value is none the standard allows."),
    "period": _("Give a time that has been, its end after its beginning, and not too long."),
    "name": _("Say which: letters and digits."),
    "enough": _("Enough is being asked of this device already."),
    "key": _("The device has no key yet: set the first one by hand."),
}


# ── what people, the watch and devices want ──────────────────────────────────────────────────────────────────────


def ask(
    device: Device,
    what: str,
    *,
    value: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
    why: DeviceRequest.Why = DeviceRequest.Why.PERSON,
    lasts: timedelta | None = None,
    at: datetime,
    actor_id: int | None = None,
) -> DeviceRequest:
    """Have something asked of a device, as soon as it is connected, for as long as it `lasts`.

    The same question, while open, is asked once.

    Raises: CannotAsk.
    """
    question = QUESTIONS.get(SYNONYMS.get(what, what))
    if question is None:
        raise CannotAsk("unknown")
    parameters = _parameters(question, value, since, until, at)
    with transaction.atomic():
        return _put(device, question.cn, parameters, why, at, actor_id, lasts)


def _parameters(
    question: Question, value: str, since: datetime | None, until: datetime | None, at: datetime
) -> dict[str, str]:
    """What is said with it, as it stands on the wire; times in the county's."""
    value = value.strip()
    if question.takes == "value":
        if not (value.isascii() and value.isdigit() and int(value) in ALLOWED[question.item]):
            raise CannotAsk("value")
        return {question.item: str(int(value))}
    if question.takes == "name":
        if not (value.isascii() and value.isalnum() and len(value) <= 6):
            raise CannotAsk("name")
        return {question.item: value}
    if question.takes == "period":
        end = min(until or at, at)
        if since is None or not since < end <= since + LONGEST[question.cn]:
            raise CannotAsk("period")
        return _period(since, end)
    return {}


def _period(since: datetime, until: datetime) -> dict[str, str]:
    return {"BeginTime": make_data_time(_local(since)), "EndTime": make_data_time(_local(until))}


def _local(at: datetime) -> datetime:
    return timezone.localtime(at).replace(tzinfo=None)


def _put(
    device: Device,
    cn: str,
    parameters: dict[str, str],
    why: DeviceRequest.Why,
    at: datetime,
    actor_id: int | None,
    lasts: timedelta | None = None,
) -> DeviceRequest:
    if device.state == Device.State.RETIRED:
        raise CannotAsk("retired")
    if all(row.id != device.profile for row in in_force().catalogues.devices):
        raise CannotAsk("way")
    Device.objects.select_for_update(of=("self",)).get(pk=device.pk)
    is_open = DeviceRequest.objects.filter(device=device, ended_at=None, expires_at__gt=at)
    same = is_open.filter(cn=cn, parameters=parameters).first()
    if same is not None:
        return same
    if is_open.count() >= OPEN_AT_ONCE:
        raise CannotAsk("enough")
    put = DeviceRequest.objects.create(
        device=device,
        cn=cn,
        parameters=parameters,
        why=why,
        asked_by=actor_id,
        asked_at=at,
        expires_at=at + (lasts or LASTS[why]),
    )
    _tell_asked(put, device, at, actor_id)
    return put


def fill_gaps(policy: InForce, gaps: Sequence[Gap], at: datetime) -> int:
    """Ask devices that were heard again for what they measured meanwhile, once a gap, where their profile says they can.

    The newest part of a long gap only. What comes back is stored as any upload is. Who has shown that it keeps nothing is not
    asked. Returns: how many gaps were asked for.
    """
    able = {row.id: row for row in policy.catalogues.devices if row.fills_gaps_after_minutes is not None}
    if not able or not gaps:
        return 0
    found = Device.objects.filter(pk__in={gap.device_id for gap in gaps}, profile__in=able).select_related("merchant")
    serving = {device.pk: device for device in found.exclude(state=Device.State.RETIRED)}
    periods = {gap: _missed(gap, able[serving[gap.device_id].profile]) for gap in gaps if gap.device_id in serving}
    wanted = {(gap.device_id, period["BeginTime"]): period for gap, period in periods.items() if period is not None}
    before = DeviceRequest.objects.filter(why=DeviceRequest.Why.GAP, device__in={key[0] for key in wanted})
    known = set(before.values_list("device_id", "parameters__BeginTime"))
    keep_nothing = _keep_nothing(before.filter(ended_at__gt=at - BELIEVED))
    new = [key for key in wanted if key not in known and key[0] not in keep_nothing]
    with transaction.atomic():
        for put in DeviceRequest.objects.bulk_create(_request_of(key[0], wanted[key], at) for key in new):
            _tell_asked(put, serving[put.device_id], at, None)
    return len(new)


def _keep_nothing(asked: models.QuerySet[DeviceRequest]) -> set[int]:
    """Devices that do not know the question, or have never answered it however often they were asked."""
    counted = asked.order_by().values("device_id").annotate(
        unknown=Count("pk", filter=Q(state=State.REFUSED, qn_rtn=QnRtn.CN_WRONG)),
        unanswered=Count("pk", filter=Q(state=State.EXPIRED, tries__gt=0)),
        done=Count("pk", filter=Q(state=State.DONE)),
    )  # fmt: skip
    return {
        row["device_id"]
        for row in counted
        if not row["done"] and (row["unknown"] or row["unanswered"] >= UNANSWERED_BELIEVED)
    }


def _missed(gap: Gap, profile: DeviceProfile) -> dict[str, str] | None:
    """What is asked for, as the device names its minutes; None for a gap that is too short for its profile.

    Whole windows: minute data take the place of real-time data in all of a window (`statistics_cn`).
    """
    if gap.until - gap.since < timedelta(minutes=profile.fills_gaps_after_minutes or 0):
        return None
    named = timedelta(seconds=profile.sends_every_seconds) if profile.period_named_by == "end" else timedelta()
    begin = _window_of(max(gap.since, gap.until - LONGEST[HISTORY]))
    return _period(begin + named, _window_of(gap.until) - MINUTE + named)


def _window_of(at: datetime) -> datetime:
    return at - (at - datetime.min.replace(tzinfo=UTC)) % WINDOW


def _request_of(device_id: int, period: dict[str, str], at: datetime) -> DeviceRequest:
    why = DeviceRequest.Why.GAP
    return DeviceRequest(
        device_id=device_id, cn=HISTORY, parameters=period, why=why, asked_at=at, expires_at=at + LASTS[why]
    )


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def set_key(device: Device, digits: str, *, at: datetime, actor_id: int | None = None) -> None:
    """The key agreed on with whoever installed the device. Raises KeyUnreadable."""
    Key(digits)
    with transaction.atomic():
        device = Device.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=device.pk)
        device.secret, device.former_secret = digits.lower(), ""
        device.save(update_fields=["secret", "former_secret"])
        _note_key(device, at, actor_id)


def rotate_key(device: Device, *, at: datetime, actor_id: int | None = None) -> DeviceRequest:
    """Have the device take a new key (CN 1014). The former one is accepted until it has used the new one.

    While a new key has not been used, it is the one that is sent again: a device must never be left with a third.
    Raises: CannotAsk.
    """
    with transaction.atomic():
        device = Device.objects.select_for_update(of=("self",)).get(pk=device.pk)
        if not device.secret:
            raise CannotAsk("key")
        if not device.former_secret:
            device.former_secret, device.secret = device.secret, new_key()
            device.save(update_fields=["secret", "former_secret"])
        return _put(device, KEY_SET, {}, DeviceRequest.Why.ROTATION, at, actor_id)


def note_new_keys(device_ids: Iterable[int], at: datetime) -> None:
    """These devices have used their new key: the former one is accepted no longer."""
    with transaction.atomic():
        rows = Device.objects.select_for_update(of=("self",)).select_related("merchant").filter(pk__in=set(device_ids))
        for device in rows:
            if device.former_secret:
                device.former_secret = ""
                device.save(update_fields=["former_secret"])
                _note_key(device, at, None)


def _note_key(device: Device, at: datetime, actor_id: int | None) -> None:
    DeviceEvent.objects.create(
        device=device, kind=DeviceEvent.Kind.KEY_CHANGED, at=at, merchant_id=device.merchant_id, recorded_by=actor_id
    )
    _tell("device.key_changed", device, at, actor_id, {})


KEYS_LAST: Final = timedelta(days=90)
"""HJ 212-2025: a key is changed every ninety days."""


def rotate_old_keys(at: datetime) -> int:
    """Have every key changed that is older than it may be. Returns: how many were asked to."""
    changed = DeviceEvent.objects.filter(kind=DeviceEvent.Kind.KEY_CHANGED, at__gt=at - KEYS_LAST)
    asked = DeviceRequest.objects.filter(cn=KEY_SET, asked_at__gt=at - LASTS[DeviceRequest.Why.ROTATION])
    old = (
        Device.objects.filter(state=Device.State.ACTIVE, events__kind=DeviceEvent.Kind.KEY_CHANGED)
        .exclude(pk__in=changed.values("device_id"))
        .exclude(pk__in=asked.values("device_id"))
    )
    return sum(rotate_key(device, at=at) is not None for device in old.distinct() if device.secret)


def wait_for(request: DeviceRequest, *, clock: Callable[[], datetime], sleep: Callable[[float], None]) -> DeviceRequest:
    """The request as it has ended, at the latest when its time is over."""
    while request.ended_at is None:
        if clock() > request.expires_at:
            expire(clock())
        else:
            sleep(LOOKS_EVERY)
        request.refresh_from_db()
    return request


# ── what gateways do ─────────────────────────────────────────────────────────────────────────────────────────────


class Asked(NamedTuple):
    """A request a gateway has taken."""

    id: int
    device_id: int
    cn: str
    parameters: dict[str, str]
    fills_gap: bool = False


class LineNote(NamedTuple):
    """A device has come on a connection. `contested_by`: who else speaks as it, "" for nobody."""

    device_id: int
    peer: str
    since: datetime
    version: str
    encrypted: bool
    contested_by: str = ""


class Outcome(NamedTuple):
    """How a request goes. State WAITING gives it back."""

    request_id: int
    state: DeviceRequest.State
    qn: str = ""
    qn_rtn: int | None = None
    exe_rtn: int | None = None
    answer: Mapping[str, str] = {}


ENDS: Final = frozenset(
    {DeviceRequest.State.DONE, DeviceRequest.State.REFUSED, DeviceRequest.State.FAILED, DeviceRequest.State.EXPIRED}
)

# The newest line counts, whichever gateway has it; that of a gateway that died stays until another one comes.
_NOTE_LINE: Final = """
    INSERT INTO sensing_deviceline AS l (device_id, run, peer, since, until, version, encrypted, contested_at, contested_by)
    SELECT d.id, %(run)s, %(peer)s, %(since)s, NULL, %(version)s, %(encrypted)s, %(contested_at)s, %(contested_by)s
    FROM sensing_device d WHERE d.id = %(device_id)s
    ON CONFLICT (device_id) DO UPDATE SET run = excluded.run, peer = excluded.peer, since = excluded.since, until = NULL,
        version = excluded.version, encrypted = excluded.encrypted,
        contested_at = coalesce(excluded.contested_at, l.contested_at),
        contested_by = CASE WHEN excluded.contested_at IS NULL THEN l.contested_by ELSE excluded.contested_by END
    WHERE l.until IS NOT NULL OR l.run = excluded.run OR l.since <= excluded.since
"""
_HANG_UP: Final = """
    UPDATE sensing_deviceline SET until = %(at)s WHERE device_id = ANY (%(devices)s) AND run = %(run)s AND until IS NULL
"""
# One of a device at a time, the oldest first, what fills gaps last and so many at once; two gateways that look at once are
# parted by the row's lock.
_CLAIM: Final = """
    WITH next AS (
        SELECT DISTINCT ON (w.device_id) w.id, w.why = 'gap' AS fills_gap FROM sensing_devicerequest w
        JOIN sensing_deviceline l ON l.device_id = w.device_id AND l.run = %(run)s AND l.until IS NULL
        WHERE w.device_id = ANY (%(devices)s) AND w.state = 'waiting' AND w.expires_at > %(at)s AND w.ended_at IS NULL
        ORDER BY w.device_id, w.why = 'gap', w.id
    )
    UPDATE sensing_devicerequest r SET state = 'sent', sent_at = %(at)s, tries = r.tries + 1
    WHERE r.state = 'waiting' AND r.expires_at > %(at)s AND r.id IN (
        SELECT id FROM next WHERE NOT fills_gap
        UNION ALL (SELECT id FROM next WHERE fills_gap ORDER BY id LIMIT %(gaps)s))
    RETURNING r.id, r.device_id, r.cn, r.parameters, r.why = 'gap'
"""


def note_lines(run: UUID, notes: Iterable[LineNote], gone: Iterable[int], at: datetime) -> None:
    """Who has come and gone on a gateway's lines; a line that two claim is told of."""
    told: list[LineNote] = []
    with transaction.atomic(), connection.cursor() as cursor:
        left = sorted(set(gone))
        if left:
            cursor.execute(_HANG_UP, {"at": at, "devices": left, "run": run})
        for note in sorted(notes):
            if note.contested_by and _is_news(note.device_id, at):
                told.append(note)
            cursor.execute(
                _NOTE_LINE, {**note._asdict(), "run": run, "contested_at": at if note.contested_by else None}
            )
        for note in told:
            _tell_contested(note, at)


def _is_news(device_id: int, at: datetime) -> bool:
    return not DeviceLine.objects.filter(device_id=device_id, contested_at__gt=at - CONTESTED_AGAIN).exists()


def _tell_contested(note: LineNote, at: datetime) -> None:
    device = Device.objects.select_related("merchant").filter(pk=note.device_id).first()
    if device is not None:
        _tell("device.contested", device, at, None, {"peer": note.peer, "by": note.contested_by})


def claim(run: UUID, device_ids: Iterable[int], at: datetime, gaps: int) -> list[Asked]:
    """Take what waits for these devices, as far as their newest line is this gateway's; `gaps`: at most so many to fill gaps."""
    devices = sorted(set(device_ids))
    if not devices:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"at": at, "run": run, "devices": devices, "gaps": gaps})
        rows = cursor.fetchall()
    return [
        Asked(request_id, device_id, cn, json.loads(said) if isinstance(said, str) else said, fills_gap)
        for request_id, device_id, cn, said, fills_gap in rows
    ]


def write_down(outcomes: Iterable[Outcome], at: datetime) -> None:
    """How requests went; one that has ended stays as it ended."""
    for one in outcomes:
        with transaction.atomic():
            request = (
                DeviceRequest.objects.select_for_update(of=("self",))
                .select_related("device__merchant")
                .filter(pk=one.request_id, ended_at=None)
                .first()
            )
            if request is not None:
                _write_down(request, one, at)


def _write_down(request: DeviceRequest, one: Outcome, at: datetime) -> None:
    request.state = one.state
    request.qn = one.qn or request.qn
    request.qn_rtn = request.qn_rtn if one.qn_rtn is None else one.qn_rtn
    request.exe_rtn = request.exe_rtn if one.exe_rtn is None else one.exe_rtn
    request.answer = {**request.answer, **one.answer}
    if one.state in ENDS:
        request.ended_at = at
        _tell(
            "device.answered",
            request.device,
            at,
            None,
            {"request": request.pk, "cn": request.cn, "state": str(one.state)},
        )
    elif one.state == DeviceRequest.State.ACCEPTED:
        request.expires_at = max(request.expires_at, at + ANSWERS_WITHIN)
    request.save(update_fields=["state", "qn", "qn_rtn", "exe_rtn", "answer", "ended_at", "expires_at"])


def expire(at: datetime) -> int:
    """End what was not done in time, also what a gateway took along when it died. Returns: how many."""
    with transaction.atomic():
        late = DeviceRequest.objects.filter(ended_at=None, expires_at__lte=at).select_related("device__merchant")
        rows = list(late.select_for_update(of=("self",), skip_locked=True).order_by("pk")[:EXPIRED_AT_ONCE])
        expired = DeviceRequest.State.EXPIRED
        DeviceRequest.objects.filter(pk__in=[row.pk for row in rows]).update(state=expired, ended_at=at)
        for row in rows:
            said = {"request": row.pk, "cn": row.cn, "state": str(expired)}
            _tell("device.answered", row.device, at, None, said)
    return len(rows)


def give_clocks(device_ids: Iterable[int], at: datetime) -> None:
    """Devices have asked for the time (CN 1013): have their clocks set."""
    lately = DeviceRequest.objects.filter(
        cn=CLOCK_SET, why=DeviceRequest.Why.DEVICE, asked_at__gt=at - CLOCKS_APART
    ).values("device_id")
    for device in Device.objects.filter(pk__in=set(device_ids)).exclude(pk__in=lately):
        try:
            ask(device, "set-clock", why=DeviceRequest.Why.DEVICE, at=at)
        except CannotAsk:
            continue


# ── how it is ────────────────────────────────────────────────────────────────────────────────────────────────────


def line_of(device: Device, at: datetime) -> DeviceLine | None:
    """The line it is connected by now, if it is."""
    alive = Process.objects.filter(seen_at__gte=at - ALIVE_WITHIN)
    return DeviceLine.objects.filter(device=device, until=None, run__in=alive.values("run")).first()


def _tell_asked(put: DeviceRequest, device: Device, at: datetime, actor_id: int | None) -> None:
    _tell("device.asked", device, at, actor_id, {"request": put.pk, "cn": put.cn, "why": put.why})


def _tell(kind: str, device: Device, at: datetime, actor_id: int | None, reference: dict[str, Any]) -> None:
    scope = scope_of(device.merchant)
    record(kind, "device", device.mn, at=at, actor_id=actor_id, scope=scope, reference=reference)
