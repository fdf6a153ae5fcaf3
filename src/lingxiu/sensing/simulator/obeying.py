"""What a simulated device does when the platform asks something of it (HJ 212-2017 6.4 and table 9; 1014 of 2025)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from statistics import fmean
from typing import TYPE_CHECKING, Final, NamedTuple

from hj212 import ExeRtn, Frame, Message, QnRtn, make_cp, make_data_time, make_flag
from lingxiu.sensing.keys import Key, KeyUnreadable
from lingxiu.sensing.simulator.dialect import PASSWORD, named_after, say
from lingxiu.sensing.simulator.kitchen import Values

if TYPE_CHECKING:
    from lingxiu.sensing.simulator.device import SimulatedDevice

Items = Mapping[str, str]
STEPS: Final = {"2051": timedelta(minutes=1), "2061": timedelta(hours=1), "2031": timedelta(days=1)}
SENT_AT_ONCE: Final = 5_000
"""Periods a device sends again for one request."""


class Obeyed(NamedTuple):
    """How it went, and the data that go before the result. `after`: what changes once that has been said."""

    result: ExeRtn = ExeRtn.DONE
    messages: tuple[Message, ...] = ()
    after: Callable[[], None] | None = None


def refusal(device: SimulatedDevice, question: Frame) -> QnRtn:
    """Whether it takes a request on."""
    if question.mn != device.mn:
        return QnRtn.MN_WRONG
    if question.pw != PASSWORD:
        return QnRtn.PW_WRONG
    return QnRtn.ACCEPTED if question.cn in OBEYS else QnRtn.CN_WRONG


def obey(device: SimulatedDevice, question: Frame, now: datetime) -> Obeyed:
    """Carry out a request that was taken on."""
    return OBEYS[question.cn or ""](device, question.cn or "", question.items(), now)


def _tell(device: SimulatedDevice, cn: str, **items: str) -> Obeyed:
    return Obeyed(messages=(_message(device, cn, make_cp(items)),))


def _message(device: SimulatedDevice, cn: str, cp: str) -> Message:
    return Message(cn, "31", device.mn, PASSWORD, flag=make_flag(device.version), cp=cp)


def _read_clock(device: SimulatedDevice, cn: str, _items: Items, now: datetime) -> Obeyed:
    return _tell(device, cn, SystemTime=make_data_time(device.local(now)))


def _set_clock(device: SimulatedDevice, _cn: str, items: Items, now: datetime) -> Obeyed:
    told = _moment(items.get("SystemTime", ""))
    if told is None:
        return Obeyed(ExeRtn.CONDITION_ERROR)
    device.drift += told - device.local(now).replace(microsecond=0)
    return Obeyed()


def _read_interval(device: SimulatedDevice, cn: str, _items: Items, _now: datetime) -> Obeyed:
    return _tell(device, cn, RtdInterval=str(round(device.every or 60)))


def _set_interval(device: SimulatedDevice, _cn: str, items: Items, _now: datetime) -> Obeyed:
    seconds = items.get("RtdInterval", "")
    if not (seconds.isdigit() and 30 <= int(seconds) <= 3600):
        return Obeyed(ExeRtn.CONDITION_ERROR)
    device.every = float(seconds)
    return Obeyed()


def _read_minutes(device: SimulatedDevice, cn: str, _items: Items, _now: datetime) -> Obeyed:
    return _tell(device, cn, MinInterval=str(device.minutes))


def _set_minutes(device: SimulatedDevice, _cn: str, items: Items, _now: datetime) -> Obeyed:
    minutes = items.get("MinInterval", "")
    if not (minutes.isdigit() and 1 <= int(minutes) <= 30 and 60 % int(minutes) == 0):
        return Obeyed(ExeRtn.CONDITION_ERROR)
    device.minutes = int(minutes)
    return Obeyed()


def _restarted(device: SimulatedDevice, cn: str, _items: Items, now: datetime) -> Obeyed:
    started = make_data_time(device.local(device.started or now))
    return _tell(device, cn, DataTime=make_data_time(device.local(now)), RestartTime=started)


def _number(device: SimulatedDevice, cn: str, items: Items, _now: datetime) -> Obeyed:
    code = items.get("PolId", "a34041")
    return Obeyed(messages=(_message(device, cn, f"PolId={code};{code}-SN={device.mn:0>24}"[:900]),))


def _info(device: SimulatedDevice, cn: str, items: Items, now: datetime) -> Obeyed:
    code = items.get("InfoId", "")
    texts = {"i11001": "//开机//", "i12001": "0", "i22001": "0", "i13001": "0-10", "i13003": str(device.minutes)}
    if code not in texts:
        return Obeyed(ExeRtn.NO_DATA)
    said = f"DataTime={make_data_time(device.local(now))};{code}-Info={texts[code]}"
    return Obeyed(messages=(_message(device, cn, said),))


def _change_key(device: SimulatedDevice, _cn: str, items: Items, _now: datetime) -> Obeyed:
    try:
        key = Key(items.get("NewSK", ""))
    except KeyUnreadable:
        return Obeyed(ExeRtn.CONDITION_ERROR)

    def change() -> None:
        device.key = key

    return Obeyed(after=change)


def _history(device: SimulatedDevice, cn: str, items: Items, now: datetime) -> Obeyed:
    begin, end = _moment(items.get("BeginTime", "")), _moment(items.get("EndTime", ""))
    if begin is None or end is None or end < begin:
        return Obeyed(ExeRtn.CONDITION_ERROR)
    step = STEPS[cn] if cn != "2051" else timedelta(minutes=device.minutes)
    named = named_after(device.profile, cn)  # it is asked by the names it gives
    kept = _periods(device, _whole(begin - named, step), min(end - named, device.local(now)), step)
    messages = [
        say(device.profile, values, mn=device.mn, at=at, qn="", cn=cn) for at, values in islice(kept, SENT_AT_ONCE)
    ]
    unasked = make_flag(device.version)
    parts = [part for message in messages for part in device.parts(message, unasked)]
    return Obeyed(messages=tuple(parts)) if parts else Obeyed(ExeRtn.NO_DATA)


def _periods(
    device: SimulatedDevice, begin: datetime, end: datetime, step: timedelta
) -> Iterator[tuple[datetime, Values]]:
    """(local beginning, mean) of every whole period it has something of."""
    at = begin
    while at + step <= end + timedelta(minutes=1):
        minutes = [at + timedelta(minutes=n) for n in range(step // timedelta(minutes=1))]
        measured = [values for one in minutes if (values := device.source(device.moment(one))) is not None]
        if measured:
            yield at, mean_of(measured)
        at += step


def mean_of(minutes: list[Values]) -> Values:
    """Numbers as their mean; states as they were at the end."""
    columns = zip(*minutes, strict=True)
    return Values._make(_mean(column) for column in columns)


def _mean(column: tuple[float | bool | None, ...]) -> float | bool | None:
    known = [value for value in column if value is not None]
    if not known or isinstance(known[-1], bool):
        return known[-1] if known else None
    return round(fmean(known), 3)


def _whole(at: datetime, step: timedelta) -> datetime:
    """The first beginning of a period that is not before `at`, counted from midnight."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + -((midnight - at) // step) * step


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S")  # noqa: DTZ007 - the device's clock knows no zone
    except ValueError:
        return None


OBEYS: Final[dict[str, Callable[[SimulatedDevice, str, Items, datetime], Obeyed]]] = {
    "1011": _read_clock,
    "1012": _set_clock,
    "1014": _change_key,
    "1061": _read_interval,
    "1062": _set_interval,
    "1063": _read_minutes,
    "1064": _set_minutes,
    "2031": _history,
    "2051": _history,
    "2061": _history,
    "2081": _restarted,
    "3019": _number,
    "3020": _info,
}
