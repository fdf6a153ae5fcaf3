"""The stream: glued, halved, noisy and broken, and never a good frame lost or kept waiting."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hj212 import CrcMismatch, Decoder, Deviation, FrameBroken, SegmentTooLong, encode
from tests.hj212.wire import HEADER, bytewise, feed_in, feed_whole, one, packet, sample, segment, steady

GOOD = packet()
OTHERS = [encode(sample(minute)) for minute in range(20)]
FRAME = one(feed_whole(GOOD))
NOISE = [
    b"\x00\xff\x7f noise \r\n",
    b"+IPD,5:OK\r\nAT+CSQ\r\n",  # a modem talking
    b"#",
    b"##",
    b"###",
    b"##12",
    b"##9999",
    b"##9999A",
    b"##9999QN=2026;ST=31;CP=&&a1-Rtd=1&&",
    b"##0101QN=20260105083000123;ST=31;CN=2011;",
    b"##0000FFFF\r\n",
    b"&&1C80\r\n",
    b"00",
    b"CP=&&&&",
]


def test_glued_frames_come_apart() -> None:
    frames = Decoder().feed(b"".join(OTHERS))
    assert [frame.raw for frame in frames] == [wire[:-2] for wire in OTHERS]


def test_a_frame_in_pieces_comes_whole() -> None:
    for size in (1, 2, 3, 7, 50):
        decoder = Decoder()
        pieces = [GOOD[at : at + size] for at in range(0, len(GOOD), size)]
        assert feed_in(pieces, decoder) == [FRAME]
        assert decoder.skipped == decoder.buffered == 0


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("strict", [False, True])
def test_noise_between_frames_is_skipped_and_counted(noise: bytes, strict: bool) -> None:
    decoder = Decoder(strict)
    frames = decoder.feed(noise + GOOD + noise + GOOD + noise + GOOD)
    assert [frame.raw for frame in frames if frame.crc_ok] == [GOOD[:-2]] * 3
    given_as_frames = sum(len(frame.raw) for frame in frames if not frame.crc_ok)
    assert decoder.skipped + given_as_frames == 3 * len(noise)


def test_half_a_frame_never_costs_the_next_one() -> None:
    for cut in range(len(GOOD) - 2):
        decoder = Decoder()
        assert decoder.feed(GOOD[:cut] + OTHERS[0])[-1].raw == OTHERS[0][:-2], cut


def test_half_a_frame_in_strict_mode_never_costs_the_next_one() -> None:
    for cut in range(len(GOOD)):
        decoder = Decoder(strict=True)
        assert decoder.feed(GOOD[:cut] + OTHERS[0])[0].raw == OTHERS[0][:-2], cut
        assert decoder.skipped == cut


def test_a_frame_that_lost_bytes_never_costs_the_next_one() -> None:
    for at in range(len(GOOD)):
        damaged = GOOD[:at] + GOOD[at + 5 :]
        assert feed_whole(damaged + OTHERS[0])[-1].raw == OTHERS[0][:-2], at


def test_a_header_that_promises_much_keeps_nobody_waiting() -> None:
    decoder = Decoder()
    for wire in OTHERS:
        assert [frame.raw for frame in decoder.feed(b"##4000AT" + wire)] == [wire[:-2]]
    assert decoder.skipped == 8 * len(OTHERS)
    assert all(isinstance(error, FrameBroken) and error.declared == 4000 for error in decoder.refused)


def test_many_false_beginnings_are_open_at_a_time_and_the_good_frame_comes_through() -> None:
    decoder = Decoder()
    assert decoder.feed(b"##0900AT" * 100 + GOOD) == [FRAME]


def test_marks_inside_a_segment_do_not_end_it() -> None:
    """Cipher text of 2025 may hold anything: a header, &&, CR and LF."""
    body = HEADER.encode() + b"CP=&&\x04##0012AB\xff&&12\r\n&&##5Q=\x00\r\n\xfe&&"
    frame = one(feed_whole(packet(body)))
    assert frame.segment == body
    assert frame.crc_ok


def test_marks_inside_a_segment_do_not_end_it_when_its_crc_is_over_something_else() -> None:
    body = HEADER.encode() + b"CP=&&\x04##0012AB\xff\r\n\x00\xfe&&"
    frame = one(feed_whole(packet(body, crc=b"1C80")))
    assert frame.segment == body
    assert frame.deviations == {Deviation.CRC_WRONG, Deviation.TEXT_UNREADABLE}


def test_a_wrong_check_value_is_delivered_for_the_device_s_policy() -> None:
    frame = one(Decoder().feed(packet(crc=b"FFFF")))
    assert not frame.crc_ok
    assert frame.crc_is_allowed({Deviation.CRC_CONSTANT})
    assert not frame.crc_is_allowed({Deviation.CRC_MODBUS})
    assert FRAME.crc_is_allowed(())


def test_a_policy_for_the_whole_line_refuses_what_it_does_not_allow() -> None:
    decoder = Decoder(crc_allowed={Deviation.CRC_CONSTANT})
    frames = decoder.feed(packet(crc=b"FFFF") + packet(crc=b"1C80") + GOOD)
    assert [frame.crc_ok for frame in frames] == [False, True]
    error = decoder.refused[0]
    assert isinstance(error, CrcMismatch)
    assert (error.received, error.expected, error.frame.mn) == (b"1C80", GOOD[-6:-2], FRAME.mn)
    assert decoder.skipped == len(GOOD)


def test_no_crc_at_all_is_refused_by_an_empty_policy() -> None:
    decoder = Decoder(crc_allowed=())
    assert decoder.feed(packet(crc=b"") + GOOD) == [FRAME]


# ---- what comes, or does not come, behind the CRC ----


def test_a_frame_is_delivered_before_its_terminator() -> None:
    decoder = Decoder()
    frame = one(decoder.feed(GOOD[:-2]))
    assert frame.deviations == {Deviation.NO_TERMINATOR}
    assert decoder.feed(b"\r") == []
    assert not frame.deviations
    assert decoder.feed(b"\n" + GOOD) == [FRAME]
    assert not frame.deviations
    assert decoder.skipped == 0


def test_a_late_line_feed_is_still_named() -> None:
    decoder = Decoder()
    frame = one(decoder.feed(GOOD[:-2]))
    decoder.feed(b"\n")
    assert frame.deviations == {Deviation.LF_ONLY}


def test_a_lone_carriage_return_is_named_when_something_else_follows() -> None:
    decoder = Decoder()
    frame = one(decoder.feed(GOOD[:-1]))
    assert not frame.deviations
    assert decoder.feed(GOOD) == [FRAME]
    assert frame.deviations == {Deviation.CR_ONLY}
    assert decoder.skipped == 0


def test_a_carriage_return_may_be_the_last_byte_of_all() -> None:
    decoder = Decoder()
    frame = one(decoder.feed(GOOD[:-1]))
    decoder.close()
    assert frame.deviations == {Deviation.CR_ONLY}
    assert decoder.skipped == 0


# ---- a line that goes quiet, or ends ----

ENDLESS = packet(crc=b"", length="0400", end=b"")  # no CRC, no end, a length that is always the same


def test_a_quiet_line_releases_a_frame_without_crc_and_end() -> None:
    decoder = Decoder()
    assert decoder.feed(ENDLESS) == []
    frame = one(decoder.flush())
    assert frame.segment == segment()
    assert frame.deviations == {Deviation.LENGTH_WRONG, Deviation.CRC_MISSING, Deviation.NO_TERMINATOR}
    assert decoder.buffered == decoder.skipped == 0


def test_the_next_frame_releases_it_too() -> None:
    assert [frame.crc_ok for frame in Decoder().feed(ENDLESS + GOOD)] == [False, True]


def test_a_device_that_sends_nothing_else_is_heard_all_the_same() -> None:
    decoder = Decoder()
    count = len(decoder.feed(ENDLESS * 20) + decoder.flush())
    assert count == 20


def test_a_quiet_line_leaves_half_a_frame_waiting() -> None:
    decoder = Decoder()
    assert decoder.feed(GOOD[:60]) == decoder.flush() == []
    assert decoder.feed(GOOD[60:]) == [FRAME]


def test_nothing_is_guessed_on_a_quiet_line_in_strict_mode() -> None:
    decoder = Decoder(strict=True)
    assert decoder.feed(ENDLESS) == decoder.flush() == []


def test_the_end_of_the_stream_refuses_half_a_frame() -> None:
    decoder = Decoder()
    assert decoder.feed(GOOD[:60]) == decoder.close() == []
    error = decoder.refused[0]
    assert isinstance(error, FrameBroken)
    assert GOOD.startswith(error.beginning)
    assert decoder.skipped == 60
    assert decoder.feed(GOOD) == [FRAME]


# ---- bounds ----


@pytest.mark.parametrize(
    "unit", [b"\x00", b"#", b"##", b"&&", b"##9999A", b"##4000A=&&", b"##0001A", b"##0900QN=1;CP=&&&&"]
)
@pytest.mark.parametrize("strict", [False, True])
def test_no_stream_fills_the_buffer(unit: bytes, strict: bool) -> None:
    decoder = Decoder(strict)
    piece = unit * (4096 // len(unit))
    for _ in range(50):
        decoder.feed(piece)
        assert decoder.buffered <= decoder.max_segment + 24
    assert len(decoder.refused) <= 100


def test_five_megabytes_without_a_frame_leave_nothing_behind() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x7f" * 5_000_000) == []
    assert (decoder.skipped, decoder.buffered, decoder.refused) == (5_000_000, 0, [])


def test_refusals_are_kept_up_to_a_number() -> None:
    decoder = Decoder(max_refused=3)
    decoder.feed(b"##0900AT" * 10 + GOOD)
    assert len(decoder.refused) == 3


def test_a_segment_may_be_longer_than_the_standard_s_in_tolerant_mode_only() -> None:
    long = packet(segment("DataTime=20260105083000;" + ";".join(f"a{number}-Rtd=1" for number in range(150))))
    assert one(feed_whole(long)).deviations == {Deviation.SEGMENT_TOO_LONG}
    decoder = Decoder(strict=True)
    assert decoder.feed(long) == []
    error = decoder.refused[0]
    assert isinstance(error, SegmentTooLong)
    assert (error.declared, error.limit) == (len(long) - 12, 1024)


def test_the_limit_can_be_set() -> None:
    decoder = Decoder(max_segment=100)
    decoder.feed(b"##9999QN=" + b"x" * 1000)
    assert decoder.buffered <= 124


# ---- however it is cut ----

PIECES = st.one_of(
    st.sampled_from([GOOD, ENDLESS, *OTHERS[:3]]),
    st.sampled_from(NOISE),
    st.sampled_from([packet(crc=b"FFFF"), packet(length="0090"), packet(length="0900", crc=b"AB"), packet(end=b"\n")]),
    st.builds(lambda cut: GOOD[:cut], st.integers(0, len(GOOD))),
    st.binary(max_size=20),
)


@settings(steady, max_examples=150)
@given(st.lists(PIECES, max_size=12), st.booleans(), st.data())
def test_frames_errors_and_counts_do_not_depend_on_the_cuts(
    pieces: list[bytes], strict: bool, data: st.DataObject
) -> None:
    stream = b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    ways = ([stream], bytewise(stream), [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)])
    results = []
    for way in ways:
        decoder = Decoder(strict)
        frames = feed_in(way, decoder) + decoder.flush() + decoder.close()
        named = [frame.deviations for frame in frames]
        results.append((frames, named, decoder.skipped, [str(error) for error in decoder.refused]))
        taken = sum(len(frame.raw) for frame in frames)
        assert len(stream) - 2 * len(frames) <= decoder.skipped + taken <= len(stream)
    assert results[0] == results[1] == results[2]
