"""JSON as makers write it, by mappings that are data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from lingxiu.policy.json_mappings import JsonMapping
from lingxiu.policy.reading import SHIPPED, PolicyRefused, read_folder
from lingxiu.sensing.ways.mapping import MOST_EXTRA, MOST_RECORDS, NotARecord, Times, mn_of, read, records

NOW = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
TIMES = Times(ZoneInfo("Asia/Shanghai"), NOW, timedelta(days=730))
MAPPINGS = {row.id: row for row in read_folder(SHIPPED)[0].json_mappings}
GREASE, CLOUD = MAPPINGS["json-grease"], MAPPINGS["trap-cloud"]
AT = "2026-03-05T11:30:00+08:00"

CLOUD_MESSAGE: dict[str, Any] = {
    "device": {"sn": "GT0001", "lastClean": "20260301093000"},
    "payload": {
        "frames": [
            {
                "ts": 1772681400000,
                "sensors": [
                    {"code": "OIL", "value": 120},
                    {"code": "LVL", "value": 825},
                    {"code": "TMP", "value": 620},
                ],
                "rssi": -71,
            },
            {"ts": 1772683200000, "sensors": [{"code": "LVL", "value": 65535}, {"code": "OIL", "value": 121}]},
        ]
    },
}


def said(**values: Any) -> dict[str, Any]:
    return {"mn": "GT0001", "at": AT, **values}


def why(mapping: JsonMapping, record: Any) -> list[tuple[str, str]]:
    with pytest.raises(NotARecord) as refused:
        read(mapping, record, record, TIMES)
    return [(fault.field, fault.why) for fault in refused.value.faults]


def test_our_own_form_is_read_as_it_stands() -> None:
    record = read(GREASE, said(level_pct=82.5, oil_mm="120", emptied_at="2026-03-01 09:30:00"), None, TIMES)
    assert record.at == datetime(2026, 3, 5, 3, 30, tzinfo=UTC)
    assert record.values == {
        "level_pct": 82.5,
        "oil_mm": 120.0,
        "emptied_at": datetime(2026, 3, 1, 1, 30, tzinfo=UTC),  # without an offset it is the county's time
    }
    assert (record.channel, record.marks, record.extra, record.faults) == (0, {}, {}, ())


def test_a_makers_nested_message_becomes_several_readings() -> None:
    first, second = records(CLOUD, CLOUD_MESSAGE)
    assert mn_of(CLOUD, first, CLOUD_MESSAGE) == "GT0001"
    one, two = (read(CLOUD, record, CLOUD_MESSAGE, TIMES) for record in (first, second))
    assert one.values == {
        "level_pct": pytest.approx(82.5),
        "oil_mm": 120.0,
        "temperature_c": pytest.approx(22.0),
        "emptied_at": datetime(2026, 3, 1, 1, 30, tzinfo=UTC),
    }
    assert one.extra == {"rssi": "-71"}
    assert "level_pct" not in two.values  # 65535 stands for none
    assert two.marks == {}


def test_the_topic_says_whose_it_is_before_the_document_does() -> None:
    assert mn_of(GREASE, said(level_pct=1), None, told="FROM-TOPIC") == "FROM-TOPIC"
    for strange in ("", "a b", "x" * 25, "灵", None, 1.5, True, ["GT0001"]):
        with pytest.raises(NotARecord):
            mn_of(GREASE, {"mn": strange}, None)


@pytest.mark.parametrize(
    ("record", "faults"),
    [
        ({"mn": "GT0001", "level_pct": 1}, [("at", "missing")]),
        (said(at="yesterday", level_pct=1), [("at", "time")]),
        (said(at="2026-03-05T12:11:00+08:00", level_pct=1), [("at", "ahead")]),
        (said(at="2020-01-01T00:00:00Z", level_pct=1), [("at", "too_old")]),
        (said(level_pct=121), [("level_pct", "range")]),
        (said(level_pct="nan"), [("level_pct", "number")]),
        (said(level_pct=float("inf")), [("level_pct", "number")]),
        (said(level_pct=10**400), [("level_pct", "number")]),
        (said(level_pct=True), [("level_pct", "number")]),
        (said(level_pct=-1), [("level_pct", "empty")]),
        (said(level_pct=1, channel=-1), [("channel", "channel")]),
        ([1], [("body", "shape")]),
    ],
)
def test_what_cannot_be_a_reading_says_which_field_and_why(record: Any, faults: list[tuple[str, str]]) -> None:
    assert why(GREASE, record) == faults


def test_one_bad_value_does_not_take_the_good_ones_with_it() -> None:
    record = read(GREASE, said(level_pct=96, temperature_c=999), None, TIMES)
    assert record.values == {"level_pct": 96.0}
    assert record.marks == {"temperature_c": "range"}
    assert [fault.field for fault in record.faults] == ["temperature_c"]


def test_states_are_words_of_ours() -> None:
    gas = MAPPINGS["json-gas"]
    for sent, meant in ((1, "alarm"), (0.0, "normal"), ("fault", "fault"), ("2", "fault")):
        assert read(gas, said(state=sent), None, TIMES).values == {"state": meant}
    assert why(gas, said(state="bang")) == [("state", "word")]


def test_an_address_is_one() -> None:
    camera = MAPPINGS["json-camera"]
    assert read(camera, said(hls_url="https://10.0.0.1/live/1.m3u8"), None, TIMES).values["hls_url"]
    assert why(camera, said(hls_url="javascript:alert(1)")) == [("hls_url", "address")]


def test_what_a_document_may_say_besides_is_bounded() -> None:
    record = read(GREASE, said(level_pct=1, more={f"k{n}": "x" * 10_000 for n in range(500)}), None, TIMES)
    assert len(record.extra) == MOST_EXTRA
    assert max(map(len, record.extra.values())) == 200
    with pytest.raises(NotARecord):
        records(GREASE, [said(level_pct=1)] * (MOST_RECORDS + 1))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(MAPPINGS)),
    json_values
    | st.dictionaries(st.sampled_from(["mn", "at", "level_pct", "state", "channel", "payload"]), json_values),
)
def test_whatever_comes_is_a_record_or_is_refused(name: str, document: Any) -> None:
    mapping = MAPPINGS[name]
    try:
        for record in records(mapping, document):
            mn_of(mapping, record, document)
            read(mapping, record, document, TIMES)
    except NotARecord as refused:
        assert refused.faults


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"values": [{"column": "lel_pct", "path": "v"}]}, "a grease_trap has"),
        ({"topics": ["a/#"]}, "is no topic"),
        ({"mn": "", "topics": ["a/b"]}, "says nowhere whose readings"),
        ({"at": {"path": "a b"}}, "is no path"),
        ({"at": {"path": "t", "format": "whenever"}}, "use iso"),
        ({"device_kind": "toaster"}, "Input should be"),
        ({"values": [{"column": "level_pct", "path": "a"}, {"column": "level_pct", "path": "b"}]}, "twice"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(change: dict[str, Any], word: str) -> None:
    plain = yaml.safe_load((SHIPPED / "json" / "grease.yaml").read_text(encoding="utf-8"))
    with pytest.raises(ValidationError, match=word):
        JsonMapping.model_validate(plain | change)


def test_a_county_is_told_which_file_is_wrong(tmp_path: Path) -> None:
    own = tmp_path / "json"
    own.mkdir()
    for file in (SHIPPED / "json").glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        (own / file.name).write_text(text.replace("path: lel_pct", "path: ''"), encoding="utf-8")
    with pytest.raises(PolicyRefused) as refused:
        read_folder(tmp_path)
    assert "json/gas.yaml" in str(refused.value)
