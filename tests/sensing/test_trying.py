"""Trying a profile: what becomes of pasted bytes, frame by frame, and which dialect explains them. No database."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hj212 import Deviation, Frame
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing.profiles import ProfileReader
from lingxiu.sensing.trying import MOST_FRAMES, Became, Tried, Value, bytes_of, find_frames, rank, try_frame
from tests.sensing.frames import COUNTY, segment_frame

CATALOGUES = read_folder(SHIPPED)[0]
NOW = datetime(2026, 3, 5, 12, 0, tzinfo=COUNTY)
MN = "330421A0B0C0D0E0F0000001"
HEAD = f"QN=20260305115901000;ST=31;CN={{cn}};PW=123456;MN={MN};Flag=5;CP=&&"
SAID = HEAD.format(cn="2011") + "DataTime=20260305115900;a34041-Rtd=0.42,a34041-Flag=N;SB1-RS=1;x9-Rtd=7&&"


def reader(profile: str = "plain-2017") -> ProfileReader:
    return ProfileReader(CATALOGUES.profile(profile), COUNTY, shapes=False)


def tried(data: bytes, profile: str = "plain-2017", version: str = "") -> Tried:
    (frame,) = find_frames(data).frames
    return try_frame(frame, reader(profile), NOW, COUNTY, version)


def test_a_good_frame_becomes_a_reading_and_every_word_of_it_is_accounted_for() -> None:
    one = tried(segment_frame(SAID))
    assert (one.became, one.why, one.at) == (Became.READING, "", datetime(2026, 3, 5, 11, 59, tzinfo=COUNTY))
    assert one.values == (
        Value(0, "fume_mg_m3", 0.42, "a34041-Rtd=0.42", ""),
        Value(0, "fan_on", True, "SB1-RS=1", ""),
    )
    assert one.kept == {"x9-Rtd": "7"}
    assert one.fields[:2] == [("QN", "20260305115901000"), ("ST", "31")]
    assert one.deviations == []
    assert (one.length.ok, one.crc.ok) == (True, True)


def test_a_wrong_check_value_is_refused_and_the_right_one_is_told() -> None:
    right = segment_frame(SAID).strip()
    one = tried(right[:-4] + b"0759\r\n")
    assert (one.became, one.why, one.understood) == (Became.REFUSED, "crc", 2)
    assert (one.crc.sent, one.crc.right) == ("0759", right[-4:].decode())
    assert one.corrected == right


def test_a_wrong_length_is_read_and_the_right_one_is_told() -> None:
    right = segment_frame(SAID).strip()
    one = tried(b"##0400" + right[6:] + b"\r\n")
    assert (one.became, one.why) == (Became.ODD, "deviation:length-wrong")
    assert (one.length.sent, one.length.right, one.length.ok) == ("0400", right[2:6].decode(), False)
    assert one.corrected == right
    assert one.deviations == [Deviation.LENGTH_WRONG]


@pytest.mark.parametrize(
    ("time", "why", "values"),
    [
        ("DataTime=20190813155800;", "time-too-old", 1),
        ("DataTime=20270813155800;", "time-ahead", 1),
        ("", "time-missing", 1),
        ("DataTime=20190230155800;", "time-unreadable", 0),
    ],
)
def test_a_frame_of_another_time_shows_its_values_all_the_same(time: str, why: str, values: int) -> None:
    one = tried(segment_frame(HEAD.format(cn="2011") + time + "a34041-Rtd=0.42&&"))
    assert (one.became, one.why, one.at, one.understood) == (Became.UNPLACED, why, None, values)


def test_a_value_that_is_none_says_why() -> None:
    one = tried(segment_frame(HEAD.format(cn="2051") + "DataTime=20260305115900;a34041-Avg=9999.99;a34000-Avg=900&&"))
    assert one.values == (
        Value(0, "fume_mg_m3", None, "a34041-Avg=9999.99", "missing"),
        Value(0, "pm_mg_m3", None, "a34000-Avg=900", "range"),
    )
    assert (one.became, one.why) == (Became.ODD, "range:pm_mg_m3=900")


def test_channels_are_shown_each() -> None:
    cp = "DataTime=20260305115900;006-Rtd=0.5;006-Rtd=0.7,006-ID=1;012-Rtd=1.5,012-ID=1"
    one = tried(segment_frame(HEAD.format(cn="2011") + cp + "&&"), "numbers-by-id")
    assert [(value.channel, value.column, value.value) for value in one.values] == [
        (0, "fume_mg_m3", 0.5), (0, "fan_a", 1.5), (1, "fume_mg_m3", 0.7)
    ]  # fmt: skip


@pytest.mark.parametrize(("cn", "why"), [("9021", "login"), ("9015", "notice"), ("9014", "answer"), ("1062", "cn")])
def test_what_is_no_measurement_is_talk(cn: str, why: str) -> None:
    one = tried(segment_frame(HEAD.format(cn=cn) + "&&"))
    assert (one.became, one.why, one.values) == (Became.TALK, why, ())


def test_a_frame_without_an_mn_is_refused() -> None:
    one = tried(segment_frame(SAID.replace(f"MN={MN};", "")))
    assert (one.became, one.why) == (Became.REFUSED, "mn")


@pytest.mark.parametrize(
    ("version", "remarks"),
    [("", ()), ("2017", ()), ("2005", ("version-bits", "mn-length")), ("2025", ("version-bits",)), ("1999", ())],
)
def test_a_version_that_is_meant_is_held_against_the_frame(version: str, remarks: tuple[str, ...]) -> None:
    assert tried(segment_frame(SAID), version=version).remarks == remarks


def test_what_only_2025_has_is_said_of_the_others() -> None:
    again = SAID.replace("Flag=5;", "Flag=9;RF=1;")
    assert tried(segment_frame(again), "plain-2025", "2025").remarks == ()
    assert tried(segment_frame(again), "plain-2025", "2017").remarks == ("version-bits", "rf")


# ── what is pasted ──


def test_frames_are_pasted_as_text_or_hex_or_as_our_pages_show_them() -> None:
    frame = segment_frame(SAID)
    text = frame.decode()
    for pasted in (text, frame.hex(), frame.hex(" ").upper(), ", ".join(f"0x{byte:02X}" for byte in frame)):
        assert find_frames(bytes_of(pasted)).frames == find_frames(frame).frames
    shown = text.replace("\r", "\\r").replace("\n", "\\n")
    assert bytes_of(shown) == frame
    assert bytes_of("\\x00\\xe4A") == b"\x00\xe4A"


def test_text_that_looks_a_little_like_hex_is_text() -> None:
    assert bytes_of("12") == b"12"
    assert bytes_of("ab cd") == b"ab cd"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"hello", "no-start"),
        (b"## QN=1;CP=&&&&", "no-length"),
        (b"##0010QN=1;ST=31", "no-data"),
        (SAID.replace("&&", "", 1).encode(), "no-start"),
        (b"##0200" + SAID.encode()[:-2], "never-closed"),
    ],
)
def test_bytes_without_a_frame_are_told_why(data: bytes, why: str) -> None:
    found = find_frames(data)
    assert (found.frames, found.why) == ([], why)
    assert found.skipped == len(data)


def test_more_frames_than_fit_are_counted() -> None:
    found = find_frames(segment_frame(SAID) * (MOST_FRAMES + 3))
    assert (len(found.frames), found.more) == (MOST_FRAMES, 3)


@given(st.binary(max_size=300))
def test_whatever_is_pasted_is_answered(data: bytes) -> None:
    for frame in find_frames(data + b"##0020" + data + b"&&").frames:
        try_frame(frame, reader(), NOW, COUNTY)


@given(st.text(max_size=100))
def test_whatever_stands_in_a_data_area_is_answered_by_every_profile(cp: str) -> None:
    found = find_frames(segment_frame(HEAD.format(cn="2011") + cp + "&&"))
    for one in rank(found.frames, [reader(profile.id) for profile in CATALOGUES.devices], NOW, COUNTY):
        assert one.values > 0


# ── which dialect is it? ──


@pytest.mark.parametrize(
    ("cp", "profile"),
    [
        ("a34041-Rtd=0.4;a34000-Rtd=0.1;a24088-Rtd=1;a01001-Rtd=20;a01002-Rtd=50;SB1-RS=1;SB2-RS=1", "plain-2017"),
        ("a34041-Rtd=0.00,a34041-Flag=N;SB7-RS=2;SB8-RS=2", "sb-states"),
        ("a34041-Rtd=1.2;ga0601-Rtd=1.8;ga0701-Rtd=1;ga2001-Rtd=2.5;ga2101-Rtd=1", "ga-currents"),
        ("006-Rtd=0.5,006-ID=0;012-Rtd=1.5,012-ID=1;011-Rtd=1,011-ID=1", "numbers-by-id"),
        ("CONC-Rtd=0.82;FANAD-Rtd=1000;PURIFYAD-Rtd=1001;FANSTATUS=1;PURIFYSTATUS=1", "conc-words"),
        ("LAMPBLACK-Rtd=6.23,LAMPBLACK-Flag=N;PM-Rtd=6.23;NMHC-Rtd=4.23", "lampblack-words"),
        ("a34041-Rtd=0.4;a01001-Rtd=90;a01018-Rtd=1;a01022-Rtd=1", "a010-states"),
        ("a34041-Rtd=0.4;e90201-Rtd=1.2", "e902-purifiers"),
    ],
)
def test_the_profile_that_understands_most_comes_first(cp: str, profile: str) -> None:
    frames: list[Frame] = find_frames(
        segment_frame(HEAD.format(cn="2011") + "DataTime=20260305115900;" + cp + "&&")
    ).frames
    assert best(frames) == profile


def test_a_profile_that_accepts_what_the_others_refuse_comes_first() -> None:
    segment = f"ST=31;CN=2011;PW=000000;MN={MN};CP=&&DataTime=20260305115900;SB0-RS=3;B01-Rtd=00.58;S03-Rtd=024.0&&"
    assert best(find_frames(f"##0400{segment}".encode()).frames) == "facility-classes"


def best(frames: list[Frame]) -> str:
    return rank(frames, [reader(profile.id) for profile in CATALOGUES.devices], NOW, COUNTY)[0].profile.id
