"""The check value: the text's own loop, the table, and the fast form are one function."""

from hypothesis import given
from hypothesis import strategies as st

from hj212 import crc_bitwise, crc_hex, crc_modbus, crc_table
from tests.hj212.wire import steady


def test_the_register_takes_the_printed_values_step_by_step() -> None:
    # HJ 212-2017 Annex A, recomputed from its code.
    assert [f"{crc_bitwise(b'QN=2'[:size]):04X}" for size in (1, 2, 3, 4)] == ["BC81", "8581", "7200", "F001"]


@steady
@given(st.binary(max_size=3000))
def test_table_and_fold_equal_the_loop(segment: bytes) -> None:
    expected = crc_bitwise(segment)
    assert crc_table(segment) == expected
    assert crc_hex(segment) == b"%04X" % expected


def test_every_length_up_to_the_longest_folds_right() -> None:
    segment = bytes(range(1, 252)) * 5
    for size in range(1100):
        assert crc_hex(segment[:size]) == b"%04X" % crc_table(segment[:size])


def test_segments_far_beyond_any_frame_are_still_reckoned_right() -> None:
    for size in (8192, 8193, 16384, 16385, 70_000):
        segment = bytes(at % 251 for at in range(size))
        assert crc_hex(segment) == b"%04X" % crc_table(segment)


def test_only_eight_low_bytes_can_occur() -> None:
    # Therefore a received low byte outside them proves another algorithm, and FFFF is never right.
    values = {crc_table(bytes([byte])) for byte in range(256)}
    assert len(values) == 256
    assert {value & 0xFF for value in values} == {0x00, 0x01, 0x40, 0x41, 0x80, 0x81, 0xC0, 0xC1}


@steady
@given(st.binary(min_size=1, max_size=300), st.data())
def test_a_single_wrong_byte_is_always_caught(segment: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(segment) - 1))
    wrong = data.draw(st.integers(1, 255))
    damaged = segment[:at] + bytes([segment[at] ^ wrong]) + segment[at + 1 :]
    assert crc_hex(damaged) != crc_hex(segment)


def test_modbus_is_another_algorithm() -> None:
    assert crc_modbus(b"123456789") == 0x4B37  # the published check value
    assert crc_table(b"123456789") != 0x4B37
