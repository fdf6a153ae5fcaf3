"""What a packet says, by its profile. No database."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hj212 import Frame, crc_hex
from lingxiu.policy.device_profiles import DeviceProfile, Switch
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing.profiles import NotAReading, ProfileReader, Understood, from_jsonb, microseconds, moment, to_jsonb
from tests.conftest import SHARED_DATA
from tests.sensing.frames import COUNTY, decode, segment_frame

CATALOGUES = read_folder(SHIPPED)[0]
PLAIN = CATALOGUES.profile("plain-2017")
NOW = microseconds(datetime(2026, 3, 5, 12, 0, tzinfo=COUNTY))
HEAD = "QN=20260305120000000;ST=31;CN={cn};PW=123456;MN=330421A0B0C0D0E0F0000001;Flag=5;CP=&&"


def reader(profile: str = "plain-2017", **changes: object) -> ProfileReader:
    return ProfileReader(CATALOGUES.profile(profile).model_copy(update=changes), COUNTY)


def read(
    cp: str, profile: str = "plain-2017", *, cn: str = "2011", time: str = "DataTime=20260305115900;", **changes: object
) -> Understood:
    return reader(profile, **changes).read(decode(segment_frame(HEAD.format(cn=cn) + time + cp + "&&")), 7, NOW)


def extra_of(understood: Understood) -> dict[str, str]:
    return from_jsonb(understood.reading.extra)


def marks_of(understood: Understood) -> dict[str, str]:
    return from_jsonb(understood.reading.marks)


def test_a_packet_becomes_one_wide_row() -> None:
    row, odd, _ = read(
        "a34041-Rtd=0.42,a34041-Flag=N;a34000-Rtd=0.10,a34000-Flag=N;a24088-Rtd=1.5,a24088-Flag=N;"
        "a01001-Rtd=45.0,a01001-Flag=N;a01002-Rtd=61.5,a01002-Flag=N;SB1-RS=1;SB2-RS=0"
    )
    assert row._asdict() == {
        "device_id": 7,
        "at": microseconds(datetime(2026, 3, 5, 3, 59, tzinfo=UTC)),
        "cn": 2011,
        "channel": 0,
        "fume_mg_m3": 0.42,
        "pm_mg_m3": 0.1,
        "nmhc_mg_m3": 1.5,
        "temperature_c": 45.0,
        "humidity_pct": 61.5,
        "fan_a": None,
        "purifier_a": None,
        "fan_on": True,
        "purifier_on": False,
        "marks": None,
        "extra": None,
    }
    assert odd == ""


def test_the_currents_dialect_names_fan_and_purifier_by_their_own_codes_and_has_milliseconds() -> None:
    row, _, _ = read(
        "a34041-Rtd=1.20;ga0601-Rtd=1.8;ga0701-Rtd=1;ga2001-Rtd=2.5;ga2101-Rtd=1.0",
        "ga-currents",
        time="DataTime=20260305115900123;",
    )
    assert (row.fume_mg_m3, row.purifier_a, row.fan_a, row.fan_on, row.purifier_on) == (1.2, 1.8, 2.5, True, True)
    assert moment(row.at) == datetime(2026, 3, 5, 11, 59, tzinfo=COUNTY)


def test_the_states_dialect_takes_two_for_off() -> None:
    row, _, _ = read("a34041-Rtd=0.00,a34041-Flag=N;SB7-RS=2;SB8-RS=2", "sb-states")
    assert (row.fan_on, row.purifier_on) == (False, False)


def test_minute_data_count_by_their_mean_and_keep_the_rest() -> None:
    understood = read("a34041-Min=0.1,a34041-Avg=0.4,a34041-Max=0.9,a34041-Flag=N", cn="2051")
    assert (understood.reading.cn, understood.reading.fume_mg_m3) == (2051, 0.4)
    assert extra_of(understood) == {"a34041-Min": "0.1", "a34041-Max": "0.9"}


@pytest.mark.parametrize("flag", ["D", "B", "M", "C", "F", "T", "d"])
def test_a_mark_that_says_the_value_is_none_leaves_it_out(flag: str) -> None:
    understood = read(f"a34041-Rtd=3.2,a34041-Flag={flag};a34000-Rtd=0.1,a34000-Flag=N")
    assert (understood.reading.fume_mg_m3, understood.reading.pm_mg_m3) == (None, 0.1)
    assert marks_of(understood) == {"fume_mg_m3": flag}
    assert understood.odd == ""


def test_another_mark_stands_beside_the_value() -> None:
    understood = read("a34041-Rtd=3.2,a34041-Flag=U")
    assert (understood.reading.fume_mg_m3, marks_of(understood)) == (3.2, {"fume_mg_m3": "U"})


@pytest.mark.parametrize("text", ["9999.99", "9999", "09999.990"])
def test_the_stand_in_of_2025_is_never_a_value(text: str) -> None:
    understood = read(f"a34041-Rtd={text},a34041-Flag=N")
    assert (understood.reading.fume_mg_m3, marks_of(understood), understood.odd) == (
        None,
        {"fume_mg_m3": "missing"},
        "",
    )


@pytest.mark.parametrize("text", ["NaN", "nan", "inf", "-Infinity", "1_0", "--", "1e999", "abc", ""])
def test_what_is_no_number_is_no_value(text: str) -> None:
    understood = read(f"a34041-Rtd={text},a34041-Flag=N")
    assert (understood.reading.fume_mg_m3, marks_of(understood)) == (None, {"fume_mg_m3": "text"})


@pytest.mark.parametrize("text", ["-0.1", "60.1", "1e9"])
def test_what_lies_outside_the_range_is_odd_and_no_value(text: str) -> None:
    understood = read(f"a34041-Rtd={text},a34041-Flag=N;a34000-Rtd=0.1")
    assert (understood.reading.fume_mg_m3, understood.reading.pm_mg_m3) == (None, 0.1)
    assert marks_of(understood) == {"fume_mg_m3": "range"}
    assert understood.odd == f"range:fume_mg_m3={text}"


def test_a_unit_becomes_ours_by_its_scale_before_the_range_is_asked() -> None:
    factor = CATALOGUES.profile("plain-2017").factors[0].model_copy(update={"scale": 0.001})
    assert read("a34041-Rtd=1500", factors=(factor,)).reading.fume_mg_m3 == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("text", "state"), [("1", True), ("01", True), ("1.0", True), ("0", False), ("0.00", False), ("", None)]
)
def test_a_state_is_read_however_it_is_written(text: str, state: bool | None) -> None:
    assert read(f"SB1-RS={text}").reading.fan_on is state


@pytest.mark.parametrize("text", ["2", "3", "4", "05"])
def test_a_state_that_is_neither_on_nor_off_is_none_and_not_odd(text: str) -> None:
    understood = read(f"SB1-RS={text}")
    assert (understood.reading.fan_on, marks_of(understood), understood.odd) == (None, {"fan_on": "state"}, "")


def test_a_state_nobody_knows_is_odd() -> None:
    understood = read("SB1-RS=7")
    assert (understood.reading.fan_on, marks_of(understood), understood.odd) == (
        None,
        {"fan_on": "state"},
        "state:fan_on=7",
    )


def test_a_current_above_its_threshold_is_a_running_fan() -> None:
    profile = DeviceProfile.model_validate(
        {
            "id": "by-current",
            "label": {"zh": "电流", "en": "current"},
            "device_kind": "fume_monitor",
            "factors": [{"column": "fan_a", "code": "ga2001"}],
            "switches": [{"column": "fan_on", "code": "ga2001", "suffixes": ["Rtd"], "on_above": 0.3}],
        }
    )
    by_current = ProfileReader(profile, COUNTY)
    for amperes, state in (("0.31", True), ("0.3", False)):
        frame = decode(segment_frame(HEAD.format(cn="2011") + f"DataTime=20260305115900;ga2001-Rtd={amperes}&&"))
        row, _, _ = by_current.read(frame, 7, NOW)
        assert (row.fan_a, row.fan_on) == (float(amperes), state)


def test_channels_are_told_apart_by_their_number_and_become_rows_of_their_own() -> None:
    understood = read(
        "006-Rtd=0.77,006-ID=0,006-Flag=N;006-ID=1,006-Rtd=0.48;006-Rtd=0.4,006-ID=9;007-Rtd=35,007-ID=0;a34004-Rtd=0.2;"
        "012-Rtd=1.5,012-ID=1;012-Rtd=0.7,012-ID=2;011-Rtd=1,011-ID=1;011-Rtd=0,011-ID=2",
        "numbers-by-id",
    )
    row, (other,) = understood.reading, understood.more
    assert (row.channel, row.fume_mg_m3, row.temperature_c, row.pm_mg_m3) == (0, 0.77, 35, 0.2)
    assert (row.fan_a, row.purifier_a, row.fan_on, row.purifier_on) == (1.5, 0.7, True, False)
    assert (other.channel, other.fume_mg_m3, other.fan_on, other.extra) == (1, 0.48, None, None)
    assert extra_of(understood) == {"006.9-Rtd": "0.4", "006.9-ID": "9"}
    assert understood.odd == ""


def test_channels_that_have_codes_of_their_own_become_rows_of_their_own_every_time() -> None:
    second = PLAIN.factors[0].model_copy(update={"code": "a34042", "channel": 1})
    ours = reader(factors=(PLAIN.factors[0], second))
    for n in range(3):
        cp = f"DataTime=20260305115900;a34041-Rtd=0.{n};a34042-Rtd=1.{n}&&"
        understood = ours.read(decode(segment_frame(HEAD.format(cn="2011") + cp)), 7, NOW)
        assert [row.fume_mg_m3 for row in (understood.reading, *understood.more)] == [n / 10, 1 + n / 10]


def test_states_without_a_suffix_are_read_and_currents_in_thousandths_become_amperes() -> None:
    understood = read(
        "CONC-Rtd=0.82;S03-Rtd=42.3;FANAD-Rtd=1000;PURIFYAD-Rtd=1001;CONCAD-Rtd=820;FANSTATUS=1;PURIFYSTATUS=0;",
        "conc-words",
    )
    row = understood.reading
    assert (row.fume_mg_m3, row.temperature_c, row.fan_on, row.purifier_on) == (0.82, 42.3, True, False)
    assert (row.fan_a, row.purifier_a) == (pytest.approx(1.0), pytest.approx(1.001))
    assert extra_of(understood) == {"CONCAD-Rtd": "820"}


def test_one_code_has_two_meanings_in_two_dialects() -> None:
    cp = "a34002-Rtd=0.3;a34004-Rtd=0.4"
    words, plain = read(cp, "lampblack-words").reading, read(cp)
    assert (words.pm_mg_m3, words.nmhc_mg_m3) == (0.3, 0.4)
    assert (plain.reading.pm_mg_m3, extra_of(plain)) == (None, {"a34002-Rtd": "0.3", "a34004-Rtd": "0.4"})
    temperature = read("a01001-Rtd=20.5", "a010-states").reading
    assert (temperature.nmhc_mg_m3, temperature.temperature_c) == (20.5, None)


def test_a_purifier_runs_when_it_draws_current() -> None:
    for amperes, state in (("0.21", True), ("0.2", False)):
        row = read(f"a34041-Rtd=0.4;e90201-Rtd={amperes};e90202-Rtd=1", "e902-purifiers").reading
        assert (row.purifier_a, row.purifier_on) == (pytest.approx(float(amperes)), state)


def odd_frame(segment: str, length: int | None = None, crc: bytes | None = None) -> Frame:
    data = segment.encode()
    return decode(b"##%04d%b%b\r\n" % (length or len(data), data, crc_hex(data) if crc is None else crc))


SAID = HEAD.format(cn="2011") + "DataTime=20260305115900;a34041-Rtd=0.5,a34041-Flag=N&&"


def test_a_wrong_crc_is_refused_unless_the_profile_accepts_its_way_of_being_wrong() -> None:
    assert reader().refuses(odd_frame(SAID)) == ""
    for crc, way in ((b"", "missing"), (b"FFFF", "constant")):
        assert reader().refuses(odd_frame(SAID, crc=crc)) == "crc"
        assert reader(accepted_crc=("standard", way)).refuses(odd_frame(SAID, crc=crc)) == ""
    assert reader(accepted_crc=("standard", "missing")).refuses(odd_frame(SAID, crc=b"FFFF")) == "crc"


def test_one_of_length_and_crc_has_to_prove_a_frame_unless_the_profile_tolerates_both_wrong() -> None:
    lax = {"accepted_crc": ("standard", "missing")}
    assert reader().refuses(odd_frame(SAID, length=400)) == ""
    assert reader(**lax).refuses(odd_frame(SAID, crc=b"")) == ""
    assert reader(**lax).refuses(odd_frame(SAID, length=400, crc=b"")) == "length"
    assert reader(**lax, tolerated=("length-wrong",)).refuses(odd_frame(SAID, length=400, crc=b"")) == ""


def test_what_a_frame_does_otherwise_than_its_profile_says_is_read_and_kept_as_odd() -> None:
    swapped = SAID.replace("PW=123456;MN=330421A0B0C0D0E0F0000001", "MN=330421A0B0C0D0E0F0000001;PW=123456")
    for _ in range(2):
        understood = reader().read(odd_frame(swapped, length=400), 7, NOW)
        assert understood.reading.fume_mg_m3 == 0.5
        assert understood.odd == "deviation:field-order length-wrong"
    assert reader(tolerated=("field-order",)).read(odd_frame(swapped), 7, NOW).odd == ""


def test_hours_and_days_named_by_their_end_begin_an_hour_and_a_day_earlier() -> None:
    ends = {"period_named_by": "end"}
    assert moment(read("a34041-Avg=1", cn="2061", **ends).reading.at) == datetime(2026, 3, 5, 10, 59, tzinfo=COUNTY)
    assert moment(read("a34041-Avg=1", cn="2031", **ends).reading.at) == datetime(2026, 3, 4, 11, 59, tzinfo=COUNTY)


def test_what_nobody_knows_is_kept_as_it_was_sent() -> None:
    understood = read("a34041-Rtd=0.4,a34041-EFlag=A1;x99-Rtd=7;Mood=good")
    assert extra_of(understood) == {"a34041-EFlag": "A1", "x99-Rtd": "7", "Mood": "good"}


def test_a_period_named_by_its_end_is_stored_by_its_start_but_a_moment_stays() -> None:
    ends = {"period_named_by": "end", "sends_every_seconds": 600}
    assert moment(read("a34041-Avg=1", cn="2051", **ends).reading.at) == datetime(2026, 3, 5, 11, 49, tzinfo=COUNTY)
    assert moment(read("a34041-Rtd=1", cn="2011", **ends).reading.at) == datetime(2026, 3, 5, 11, 59, tzinfo=COUNTY)


@pytest.mark.parametrize(
    ("time", "why"),
    [
        ("", "time-missing"),
        ("DataTime=;", "time-missing"),
        ("DataTime=2026030511;", "time-unreadable"),
        ("DataTime=20260230115900;", "time-unreadable"),
        ("DataTime=20260305115960;", "time-unreadable"),
        ("DataTime=2026030511590x;", "time-unreadable"),
        ("DataTime=20260305121001;", "time-ahead"),
        ("DataTime=20290101000000;", "time-ahead"),
        ("DataTime=20240101000000;", "time-too-old"),
    ],
)
def test_a_packet_that_cannot_be_placed_in_time_is_no_reading(time: str, why: str) -> None:
    with pytest.raises(NotAReading) as refused:
        read("a34041-Rtd=1", time=time)
    assert refused.value.why == why


def test_a_clock_a_little_ahead_and_data_a_year_old_are_taken() -> None:
    assert read("a34041-Rtd=1", time="DataTime=20260305121000;").reading.fume_mg_m3 == 1.0
    assert read("a34041-Rtd=1", time="DataTime=20250305121000;").reading.fume_mg_m3 == 1.0


def test_a_part_without_its_time_takes_that_of_an_earlier_one() -> None:
    frame = decode(segment_frame(HEAD.format(cn="2011") + "a34041-Rtd=1&&"))
    assert moment(reader().read(frame, 7, NOW, "20260305115900").reading.at) == datetime(
        2026, 3, 5, 11, 59, tzinfo=COUNTY
    )


@given(st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4))
def test_texts_survive_the_wire_form_of_jsonb_but_for_the_nul_postgresql_refuses(texts: dict[str, str]) -> None:
    def clean(text: str) -> str:
        return text.replace("\0", "\ufffd")

    assert from_jsonb(to_jsonb(texts)) == {clean(name): clean(text) for name, text in texts.items()}


@pytest.mark.skipif(not SHARED_DATA.exists(), reason="the field packets are not at hand")
@pytest.mark.parametrize(
    ("record", "profile", "values"),
    [
        (7, "sb-states", {"fume_mg_m3": 0.0, "fan_on": False, "purifier_on": False}),
        (11, "lampblack-words", {"fume_mg_m3": 6.23, "pm_mg_m3": 6.23, "nmhc_mg_m3": 4.23, "cn": 2031}),
    ],
)
def test_field_packets_are_read_by_their_dialect(record: int, profile: str, values: dict[str, object]) -> None:
    with (SHARED_DATA / "hj212-packets.jsonl").open(encoding="utf-8", newline="\n") as lines:
        raw: str = next(one["raw"] for one in map(json.loads, lines) if one["n"] == record)
    frame = decode(raw.encode("latin-1"))
    sent = datetime.strptime(frame.items()["DataTime"], "%Y%m%d%H%M%S").replace(tzinfo=COUNTY)
    understood = reader(profile).read(frame, 7, microseconds(sent))
    assert understood.reading._asdict().items() >= values.items()
    assert understood.odd == ""


MIXED = PLAIN.model_copy(
    update={
        "switches": (
            *PLAIN.switches,
            Switch(column="fan_on", code="FAN", suffixes=("", "RS"), on_values=("1",), off_values=("0",)),
        )
    }
)
numbers = st.one_of(
    st.sampled_from(["0.42", "12", "-1", "9999.99", "nan", "1_0", "", "1.2.3", "+3", "61", "\uff11", "1e1", ".5"]),
    st.floats(0, 70).map(lambda value: f"{value:.2f}"),
)
flags = st.sampled_from(["N", "N", "N", "D", "", "U", "n"])
states = st.sampled_from(["0", "1", "01", "1.0", "7", ""])
some_items = st.lists(
    st.one_of(
        st.builds("a34041-Rtd={},a34041-Flag={}".format, numbers, flags),
        st.builds("a34041-Min={},a34041-Avg={}".format, numbers, numbers),
        st.builds("a34000-Rtd={}".format, numbers),
        st.builds("a01001-Avg={},a01001-EFlag={}".format, numbers, flags),
        st.builds("SB1-RS={}".format, states),
        st.builds("SB2-RS={},SB2-Flag={}".format, states, flags),
        st.builds("x7-Rtd={},x7-Flag={}".format, numbers, flags),
        st.builds("Mood={}".format, numbers),
        st.builds("FAN={}".format, states),
        st.builds("FAN-RS={}".format, states),
        st.builds("i11001-Info=//{}//".format, numbers),
        st.builds("Flag={}".format, flags),
    ),
    max_size=5,
)


@given(kinds=st.lists(some_items, min_size=1, max_size=3), data=st.data())
def test_a_packet_read_by_its_shape_is_the_packet_read_item_by_item(
    kinds: list[list[str]], data: st.DataObject
) -> None:
    """Packets of one kind follow each other with other numbers in them; the first of them teaches its shape."""
    by_shape, by_item = ProfileReader(MIXED, COUNTY), ProfileReader(MIXED, COUNTY, shapes=False)
    times = st.sampled_from(["20260305115900", "20260305115901123", "20260305115", "20290101000000"])
    for _ in range(3):
        for items in kinds:
            drawn = [re.sub(r"=[0-9.]+", lambda _: "=" + data.draw(numbers), item) for item in items]
            cp = ";".join([f"DataTime={data.draw(times)}", *drawn])
            frame = decode(segment_frame(HEAD.format(cn="2011") + cp + "&&"))
            assert outcome(by_shape, frame) == outcome(by_item, frame)


def outcome(reads: ProfileReader, frame: Frame) -> object:
    """What is understood; jsonb knows no order of names."""
    try:
        row, odd, more = reads.read(frame, 7, NOW)
    except NotAReading as refused:
        return refused.why
    return row[:-2], from_jsonb(row.marks), from_jsonb(row.extra), odd, more


def test_ordinary_packets_are_read_by_their_shape() -> None:
    ours = reader()
    for n in range(5):
        cp = f"DataTime=2026030511590{n};a34041-Rtd=0.{n},a34041-Flag=N;SB1-RS=1;x9-Rtd={n}&&"
        ours.read(decode(segment_frame(HEAD.format(cn="2011") + cp)), 7, NOW)
    assert [len(shapes) for shapes in ours._shapes.values()] == [1]


def test_shapes_do_not_fill_the_memory() -> None:
    ours = reader()
    for n in range(400):
        cp = "DataTime=20260305115900;" + ";".join(f"x{n}-Rtd={i}" for i in range(n % 200)) + "&&"
        frame = decode(segment_frame(HEAD.format(cn=f"2{n:03d}") + cp))
        assert ours.read(frame, 7, NOW).reading.cn == 2000 + n
    assert len(ours._shapes) <= 101


def test_one_reader_serves_many_times() -> None:
    ours = reader()
    for n in range(3):
        at = datetime(2026, 3, 5, 11, 0, tzinfo=COUNTY) + timedelta(minutes=n)
        frame = decode(segment_frame(HEAD.format(cn="2011") + f"DataTime={at:%Y%m%d%H%M%S};a34041-Rtd={n}&&"))
        assert ours.read(frame, n, NOW).reading[:5] == (n, microseconds(at), 2011, 0, float(n))
