"""What a JSON document says, by its mapping: records with our columns, our units. Never stores, never reads a clock.

A value that cannot be one leaves its column empty, with a mark that says why; a record without a device's number, a time or any
value at all is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, Literal, TypeAlias, cast
from zoneinfo import ZoneInfo

from lingxiu.policy.json_mappings import COLUMNS, WORDS, JsonMapping, JsonTime, JsonValue, Sort

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Value: TypeAlias = float | bool | str | datetime
Why = Literal[
    "missing", "number", "truth", "time", "word", "address", "range", "ahead", "too_old", "mn", "empty", "shape", "channel",
    "unknown", "retired", "kind", "mapping", "json",
]  # fmt: skip
"""What may be wrong; the last five are for whoever receives to say."""

MOST_RECORDS: Final = 1000
"""Records of one document, and of one request."""
MOST_EXTRA: Final = 40
LONGEST_TEXT: Final = 200
LONGEST_ADDRESS: Final = 500
DEEPEST: Final = 6
AHEAD: Final = timedelta(minutes=10)
"""A reading further ahead of our clock than this comes from a clock that is wrong."""
MN: Final = re.compile(r"[0-9A-Za-z_.-]{1,24}")
ADDRESS: Final = re.compile(r"(?:https?|rtsp|rtmp)://[^\s\"'<>\\]+")
_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]|\[([^=\]]+)=([^\]]+)\]")
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a field of a record: as it came, and of which kind."""

    field: str
    value: object
    why: Why


class NotARecord(Exception):
    """Something that cannot be stored. `faults`: at least one."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__(", ".join(f"{one.field}: {one.why}" for one in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Record:
    """What one device said of one moment. `marks`: why a column is empty; `extra`: what the mapping does not know."""

    at: datetime
    channel: int
    values: Mapping[str, Value]
    marks: Mapping[str, str]
    extra: Mapping[str, str]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Times:
    """What a time is held against: the county's zone, now, and how long readings are kept."""

    zone: ZoneInfo
    now: datetime
    kept: timedelta


# ── finding ──────────────────────────────────────────────────────────────────────────────────────────────────────


def records(mapping: JsonMapping, document: Json) -> list[Json]:
    """The records of a document, `MOST_RECORDS` at most. Raises NotARecord."""
    found = find(mapping.records, document, document) if mapping.records else document
    listed: list[Json] = list(found) if isinstance(found, list) else [cast("Json", found)]
    if found is _ABSENT or len(listed) > MOST_RECORDS:
        raise NotARecord(Fault(mapping.records or "body", None, "shape"))
    return listed


def mn_of(mapping: JsonMapping, record: Json, document: Json, told: str = "") -> str:
    """The device's number: `told` by the topic, else by the record. Raises NotARecord."""
    found = told or (find(mapping.mn, record, document) if mapping.mn else None)
    text = str(found) if isinstance(found, str | int) and not isinstance(found, bool) else ""
    if not MN.fullmatch(text):
        raise NotARecord(Fault(mapping.mn or "mn", None if found is _ABSENT else found, "mn"))
    return text


def find(path: str, record: Json, document: Json) -> object:
    """What stands at a path; `_ABSENT` if nothing does."""
    place: object = document if path.startswith("$.") else record
    for name, number, member, wanted in _steps(path.removeprefix("$.")):
        place = _step(place, name, number, member, wanted)
        if place is _ABSENT:
            return place
    return place


def _step(place: object, name: str, number: str, member: str, wanted: str) -> object:
    if name:
        return place.get(name, _ABSENT) if isinstance(place, dict) else _ABSENT
    if not isinstance(place, list):
        return _ABSENT
    if number:
        return place[int(number)] if int(number) < len(place) else _ABSENT
    return next((one for one in place if isinstance(one, dict) and str(one.get(member)) == wanted), _ABSENT)


@lru_cache(maxsize=1000)
def _steps(path: str) -> tuple[tuple[str, str, str, str], ...]:
    return tuple(_STEP.findall(path))


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────


def read(mapping: JsonMapping, record: Json, document: Json, times: Times) -> Record:
    """One record. Raises NotARecord."""
    if not isinstance(record, dict):
        raise NotARecord(Fault("body", None, "shape"))
    at = _moment(mapping.at, record, document, times)
    values: dict[str, Value] = {}
    faults: list[Fault] = []
    for column in mapping.values:
        sent = find(column.path, record, document)
        if sent is _ABSENT or sent is None or sent == "" or _stands_for_none(sent, column):
            continue
        try:
            values[column.column] = _READ[_sort(mapping, column)](sent, column, mapping, times)
        except NotARecord as error:
            faults += error.faults
    if not values:
        raise NotARecord(*faults or [Fault(mapping.values[0].path, None, "empty")])
    marks = {column.column: one.why for one in faults for column in mapping.values if column.path == one.field}
    return Record(at, _channel(mapping, record, document), values, marks, _extra(mapping, record), tuple(faults))


def _moment(time: JsonTime, record: Json, document: Json, times: Times) -> datetime:
    sent = find(time.path, record, document)
    if sent is _ABSENT or sent is None or sent == "":
        raise NotARecord(Fault(time.path, None, "missing"))
    at = _time(sent, time, times)
    if at > times.now + AHEAD:
        raise NotARecord(Fault(time.path, sent, "ahead"))
    if at <= times.now - times.kept:
        raise NotARecord(Fault(time.path, sent, "too_old"))
    return at


def _time(sent: object, how: JsonTime | JsonValue, times: Times) -> datetime:
    """An aware time in UTC, by its format. Raises NotARecord."""
    try:
        if how.format in ("epoch_s", "epoch_ms"):
            return datetime.fromtimestamp(_finite(sent) / (1000 if how.format == "epoch_ms" else 1), UTC)
        if not isinstance(sent, str | int) or isinstance(sent, bool):
            raise ValueError(sent)
        text = str(sent)
        found = datetime.fromisoformat(text) if how.format == "iso" else datetime.strptime(text, how.format)  # noqa: DTZ007 (a zone follows)
        if found.tzinfo is None:
            found = found.replace(tzinfo=ZoneInfo(how.zone) if how.zone else times.zone)
        return found.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise NotARecord(Fault(how.path, sent, "time")) from error


def _channel(mapping: JsonMapping, record: Json, document: Json) -> int:
    sent = find(mapping.channel, record, document) if mapping.channel else 0
    if sent is _ABSENT or sent is None:
        return 0
    if isinstance(sent, str) and sent.isascii() and sent.isdigit():
        sent = int(sent[:6])
    if not isinstance(sent, int) or isinstance(sent, bool) or not 0 <= sent <= 999:
        raise NotARecord(Fault(mapping.channel, sent, "channel"))
    return sent


def _sort(mapping: JsonMapping, column: JsonValue) -> Sort:
    return COLUMNS[mapping.device_kind][column.column]


def _stands_for_none(sent: object, column: JsonValue) -> bool:
    if not column.missing or isinstance(sent, bool):
        return False
    if isinstance(sent, str) and sent in column.missing:
        return True
    try:
        return _finite(sent) in column.missing
    except ValueError:
        return False


def _number(sent: object, column: JsonValue, mapping: JsonMapping, times: Times) -> float:
    try:
        number = _finite(sent) * column.scale + column.offset
    except ValueError as error:
        raise NotARecord(Fault(column.path, sent, "number")) from error
    lowest = -3e38 if column.lowest is None else column.lowest
    highest = 3e38 if column.highest is None else column.highest
    if not lowest <= number <= highest:
        raise NotARecord(Fault(column.path, sent, "range"))
    return number


def _finite(sent: object) -> float:
    """Raises ValueError."""
    if isinstance(sent, bool) or not isinstance(sent, int | float | str) or (isinstance(sent, str) and "_" in sent):
        raise ValueError(sent)
    try:
        number = float(sent)
    except OverflowError as error:
        raise ValueError(sent) from error
    if not math.isfinite(number):
        raise ValueError(sent)
    return number


def _truth(sent: object, column: JsonValue, mapping: JsonMapping, times: Times) -> bool:
    if isinstance(sent, bool):
        return sent
    told = {"true": True, "false": False, "1": True, "0": False, "on": True, "off": False}.get(_written(sent).lower())
    if told is None:
        raise NotARecord(Fault(column.path, sent, "truth"))
    return told


def _word(sent: object, column: JsonValue, mapping: JsonMapping, times: Times) -> str:
    word = column.words.get(_written(sent), "" if column.words else _written(sent))
    if word not in WORDS[mapping.device_kind, column.column]:
        raise NotARecord(Fault(column.path, sent, "word"))
    return word


def _address(sent: object, column: JsonValue, mapping: JsonMapping, times: Times) -> str:
    if not isinstance(sent, str) or len(sent) > LONGEST_ADDRESS or not ADDRESS.fullmatch(sent):
        raise NotARecord(Fault(column.path, sent, "address"))
    return sent


def _moment_told(sent: object, column: JsonValue, mapping: JsonMapping, times: Times) -> datetime:
    at = _time(sent, column, times)
    if at > times.now + AHEAD:
        raise NotARecord(Fault(column.path, sent, "ahead"))
    return at


_READ: Final[dict[Sort, Callable[[object, JsonValue, JsonMapping, Times], Value]]] = {
    "number": _number,
    "truth": _truth,
    "word": _word,
    "address": _address,
    "time": _moment_told,
}


def _written(sent: object) -> str:
    """A word as mappings write it: 1, 1.0 and "1" are one."""
    if isinstance(sent, bool):
        return "true" if sent else "false"
    if isinstance(sent, int | float):
        return f"{sent:g}"
    return sent if isinstance(sent, str) else ""


# ── what is left ─────────────────────────────────────────────────────────────────────────────────────────────────


def _extra(mapping: JsonMapping, record: Mapping[str, Json]) -> dict[str, str]:
    """What the record says besides, by path: `MOST_EXTRA` plain values at most, as text."""
    used = {mapping.at.path, mapping.mn, mapping.channel, *(column.path for column in mapping.values)}
    heads = {re.split(r"[.\[]", path)[0] for path in used if path and not path.startswith("$.")}
    left = {name: value for name, value in record.items() if name not in heads}
    found: dict[str, str] = {}
    for name, value in _leaves("", left, 0):
        if len(found) >= MOST_EXTRA:
            break
        found[name[:LONGEST_TEXT].replace("\0", "\ufffd")] = _short(value)
    return found


def _leaves(prefix: str, value: Json, depth: int) -> Iterator[tuple[str, Json]]:
    if isinstance(value, dict) and depth < DEEPEST:
        for name, inner in value.items():
            yield from _leaves(f"{prefix}.{name}" if prefix else name, inner, depth + 1)
    elif isinstance(value, list) and depth < DEEPEST:
        for number, inner in enumerate(value[:MOST_EXTRA]):
            yield from _leaves(f"{prefix}[{number}]", inner, depth + 1)
    elif not isinstance(value, dict | list):
        yield prefix, value


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else _written(value) if value is not None else "null"
    return text[:LONGEST_TEXT].replace("\0", "\ufffd").encode(errors="replace").decode()
