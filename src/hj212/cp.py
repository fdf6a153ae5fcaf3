"""The data area, CP: its grammar, read and written. It knows no factor and judges no value.

    DataTime=20240520210600;a34041-Rtd=0.42,a34041-Flag=N;i11001-Info=//text, with = and ;//

`;` stands between items, `,` between the values of one factor, `=` between name and value, `-` between a factor's code and the
suffix that says which of its values it is; log text stands between // and // and may hold any of these (HJ 212-2017 6.6).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from hj212.codes import SUFFIXES
from hj212.deviations import Deviation
from hj212.errors import FieldInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping

_QUOTED: Final = re.compile(r"(//.*?//)", re.DOTALL)
_BLANKS: Final = re.compile(r"//.*?//|\s*([;,=])\s*|^\s+|\s+$", re.DOTALL)
_NAME: Final = re.compile(r"[^;,=&#/\s-]+")
_NEEDS_QUOTES: Final = re.compile(r"[;,=\s]|[^\x00-\x7f]")
_UNSAYABLE: Final = ("&&", "##", "//")


class Body(NamedTuple):
    """A data area, parsed: {item: value}, {factor code: {suffix: value}}, and what was odd."""

    items: dict[str, str]
    factors: dict[str, dict[str, str]]
    deviations: frozenset[Deviation]


def parse_cp(text: str) -> Body:
    """`;` between items, `,` between the values of one factor, `=` between name and value; log text stands in // //."""
    found: set[Deviation] = set()
    items: dict[str, str] = {}
    factors: dict[str, dict[str, str]] = {}
    if text.split(None, 1) != [text]:  # the fastest question for "any blank in here?"
        text = _without_blanks(text, found)
    quoted = "//" in text
    for item in split_unquoted(text, ";") if quoted else text.split(";"):
        about: str | None = None  # the factor this item speaks of: None before its first value, "" after a plain one
        for pair in split_unquoted(item, ",") if quoted else item.split(","):
            name, equals, value = pair.partition("=")
            if not value:
                found.add(_emptiness(pair, equals))
                if not equals:
                    continue
            elif quoted:
                value = _unquoted(value)
            code, dash, suffix = name.partition("-")
            if not dash:
                code = ""
                _add_item(items, name, value, found)
            if about is None:
                if code in factors:
                    found.add(Deviation.SEMICOLON_INSIDE_FACTOR)
            elif code != about or not dash:
                found.add(Deviation.COMMA_BETWEEN_ITEMS)
            about = code
            if not dash:
                continue
            values = factors.setdefault(code, {})
            if suffix in values:
                found.add(Deviation.FACTOR_REPEATED)
            elif suffix not in SUFFIXES:
                found.add(Deviation.SUFFIX_UNKNOWN)
            values[suffix] = value
    _judge_data_time(items.get("DataTime"), found)
    return Body(items, factors, frozenset(found))


def _add_item(items: dict[str, str], name: str, value: str, found: set[Deviation]) -> None:
    if name == "Flag":
        found.add(Deviation.BARE_FLAG)
    if name in items:
        found.add(Deviation.ITEM_REPEATED)
    else:
        items[name] = value


def _emptiness(pair: str, equals: str) -> Deviation:
    if equals:
        return Deviation.EMPTY_VALUE
    return Deviation.ITEM_WITHOUT_VALUE if pair else Deviation.EMPTY_ITEM


def _judge_data_time(text: str | None, found: set[Deviation]) -> None:
    if text is None or len(text) == 14:
        return
    found.add(Deviation.DATA_TIME_17 if len(text) == 17 else Deviation.DATA_TIME_FORM)


def _without_blanks(text: str, found: set[Deviation]) -> str:
    """Blanks at separators and ends go; those inside a value or a log text stay."""

    def tidy(match: re.Match[str]) -> str:
        return match[1] or ("" if match[0].isspace() else match[0])

    tidied = _BLANKS.sub(tidy, text)
    if tidied != text:
        found.add(Deviation.BLANKS)
    return tidied


def split_unquoted(text: str, separator: str) -> list[str]:
    """`text.split(separator)`, blind to what stands between // and //."""
    pieces = [""]
    for index, chunk in enumerate(_QUOTED.split(text)):
        if index % 2:
            pieces[-1] += chunk
            continue
        first, *rest = chunk.split(separator)
        pieces[-1] += first
        pieces += rest
    return pieces


def _unquoted(value: str) -> str:
    return value[2:-2] if len(value) >= 4 and value.startswith("//") and value.endswith("//") else value


def make_cp(items: Mapping[str, str] | None = None, factors: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """The data area that `parse_cp` reads back: items first, then one item a factor. Log text gets its //."""
    pieces = [f"{_checked_name(name)}={_value(name, value)}" for name, value in (items or {}).items()]
    for code, values in (factors or {}).items():
        pairs = (
            f"{_checked_name(code)}-{_checked_name(suffix)}={_value(suffix, value)}" for suffix, value in values.items()
        )
        pieces.append(",".join(pairs))
    return ";".join(pieces)


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise FieldInvalid("name", name)
    return name


def _value(name: str, value: str) -> str:
    if any(mark in value for mark in _UNSAYABLE):
        raise FieldInvalid(name, value)
    return f"//{value}//" if _NEEDS_QUOTES.search(value) else value
