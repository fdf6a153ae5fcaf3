"""Mappings: where in a JSON document a maker writes what its device measures, and how that becomes ours. Data, never code.

A path is names joined by dots, with a place in a list by number or by a member's value: `data.sensors[0].v`,
`items[code=LVL].value`. It begins at the record; with `$.` at the whole document.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from pydantic import Field, field_validator, model_validator

from lingxiu.policy.rows import Row, Rule

JsonKind = Literal["fume_monitor", "grease_trap", "gas_alarm", "power_meter", "camera"]
Sort = Literal["number", "truth", "time", "word", "address"]

COLUMNS: Final[dict[JsonKind, dict[str, Sort]]] = {
    "fume_monitor": {
        "fume_mg_m3": "number",
        "pm_mg_m3": "number",
        "nmhc_mg_m3": "number",
        "temperature_c": "number",
        "humidity_pct": "number",
        "fan_a": "number",
        "purifier_a": "number",
        "fan_on": "truth",
        "purifier_on": "truth",
    },
    "grease_trap": {"level_pct": "number", "oil_mm": "number", "temperature_c": "number", "emptied_at": "time"},
    "gas_alarm": {"lel_pct": "number", "state": "word"},
    "power_meter": {"power_w": "number", "energy_kwh": "number", "fan_a": "number", "purifier_a": "number"},
    "camera": {
        "state": "word",
        "hls_url": "address",
        "event": "word",
        "confidence": "number",
        "picture_url": "address",
    },
}
"""Kind of device → what may be told of it, and of which sort each is."""

WORDS: Final[dict[tuple[JsonKind, str], frozenset[str]]] = {
    ("gas_alarm", "state"): frozenset({"normal", "alarm", "fault"}),
    ("camera", "state"): frozenset({"online", "offline"}),
    ("camera", "event"): frozenset(
        {"no_hat", "no_mask", "no_uniform", "smoking", "phone", "rodent", "bin_open", "fire"}
    ),
}
"""What a word may be."""

PATH: Final = re.compile(
    r"(?:\$\.)?[^.\[\]\s]+(?:\[(?:\d{1,3}|[^=\[\]\s]+=[^\[\]]+)\])*(?:\.[^.\[\]\s]+(?:\[(?:\d{1,3}|[^=\[\]\s]+=[^\[\]]+)\])*)*"
)
TOPIC_LEVEL: Final = re.compile(r"\{mn\}|\+|[^+#/{}\x00]+")


def path(text: str) -> str:
    """A path as it is written. Raises ValueError."""
    if not PATH.fullmatch(text):
        raise ValueError(f"{text!r} is no path; one looks like data.sensors[0].value or items[code=LVL].value")
    return text


class JsonTime(Row):
    """When it was measured. `format`: ISO 8601, seconds or milliseconds of the epoch, or a pattern of `strptime`.

    `zone`: of times without an offset; empty: the county's.
    """

    path: str
    format: str = "iso"
    zone: str = ""

    @field_validator("path")
    @classmethod
    def _is_path(cls, value: str) -> str:
        return path(value)

    @field_validator("format")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ("iso", "epoch_s", "epoch_ms") and "%" not in value:
            raise ValueError("use iso, epoch_s, epoch_ms, or a pattern such as %Y%m%d%H%M%S")
        return value


class JsonValue(Row):
    """One column of ours: where it stands, value × scale + offset, in range; words by `words`.

    `missing`: values that stand for none. `format`, `zone`: of a column that is a time, as in JsonTime.
    """

    column: str
    path: str
    scale: float = 1.0
    offset: float = 0.0
    lowest: float | None = None
    highest: float | None = None
    words: dict[str, str] = Field(default_factory=dict)
    missing: tuple[float | str, ...] = ()
    format: str = "iso"
    zone: str = ""

    @field_validator("path")
    @classmethod
    def _is_path(cls, value: str) -> str:
        return path(value)

    @field_validator("words", mode="before")
    @classmethod
    def _as_written(cls, value: object) -> object:
        """YAML reads 0 and on as a number and a truth; a device's word is what stands there."""
        if not isinstance(value, dict):
            return value
        return {_word(key): word for key, word in value.items()}


class JsonMapping(Rule):
    """A maker's JSON. `topics`: of MQTT, `{mn}` where the device's number stands, `+` for any level.

    `mn`: its path, where the topic does not say it. `records`: path of the list of records in one document; empty: the document
    is one, or a list of them. `standard`: our own form of this kind; there is one of each kind.
    """

    device_kind: JsonKind
    topics: tuple[str, ...] = ()
    mn: str = ""
    records: str = ""
    at: JsonTime
    channel: str = ""
    values: tuple[JsonValue, ...] = Field(min_length=1)
    sends_every_seconds: int = Field(60, gt=0)
    standard: bool = False

    @field_validator("mn", "records", "channel")
    @classmethod
    def _is_path(cls, value: str) -> str:
        return path(value) if value else value

    @field_validator("topics")
    @classmethod
    def _are_topics(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for topic in value:
            if not all(TOPIC_LEVEL.fullmatch(level) for level in topic.split("/")) or topic.count("{mn}") > 1:
                raise ValueError(f"{topic!r} is no topic; one looks like kitchen/{{mn}}/grease or vendor/+/up")
        return value

    @model_validator(mode="after")
    def _says_whose_and_what(self) -> JsonMapping:
        if not self.mn and not (self.topics and all("{mn}" in topic for topic in self.topics)):
            raise ValueError("says nowhere whose readings they are: add mn, or {mn} in every topic")
        known = COLUMNS[self.device_kind]
        named = [value.column for value in self.values]
        if unknown := sorted(set(named) - set(known)):
            raise ValueError(f"values name {', '.join(unknown)}; a {self.device_kind} has {', '.join(known)}")
        if len(set(named)) < len(named):
            raise ValueError("values name a column twice; name each once")
        for value in self.values:
            words = WORDS.get((self.device_kind, value.column), frozenset())
            if strange := sorted(set(value.words.values()) - words):
                raise ValueError(
                    f"{value.column}: {', '.join(strange)} means nothing; there are {', '.join(sorted(words))}"
                )
        return self

    def subscriptions(self) -> list[str]:
        """Its topics as a broker is asked for them."""
        return [topic.replace("{mn}", "+") for topic in self.topics]


def _word(key: object) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return f"{key:g}" if isinstance(key, int | float) else str(key)
