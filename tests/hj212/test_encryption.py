"""SM4 of the data area (HJ 212-2025): what is encrypted, found again in a stream, and read; and which version a frame follows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from hj212 import (
    MARKS,
    Blocks,
    Decoder,
    Deviation,
    Frame,
    Message,
    Session,
    Side,
    command,
    decrypt,
    encode,
    encrypts,
    is_encrypted,
    version_of,
)
from hj212.crc import crc_hex
from tests.hj212.test_packets import RECORDS, WIRES
from tests.hj212.wire import bytewise, feed_in, one, packet, sample, segment, steady

TEST_KEY = b"0" * 16  # that of the standard's examples


def cipher(key: bytes = TEST_KEY) -> tuple[Blocks, Blocks]:
    """(to encrypt with, to decrypt with)."""
    sm4 = Cipher(algorithms.SM4(key), modes.ECB())
    return lambda data: sm4.encryptor().update(data), lambda data: sm4.decryptor().update(data)


ENCRYPT, DECRYPT = cipher()
DATA = "DataTime=20240520210600;a01011-Min=1.35,a01011-Avg=1.35,a01011-Max=1.35,a01011-Flag=N;a01014-Avg=3.2"


def message(cp: str = DATA, rf: str | None = None) -> Message:
    mn = "010000A8900016F000169DC0"
    return Message("2051", "31", mn, "123456", "20240520210700000", "9", rf=rf, cp=cp)


def decoded(wire: bytes) -> Frame:
    return one(Decoder().feed(wire))


def printed(wire: bytes) -> bytes:
    """The same frame with its cipher text written as the standard prints it."""
    frame = decoded(wire)
    begin, end = frame.data_span
    whole = end - (end - begin) % 16
    text = b"{" + b",".join(b"0x%02X" % byte for byte in frame.raw[begin:whole]) + b"}"
    return frame.raw[:begin] + text + frame.raw[whole:] + b"\r\n"


def test_the_cipher_is_the_one_of_gb_t_32907() -> None:
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    assert cipher(key)[0](key).hex() == "681edf34d206965e86b3e94f536e4246"


def test_whole_blocks_are_encrypted_and_length_and_crc_are_those_of_the_plain_text() -> None:
    plain, sealed = encode(message()), encode(message(), encrypt=ENCRYPT)
    assert len(plain) == len(sealed)
    assert (plain[:6], plain[-6:]) == (sealed[:6], sealed[-6:])
    begin, end = decoded(plain).data_span
    whole = (end - begin) // 16 * 16
    assert sealed[begin : begin + whole] == ENCRYPT(plain[begin : begin + whole])
    assert sealed[begin + whole :] == plain[begin + whole :]


def test_less_than_a_block_stays_plain() -> None:
    short = message("DataTime=2024")
    assert encode(short, encrypt=ENCRYPT) == encode(short)


@pytest.mark.parametrize("form", [lambda wire: wire, printed], ids=["raw bytes", "as printed"])
def test_a_decrypted_frame_is_the_plain_one(form: object) -> None:
    assert callable(form)
    sealed = decoded(form(encode(message(rf="1"), encrypt=ENCRYPT)))
    assert (sealed.crc_ok, is_encrypted(sealed), sealed.factors()) == (False, True, {})
    frame = decrypt(sealed, DECRYPT)
    assert frame.crc_ok
    assert not is_encrypted(frame)
    assert frame == decoded(encode(message(rf="1")))
    assert frame.deviations == ({Deviation.ENCRYPTED_AS_TEXT} if form is printed else set())
    assert frame.factors()["a01011"]["Avg"] == "1.35"
    assert frame.rf == "1"


def test_the_longest_data_area_is_read_in_either_form() -> None:
    longest = message("DataTime=20240520210600;" + "a34041-Rtd=0.42;" * 55 + "a=1")
    wire = encode(longest, encrypt=ENCRYPT)
    for form in (wire, printed(wire)):
        assert decrypt(decoded(form), DECRYPT) == decoded(encode(longest))


def test_a_wrong_key_is_told_by_crc_or_by_what_comes_out() -> None:
    _, wrong = cipher(b"1" * 16)
    for minute in range(300):
        frame = decrypt(decoded(encode(sample(minute % 60, factors=2 + minute // 60), encrypt=ENCRYPT)), wrong)
        assert not frame.crc_ok or is_encrypted(frame)


def test_a_damaged_frame_stays_damaged_after_decryption() -> None:
    wire = bytearray(encode(message(), encrypt=ENCRYPT))
    wire[20] ^= 1
    assert Deviation.CRC_WRONG in decrypt(decoded(bytes(wire)), DECRYPT).deviations


def test_plain_text_of_any_encoding_is_not_taken_for_cipher_text() -> None:
    for text in ("", DATA, "i11001-Info=//清洗管路//", "a=1\tb=2"):
        assert not is_encrypted(decoded(packet(segment(text))))
    gbk = segment("").removesuffix(b"&&") + "i11001-Info=//清洗管路//".encode("gbk") + b"&&"
    assert not is_encrypted(decoded(packet(gbk)))


NASTY = b"\x01&&\r\n&&F001\r\n##12A\x02&&\n"
"""What cipher text may hold by chance: closings, line ends, beginnings."""


@pytest.mark.parametrize("at", range(len(NASTY)))
def test_marks_inside_cipher_text_neither_end_nor_begin_a_frame(at: int) -> None:
    body = b"QN=20240520210700000;ST=31;CN=2051;PW=1;MN=A;Flag=9;CP=&&\x80\x00" + NASTY[at:] + NASTY + b"g=N&&"
    wire = b"##%04d%b%b\r\n" % (len(body), body, crc_hex(b"the plain text, which is not here"))
    following = packet()
    for pieces in ([wire + following], bytewise(wire + following)):
        first, second = feed_in(pieces)
        assert first.segment == body
        assert second.crc_ok


@steady
@given(minute=st.integers(0, 59), factors=st.integers(0, 28), key=st.binary(min_size=16, max_size=16), cut=st.data())
def test_encrypted_frames_come_out_of_a_stream_however_it_is_cut(
    minute: int, factors: int, key: bytes, cut: st.DataObject
) -> None:
    encrypt_with, decrypt_with = cipher(key)
    plain = replace(sample(minute, factors), flag="9")
    stream = encode(plain, encrypt=encrypt_with) + b"noise" + encode(plain, encrypt=encrypt_with)
    at = cut.draw(st.integers(0, len(stream)))
    frames = feed_in([stream[:at], stream[at:]])
    assert [decrypt(frame, decrypt_with).raw + b"\r\n" for frame in frames] == [encode(plain)] * 2


def test_which_commands_are_encrypted() -> None:
    assert all(encrypts(cn) for cn in ("2011", "2051", "2999", "1014", "3020"))
    assert not any(encrypts(cn) for cn in ("1012", "9014", "3019", "20", None))


def test_a_session_encrypts_what_2025_encrypts_and_nothing_else() -> None:
    session = Session(Side.PLATFORM, encrypt=ENCRYPT)
    said = {"st": "31", "mn": "010000A8900016F000169DC0", "pw": "123456", "version": "2025"}
    times = {"BeginTime": "20240520210600", "EndTime": "20240520220600"}
    ask = command("2051", times, qn="20240520210700000", **said)  # type: ignore[arg-type]  # mypy widens the literal
    clock = command("1012", {"SystemTime": "20240520210700"}, qn="20240520210700001", **said)  # type: ignore[arg-type]
    assert is_encrypted(decoded(session.open(ask, 0.0)))
    assert decoded(session.open(clock, 0.0)) == decoded(encode(clock))


def test_the_marks_of_2025_are_those_of_2017_and_f_has_changed_its_meaning() -> None:
    assert MARKS["2025"] == MARKS["2017"]
    assert MARKS["2005"]["F"] != MARKS["2017"]["F"]
    assert "B" not in MARKS["2005"]


@pytest.mark.parametrize(
    ("expected", "header"),
    [
        ("2005", "ST=31;CN=2011;PW=123456;MN=88888880000001;"),
        ("2005", "QN=20260105083000123;ST=31;CN=1011;PW=123456;MN=88888880000001;Flag=1;"),
        ("2005", "ST=31;CN=2072;QN=20260105083000123;PW=123456;MN=888888800000010000000000;"),
        ("2017", "QN=20260105083000123;ST=31;CN=2011;PW=123456;MN=88888880000001;Flag=5;"),
        ("2017", "QN=20260105083000123;ST=31;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=1;"),
        ("2017", "QN=20260105083000123;ST=31;CN=2011;PW=123456;MN=010000A8900016F000169DC0;"),
        ("2025", "QN=20260105083000123;ST=31;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=9;"),
        ("2025", "QN=20260105083000123;ST=31;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=5;RF=1;"),
        ("2025", "QN=20260105083000123;ST=91;CN=9015;PW=123456;MN=88888880000001;Flag=5;"),
    ],
)
def test_a_version_is_told_by_more_than_its_bits(expected: str, header: str) -> None:
    assert version_of(decoded(packet(segment("", header)))) == expected


def test_cipher_text_is_2025_whatever_the_flag_says() -> None:
    assert version_of(decoded(encode(replace(message(), flag="5"), encrypt=ENCRYPT))) == "2025"


@pytest.mark.skipif(not RECORDS, reason="the packets file is not beside the repository")
@pytest.mark.parametrize("number", [5, 6])
def test_the_standards_examples_decrypt_to_its_printed_plain_text(number: int) -> None:
    plain = decoded(WIRES[4])
    frame = decrypt(decoded(WIRES[number]), DECRYPT)
    assert (frame, frame.crc_ok) == (plain, True)
    assert frame.factors() == plain.factors() != {}


@pytest.mark.skipif(not RECORDS, reason="the packets file is not beside the repository")
def test_the_standards_plain_text_encrypts_to_its_printed_cipher_text() -> None:
    assert encode(decoded(WIRES[4]), encrypt=ENCRYPT) == WIRES[5]
    assert printed(WIRES[5]) == WIRES[6]
