"""What we say ourselves: fields in order, answers in the style of the peer, and no frame that would not come back."""

from datetime import UTC, datetime

import pytest

from hj212 import (
    STANDARD_2005,
    STANDARD_2017,
    STANDARD_2025,
    AckStyle,
    ExeRtn,
    FieldInvalid,
    Frame,
    LocalProtocolError,
    Message,
    QnRtn,
    SegmentOverflow,
    acknowledge_data,
    acknowledge_notice,
    answer_request,
    command,
    encode,
    make_cp,
    make_data_time,
    make_flag,
    make_qn,
    next_qn,
    report_result,
    upload,
)
from tests.hj212.wire import MN, feed_whole, one, packet, sample, segment

QN = "20260105083000123"
UPLOAD = one(feed_whole(packet()))


def text_of(wire: bytes) -> str:
    """The segment of what we would send; strict decoding proves the rest."""
    return wire[6:-6].decode()


def test_the_order_of_2017_puts_qn_in_front() -> None:
    message = Message("2051", "31", MN, "123456", QN, "7", pnum="2", pno="1", cp="DataTime=20260105083000")
    assert text_of(encode(message)) == (
        f"QN={QN};ST=31;CN=2051;PW=123456;MN={MN};Flag=7;PNUM=2;PNO=1;CP=&&DataTime=20260105083000&&"
    )


def test_the_order_of_2005_puts_st_in_front_and_pno_before_pnum() -> None:
    message = Message("2051", "31", "88888880000001", "123456", QN, pnum="2", pno="1", cp="DataTime=20260105083000")
    assert text_of(encode(message, order="2005")) == (
        f"ST=31;CN=2051;QN={QN};PW=123456;MN=88888880000001;PNO=1;PNUM=2;CP=&&DataTime=20260105083000&&"
    )


def test_an_upload_is_built_from_values() -> None:
    message = upload(
        "2011",
        datetime(2026, 1, 5, 8, 30),
        {"a34041": {"Rtd": "0.42", "Flag": "N"}},
        st="31",
        mn=MN,
        pw="123456",
        qn=QN,
    )
    assert encode(message) == packet()


def test_an_upload_of_2005_needs_neither_qn_nor_flag() -> None:
    message = upload("2011", datetime(2026, 1, 5), {}, st="31", mn="1", pw="2", qn=None)
    assert text_of(encode(message, order="2005")) == "ST=31;CN=2011;PW=2;MN=1;CP=&&DataTime=20260105000000&&"


def test_a_message_without_flag_wants_no_answer() -> None:
    assert not Message("2011", "31").wants_ack


def test_a_request_asks_for_an_answer() -> None:
    message = command("1062", {"RtdInterval": "60"}, st="31", mn=MN, pw="123456", qn=QN)
    assert text_of(encode(message)) == f"QN={QN};ST=31;CN=1062;PW=123456;MN={MN};Flag=5;CP=&&RtdInterval=60&&"


def test_flag_is_made_of_bits() -> None:
    assert [make_flag(version) for version in ("2005", "2017", "2025")] == ["0", "4", "8"]
    assert make_flag("2017", ack=True) == "5"
    assert make_flag("2017", numbered=True) == "6"
    assert make_flag("2025", ack=True, numbered=True) == "11"


def test_qn_and_data_time_of_a_moment() -> None:
    at = datetime(2026, 1, 5, 8, 30, 0, 123_999, tzinfo=UTC)
    assert make_qn(at) == QN
    assert make_data_time(at) == "20260105083000"


def test_the_next_qn_is_a_millisecond_later() -> None:
    assert next_qn("20160801085857534") == "20160801085857535"
    assert next_qn("20261231235959999") == "20270101000000000"


@pytest.mark.parametrize("token", ["1617936069734", "", "99999999999999999", "20260230000000000", "99991231235959999"])
def test_a_qn_that_is_no_time_stays_as_it_is(token: str) -> None:
    assert next_qn(token) == token


# ---- answers ----


def test_answers_of_2017_carry_the_qn_in_front() -> None:
    front = f"QN={QN};ST=91;"
    rest = f"PW=123456;MN={MN};Flag=4;"
    assert text_of(acknowledge_data(UPLOAD)) == f"{front}CN=9014;{rest}CP=&&&&"
    assert text_of(acknowledge_notice(UPLOAD)) == f"{front}CN=9013;{rest}CP=&&&&"
    assert text_of(answer_request(UPLOAD, QnRtn.MN_WRONG)) == f"{front}CN=9011;{rest}CP=&&QnRtn=4&&"
    assert text_of(report_result(UPLOAD, ExeRtn.NO_DATA)) == f"{front}CN=9012;{rest}CP=&&ExeRtn=100&&"


def test_answers_of_2025_have_its_flag() -> None:
    assert ";Flag=8;" in text_of(acknowledge_data(UPLOAD, STANDARD_2025))


def test_answers_of_2005_name_the_qn_inside_cp() -> None:
    rest = f"PW=123456;MN={MN};Flag=0;"
    style = STANDARD_2005
    assert text_of(acknowledge_data(UPLOAD, style)) == f"ST=91;CN=9014;CP=&&QN={QN};CN=2011&&"
    assert text_of(acknowledge_notice(UPLOAD, style)) == f"ST=91;CN=9013;{rest}CP=&&QN={QN}&&"
    assert text_of(answer_request(UPLOAD, QnRtn.ACCEPTED, style)) == f"ST=91;CN=9011;{rest}CP=&&QN={QN};QnRtn=1&&"
    assert text_of(report_result(UPLOAD, ExeRtn.DONE, style)) == f"ST=91;CN=9012;{rest}CP=&&QN={QN};ExeRtn=1&&"


def test_a_part_of_2005_is_acknowledged_by_its_numbers() -> None:
    part = one(feed_whole(packet(segment("DataTime=20260105083000", f"ST=31;CN=2051;QN={QN};PW=1;MN=2;PNO=1;PNUM=2;"))))
    assert text_of(acknowledge_data(part, STANDARD_2005)) == f"ST=91;CN=9014;CP=&&QN={QN};CN=2051;PNO=1;PNUM=2&&"


def test_a_platform_of_its_own_style_is_served() -> None:
    # One live platform acknowledges with the upload's ST and Flag=5.
    assert text_of(acknowledge_data(UPLOAD, AckStyle(st="21", flag="5"))).startswith(f"QN={QN};ST=21;CN=9014;")
    same = text_of(acknowledge_data(UPLOAD, AckStyle(st=None, flag="5")))
    assert ";ST=31;" in same
    assert ";Flag=5;" in same


@pytest.mark.parametrize("style", [STANDARD_2005, STANDARD_2017, STANDARD_2025])
def test_every_answer_is_a_conforming_frame(style: AckStyle) -> None:
    for wire in (
        acknowledge_data(UPLOAD, style),
        acknowledge_notice(UPLOAD, style),
        answer_request(UPLOAD, QnRtn.ACCEPTED, style),
        report_result(UPLOAD, ExeRtn.DONE, style),
    ):
        assert one(feed_whole(wire, strict=True)).crc_ok


def test_a_peer_s_odd_field_does_not_break_our_answer() -> None:
    for field in ("QN=a&b", "QN=a//b", "PW=é", "MN=#1", "ST=a&", "CN=20//11"):
        name = field[:3]
        header = "".join(f"{field if item.startswith(name) else item};" for item in segment().decode().split(";")[:6])
        frame = one(feed_whole(packet(segment("", header))))
        for style in (STANDARD_2005, STANDARD_2017, AckStyle(st=None)):
            assert one(feed_whole(acknowledge_data(frame, style))).crc_ok
            assert one(feed_whole(answer_request(frame, QnRtn.REFUSED, style))).crc_ok


# ---- what must not be sent ----


@pytest.mark.parametrize(
    "message",
    [
        Message("20;11", "31"),
        Message("2011", "3 1"),
        Message("2011", "31", mn="a=b"),
        Message("2011", "31", pw="é"),
        Message("2011", "31", qn="##"),
        Message("2011", "31", cp="a&&b"),
        Message("2011", "31", cp="a##0001A"),
    ],
)
def test_a_field_that_would_break_the_frame_is_our_own_fault(message: Message) -> None:
    with pytest.raises(FieldInvalid):
        encode(message)


def test_backfill_cannot_be_marked_in_the_order_of_2005() -> None:
    with pytest.raises(FieldInvalid, match="RF"):
        encode(Message("2011", "31", rf="1"), order="2005")


def test_a_segment_beyond_the_limit_must_be_split() -> None:
    with pytest.raises(SegmentOverflow) as caught:
        encode(sample(factors=80))
    assert caught.value.length > caught.value.limit == 1024


@pytest.mark.parametrize("flag", ["x", "", "256", "²"])
def test_a_flag_that_is_no_number_is_our_own_fault(flag: str) -> None:
    with pytest.raises(LocalProtocolError, match="Flag"):
        _ = Message("2011", flag=flag).wants_ack


@pytest.mark.parametrize("name", ["", "a-b", "a=b", "a;b", "a b", "a//"])
def test_a_name_that_would_read_as_something_else_is_refused(name: str) -> None:
    with pytest.raises(FieldInvalid):
        make_cp({name: "1"})


@pytest.mark.parametrize("value", ["a&&b", "a//b", "##0101QN=1"])
def test_a_value_that_no_quoting_can_carry_is_refused(value: str) -> None:
    with pytest.raises(FieldInvalid):
        make_cp({}, {"i11001": {"Info": value}})


def test_text_with_separators_is_put_between_slashes() -> None:
    assert make_cp({}, {"i11001": {"Info": "range=1;2,3"}}) == "i11001-Info=//range=1;2,3//"


def frame_type_is_encodable(frame: Frame) -> bytes:
    """Held by mypy: a received frame can be sent on."""
    return encode(frame)


def test_a_received_frame_can_be_sent_on() -> None:
    assert frame_type_is_encodable(UPLOAD) == packet()
