"""What a packet of a known device says: a frame and its profile make one wide row, our columns, our units.

Decides which number is a value, which is none and why, and which frames are refused. Never stores, never acknowledges, never
reads a clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from hj212 import Deviation, Frame, parse_cp
from hj212.cp import split_unquoted
from lingxiu.policy.device_profiles import DeviceProfile, Factor, Switch

MICROSECONDS: Final = 1_000_000
MINUTE: Final = 60 * MICROSECONDS
EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL's: times of readings are µs since then, as binary COPY takes them."""

PERIODS: Final = {2061: 60 * MINUTE, 2031: 1_440 * MINUTE, 2041: 1_440 * MINUTE}
"""Of hour and day data; that of minute data is the profile's."""
CRC_WAYS: Final = {
    "modbus": Deviation.CRC_MODBUS,
    "constant": Deviation.CRC_CONSTANT,
    "missing": Deviation.CRC_MISSING,
    "short": Deviation.CRC_SHORT,
    "raw_bytes": Deviation.CRC_RAW_BYTES,
}
"""What a profile may accept in place of a right CRC."""
WRONG_LENGTHS: Final = frozenset({Deviation.LENGTH_WRONG, Deviation.LENGTH_IN_CHARACTERS})

AHEAD_LIMIT: Final = 10 * MINUTE
"""A reading further ahead of our clock than this comes from a clock that is wrong; days behind may be a re-send."""


class Reading(NamedTuple):
    """A row of `reading_fume`, in the order COPY takes it; `marks` and `extra` are jsonb as binary COPY takes it."""

    device_id: int
    at: int
    cn: int
    channel: int
    fume_mg_m3: float | None = None
    pm_mg_m3: float | None = None
    nmhc_mg_m3: float | None = None
    temperature_c: float | None = None
    humidity_pct: float | None = None
    fan_a: float | None = None
    purifier_a: float | None = None
    fan_on: bool | None = None
    purifier_on: bool | None = None
    marks: bytes | None = None
    extra: bytes | None = None

    @property
    def key(self) -> Key:
        return self[:4]

    @property
    def values(self) -> tuple[float | bool | None, ...]:
        """What was measured, in the order of the columns."""
        return self[4:13]


Key: TypeAlias = tuple[int, int, int, int]
VALUE_COLUMNS: Final = Reading._fields[4:13]
Values: TypeAlias = list[float | bool | None]
Marks: TypeAlias = dict[str, str]
_ReadColumn: TypeAlias = Callable[[Mapping[str, str], Values, Marks], str | None]


class NotAReading(Exception):
    """A frame that cannot be placed in time; `why` is kept with its bytes."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Understood(NamedTuple):
    """`odd`: why the frame's bytes must be kept as well, empty when nothing was odd. `more`: the rows of other channels."""

    reading: Reading
    odd: str
    more: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class _Column:
    """One reader of one column; the suffixes it uses are not put into `extra`."""

    read: _ReadColumn
    suffixes: tuple[str, ...]
    place: int
    only: tuple[str, ...] = ()
    channel: int = 0
    numbers: tuple[float, float, float] | None = None
    """Scale, lowest, highest, of a measured value."""
    states: Mapping[str, bool] | None = None


class ProfileReader:
    """A profile made ready for many frames. One serves all devices of its profile.

    A device sends the same packet with other numbers all day. So what a data area looks like is learned from the first of its
    kind as a regular expression (`_Shape`), and the next ones are read by that; whatever does not fit, or is in any way out of
    the ordinary, is read item by item. Both ways give the same row: a test holds that.
    """

    def __init__(self, profile: DeviceProfile, zone: ZoneInfo, keep_days: int = 730, *, shapes: bool = True) -> None:
        """`keep_days`: older readings would be dropped at once, so they are none. `shapes`: learn them."""
        self.profile = profile
        self._behind_limit = keep_days * 86_400 * MICROSECONDS
        self._zone = zone
        self._columns: dict[str, list[_Column]] = {}
        for factor in profile.factors:
            self._columns.setdefault(factor.code, []).append(_value_column(factor, profile))
        for switch in profile.switches:
            self._columns.setdefault(switch.code, []).append(_state_column(switch))
        self._bare = frozenset(place.code for place in (*profile.factors, *profile.switches) if "" in place.suffixes)
        self._crc = frozenset(CRC_WAYS[way] for way in profile.accepted_crc if way in CRC_WAYS)
        self._tolerated = frozenset(profile.tolerated) | self._crc
        self._period = profile.sends_every_seconds * MICROSECONDS
        self._names_end = profile.period_named_by == "end"
        self._minutes: dict[str, int] = {}
        self._shapes: dict[tuple[str | None, int], list[_Shape]] = {}
        self._learns = shapes and _is_plain(profile)

    def refuses(self, frame: Frame) -> str:
        """Why nothing may be made of this frame, "" if something may: its CRC, or a length that no CRC makes good."""
        if frame.crc_ok:
            return ""
        if not frame.crc_is_allowed(self._crc):
            return "crc"
        return "length" if frame.outer_deviations & WRONG_LENGTHS - self._tolerated else ""

    def read(self, frame: Frame, device_id: int, now: int, data_time: str | None = None) -> Understood:
        """The frame's row; `data_time` is that of an earlier part, for parts that do not repeat it. `now` in µs.

        Raises: NotAReading.
        """
        cp = frame.cp
        strange = frame.outer_deviations
        if strange and not strange <= self._tolerated:
            return self._read_strange(frame, device_id, now, data_time)
        kind = (frame.cn, cp.count(";"))
        shapes = self._shapes.get(kind, ())
        for shape in shapes:
            found = shape.read(cp)
            if found is not None:
                cn = _command(frame.cn)
                return Understood(
                    Reading._make((device_id, self._time(found[0], cn, now), cn, 0, *found[1], None, found[2])), ""
                )
        understood = self._read_items(frame, device_id, now, data_time)
        if self._learns and len(shapes) < SHAPES_A_KIND and not understood.odd and understood.reading.marks is None:
            learned = _Shape.of(cp, self._columns)
            if learned is not None:
                if len(self._shapes) > KINDS_LEARNED:
                    self._shapes.clear()
                self._shapes.setdefault(kind, []).append(learned)
        return understood

    def sources(self, frame: Frame) -> dict[tuple[int, str], str]:
        """Where the values of its rows stand in the frame, for people: {(channel, column): "a34041-Rtd=0.42"}."""
        found = {}
        for code, sent in self._pieces(frame):
            for column in self._readers(code, sent):
                suffix = next((name for name in column.suffixes if name in sent), None)
                if suffix is not None:
                    name = f"{code}-{suffix}" if suffix else code
                    found[column.channel, VALUE_COLUMNS[column.place]] = f"{name}={sent[suffix]}"
        return found

    def _read_strange(self, frame: Frame, device_id: int, now: int, data_time: str | None) -> Understood:
        """A frame that is not as its profile says, read item by item; what is strange about it comes first."""
        understood = self._read_items(frame, device_id, now, data_time)
        named = " ".join(sorted(frame.outer_deviations - self._tolerated))
        return understood._replace(odd=f"deviation:{named} {understood.odd}".rstrip())

    def _read_items(self, frame: Frame, device_id: int, now: int, data_time: str | None) -> Understood:
        cn = _command(frame.cn)
        items = frame.items()
        at = self._time(items.get("DataTime") or data_time or "", cn, now)
        rows: dict[int, tuple[Values, Marks]] = {0: _no_values()}
        extra: dict[str, str] = {}
        odd: list[str] = []
        for code, sent in self._pieces(frame):
            told = self._told(sent)
            used = {"Flag", self.profile.told_apart_by}
            readers = self._readers(code, sent)
            for column in readers:
                values, marks = rows.setdefault(column.channel, _no_values())
                trouble = column.read(sent, values, marks)
                used.update(column.suffixes)
                if trouble:
                    odd.append(trouble)
            name = f"{code}.{told}" if told else code
            rest = sent.items() if not readers else [pair for pair in sent.items() if pair[0] not in used]
            extra.update((f"{name}-{suffix}" if suffix else name, value) for suffix, value in rest)
        extra.update(item for item in items.items() if item[0] != "DataTime" and item[0] not in self._bare)
        made = [
            Reading._make((device_id, at, cn, channel, *values, to_jsonb(marks), None if channel else to_jsonb(extra)))
            for channel, (values, marks) in rows.items()
        ]
        return Understood(made[0], " ".join(odd), tuple(made[1:]))

    def _readers(self, code: str, sent: Mapping[str, str]) -> list[_Column]:
        """The columns this code feeds, on the channel these values are of."""
        told = self._told(sent)
        return [one for one in self._columns.get(code, ()) if not one.only or told in one.only]

    def _told(self, sent: Mapping[str, str]) -> str:
        """The number of their channel, "" where there is none."""
        return sent.get(self.profile.told_apart_by, "") if self.profile.told_apart_by else ""

    def _pieces(self, frame: Frame) -> Iterable[tuple[str, dict[str, str]]]:
        """Every code with its values, and as often as it stands there where channels are told apart; items that are known, too."""
        if self.profile.told_apart_by:
            for item in split_unquoted(frame.cp, ";"):
                yield from parse_cp(item).factors.items()
        elif self._bare:
            bare = {code: {"": value} for code, value in frame.items().items() if code in self._bare}
            sent = frame.factors()
            yield from ((code, {**sent.get(code, {}), **bare.get(code, {})}) for code in {**sent, **bare})
        else:
            yield from frame.factors().items()

    def _time(self, text: str, cn: int, now: int) -> int:
        """DataTime, local time of the county, 14 digits or 17, as µs; the start of its period where the device names the end."""
        if len(text) not in (14, 17) or not (text.isascii() and text.isdigit()):
            raise NotAReading("time-missing" if not text else "time-unreadable")
        seconds = int(text[12:14])
        if seconds > 59:
            raise NotAReading("time-unreadable")
        minute = self._minutes.get(text[:12])
        if minute is None:
            minute = self._learn_minute(text[:12])
        at = minute + seconds * MICROSECONDS
        if self._names_end and cn != REAL_TIME:
            at -= PERIODS.get(cn, self._period)
        if not now - self._behind_limit < at <= now + AHEAD_LIMIT:
            raise NotAReading("time-ahead" if at > now else "time-too-old")
        return at

    def _learn_minute(self, text: str) -> int:
        try:
            local = datetime(*(int(text[a:b]) for a, b in _MINUTE_PARTS), tzinfo=self._zone)  # type: ignore[misc, arg-type]  # five numbers
        except ValueError:
            raise NotAReading("time-unreadable") from None
        if len(self._minutes) > 10_000:
            self._minutes.clear()
        minute = self._minutes[text] = microseconds(local)
        return minute


class _Shape:
    """What one kind of data area looks like: the names and separators are fixed, the numbers are taken out.

    Only the ordinary fits: every mark N, plain decimal numbers in range, states that are known.
    """

    __slots__ = ("_extra", "_find", "_numbers", "_states", "_time")

    def __init__(self, pattern: str) -> None:
        self._find = re.compile(pattern).fullmatch
        self._time = 0
        self._numbers: list[tuple[int, int, float, float, float]] = []  # group, place, scale, lowest, highest
        self._states: list[tuple[int, int, Mapping[str, bool]]] = []  # group, place, states
        self._extra: list[tuple[int, str]] = []  # group, name

    @classmethod
    def of(cls, cp: str, columns: Mapping[str, list[_Column]]) -> _Shape | None:
        """The shape of this data area, None if it is not plain enough to have one."""
        tokens = _TOKEN.findall(cp)
        names = [name for name, _, _ in tokens]
        if "".join(map("".join, tokens)) != cp or len(set(names)) < len(names) or "DataTime" not in names:
            return None
        shape = cls("".join(_pattern(name, columns) + separator for name, _, separator in tokens))
        groups = [name for name in names if not _is_fixed(name, columns)]
        shape._time = groups.index("DataTime")
        used = {"DataTime"}
        for code in dict.fromkeys(name.partition("-")[0] for name in groups):
            for column in columns.get(code, ()):
                named = [f"{code}-{suffix}" if suffix else code for suffix in column.suffixes]
                used.update(named)
                chosen = next((name for name in named if name in groups), None)
                if chosen is None:
                    continue
                if column.numbers is not None:
                    shape._numbers.append((groups.index(chosen), column.place, *column.numbers))
                elif column.states is not None:
                    shape._states.append((groups.index(chosen), column.place, column.states))
        shape._extra = [(group, name) for group, name in enumerate(groups) if name not in used]
        return shape

    def read(self, cp: str) -> tuple[str, Values, bytes | None] | None:
        """(DataTime, values, extra) of a data area of this shape; None for anything out of the ordinary."""
        found = self._find(cp)
        if found is None:
            return None
        sent = found.groups()
        values: Values = [None] * len(VALUE_COLUMNS)
        try:
            for group, place, scale, lowest, highest in self._numbers:
                value = float(sent[group]) * scale
                if not lowest <= value <= highest:
                    return None
                values[place] = value
            for group, place, states in self._states:
                values[place] = states[sent[group]]
        except (ValueError, KeyError):
            return None
        extra = to_jsonb({name: sent[group] for group, name in self._extra}) if self._extra else None
        return sent[self._time], values, extra


SHAPES_A_KIND: Final = 4
KINDS_LEARNED: Final = 100
"""A device that never says the same thing twice must not fill the memory."""
_TOKEN: Final = re.compile(r"([^;,=\s/&]+)(=[^;,=\s/&]*)([;,]|$)")


def _is_fixed(name: str, columns: Mapping[str, list[_Column]]) -> bool:
    """The mark of a known factor must be N for its packet to be ordinary."""
    code, _, suffix = name.partition("-")
    return suffix == "Flag" and code in columns


def _pattern(name: str, columns: Mapping[str, list[_Column]]) -> str:
    code, _, suffix = name.partition("-")
    if name == "DataTime":
        value = "([0-9]+)"
    elif _is_fixed(name, columns):
        value = "N"
    elif any(column.numbers and suffix in column.suffixes for column in columns.get(code, ())):
        value = "([-+.0-9]+)"
    else:
        value = r"([^;,=\s/&]*)"
    return f"{re.escape(name)}={value}"


def _no_values() -> tuple[Values, Marks]:
    return [None] * len(VALUE_COLUMNS), {}


REAL_TIME: Final = 2011
_MINUTE_PARTS: Final = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12))


def microseconds(moment: datetime) -> int:
    """µs since 2000-01-01 UTC."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment(at: int) -> datetime:
    """The other way round."""
    return EPOCH + timedelta(microseconds=at)


def _command(cn: str | None) -> int:
    if cn is None or len(cn) != 4 or not (cn.isascii() and cn.isdigit()):
        raise NotAReading("cn-unreadable")
    return int(cn)


def to_jsonb(values: Mapping[str, str]) -> bytes | None:
    """jsonb as binary COPY takes it: the format's version, then the text; a NUL, which PostgreSQL refuses, is replaced."""
    if not values:
        return None
    text = json.dumps(values, ensure_ascii=False)
    if "\\u0000" in text:
        clean = {name.replace("\0", "\ufffd"): value.replace("\0", "\ufffd") for name, value in values.items()}
        text = json.dumps(clean, ensure_ascii=False)
    return b"\x01" + text.encode()


def from_jsonb(wire: bytes | None) -> dict[str, str]:
    """What `to_jsonb` was given."""
    return {} if wire is None else json.loads(wire[1:])


def _value_column(factor: Factor, profile: DeviceProfile) -> _Column:
    """Reads one number: missing → nothing; a mark that makes it invalid, a stand-in or no number → null and its mark;
    out of range → null, its mark, and the frame is odd."""
    place = VALUE_COLUMNS.index(factor.column)
    column, suffixes, scale = factor.column, factor.suffixes, factor.scale
    lowest, highest = _range(factor)
    invalid, missing = frozenset(profile.invalid_flags), frozenset(profile.missing_values)

    def read(sent: Mapping[str, str], values: Values, marks: Marks) -> str | None:
        flag = sent.get("Flag", "N")
        if flag != "N":
            marks[column] = flag
            if flag.upper() in invalid:
                return None
        text = next((sent[suffix] for suffix in suffixes if suffix in sent), None)
        if text is None:
            return None
        number = _number(text)
        if number is None or number in missing:
            marks.setdefault(column, "text" if number is None else "missing")
            return None
        value = number * scale
        if not lowest <= value <= highest:
            marks.setdefault(column, "range")
            return f"range:{column}={text}"[:80]
        values[place] = value
        return None

    return _Column(read, suffixes, place, factor.only, factor.channel, numbers=(scale, lowest, highest))


def _range(factor: Factor) -> tuple[float, float]:
    """In our unit; without bounds of its own, what a `real` holds."""
    return (-3e38 if factor.lowest is None else factor.lowest), (3e38 if factor.highest is None else factor.highest)


def _is_plain(profile: DeviceProfile) -> bool:
    """Whether a number in range is always a value, a state always a word, and a code always one thing: then packets may be
    read by their shape."""
    if profile.told_apart_by or any(factor.channel for factor in profile.factors):
        return False
    for factor in profile.factors:
        lowest, highest = _range(factor)
        if any(lowest <= value * factor.scale <= highest for value in profile.missing_values):
            return False
    return all(switch.on_above is None for switch in profile.switches)


def _state_column(switch: Switch) -> _Column:
    """Reads one state: by its code, or by a current above a threshold; a known state that is neither on nor off → null and its
    mark; a code nobody knows → that, and the frame is odd."""
    place = VALUE_COLUMNS.index(switch.column)
    column, suffixes, threshold = switch.column, switch.suffixes, switch.on_above
    states = {_plain(text): True for text in switch.on_values} | {_plain(text): False for text in switch.off_values}
    neither = {_plain(text) for text in switch.neither_values}

    def read(sent: Mapping[str, str], values: Values, marks: Marks) -> str | None:
        text = next((sent[suffix] for suffix in suffixes if suffix in sent), None)
        if not text:
            return None
        state = states.get(text)
        if state is None:
            state = states.get(_plain(text))
        if state is None and threshold is not None:
            current = _number(text)
            state = None if current is None else current > threshold
        if state is None:
            marks[column] = "state"
            return None if _plain(text) in neither else f"state:{column}={text}"[:80]
        values[place] = state
        return None

    written = dict.fromkeys(switch.on_values, True) | dict.fromkeys(switch.off_values, False)
    return _Column(read, suffixes, place, switch.only, states=written)


def _number(text: str) -> float | None:
    """A finite number as devices write it; "1_0", "nan", "inf" and words are none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if -3e38 < number < 3e38 and "_" not in text else None


def _plain(text: str) -> str:
    """ "01", "1.0" and "1" are one state."""
    number = _number(text)
    return text if number is None else f"{number:g}"
