"""Conversations, seen from both ends at once: what one says is fed to the other."""

import pytest

from hj212 import (
    STANDARD_2005,
    TRANSITIONS,
    AckStyle,
    ConversationExists,
    ConversationUnknown,
    Event,
    ExeRtn,
    FieldInvalid,
    Frame,
    GivenUp,
    Kind,
    Message,
    NoticeReceived,
    Progressed,
    QnRtn,
    RequestReceived,
    Resend,
    Session,
    Side,
    State,
    Step,
    StepNotAllowed,
    TooManyConversations,
    Unexpected,
    UploadReceived,
    command,
)
from tests.hj212.wire import MN, feed_whole, one, sample

QN = "20260105083000123"
UPLOAD = sample()


def frame_of(wire: bytes) -> Frame:
    return one(feed_whole(wire))


def asking(cn: str, qn: str = QN, *, version: str = "2017") -> Message:
    return command(cn, st="31", mn=MN, pw="123456", qn=qn, version="2005" if version == "2005" else "2017")


class Line:
    """A device and a platform, and a line between them that delivers at once."""

    def __init__(self, style: AckStyle | None = None) -> None:
        style = style or AckStyle()
        self.device = Session(Side.DEVICE, style=style)
        self.platform = Session(Side.PLATFORM, style=style)

    def to_platform(self, wire: bytes, now: float = 0.0) -> Event:
        return self.platform.receive(frame_of(wire), now)

    def to_device(self, wire: bytes, now: float = 0.0) -> Event:
        return self.device.receive(frame_of(wire), now)


def progressed(event: Event) -> Progressed:
    assert isinstance(event, Progressed), event
    return event


# ---- uploads ----


@pytest.mark.parametrize("style", [AckStyle(), STANDARD_2005, AckStyle(st="21", flag="5")])
def test_an_upload_is_acknowledged(style: AckStyle) -> None:
    line = Line(style)
    received = line.to_platform(line.device.open(UPLOAD, 0.0))
    assert isinstance(received, UploadReceived)
    assert received.conversation is None
    end = progressed(line.to_device(line.platform.acknowledge(received.frame)))
    assert (end.step, end.conversation.state) == (Step.DATA_ACK, State.DONE)
    assert line.device.next_due() is None


def test_an_upload_that_wants_no_answer_is_over_at_once() -> None:
    device = Session(Side.DEVICE)
    device.open(Message("2011", "31", MN, "123456", QN, "4"), 0.0)
    assert device.next_due() is None


def test_an_upload_without_answer_is_sent_again_with_the_same_qn_and_given_up() -> None:
    device = Session(Side.DEVICE, timeout=10.0, retries=3)
    wire = device.open(UPLOAD, 0.0)
    assert device.next_due() == 10.0
    assert device.tick(9.9) == []
    for now in (10.0, 20.0, 30.0):
        (again,) = device.tick(now)
        assert isinstance(again, Resend)
        assert again.data == wire
    (end,) = device.tick(40.0)
    assert isinstance(end, GivenUp)
    assert end.conversation.state is State.GIVEN_UP
    assert device.tick(1000.0) == []


def test_an_acknowledgement_that_comes_twice_is_unexpected_the_second_time() -> None:
    line = Line()
    ack = line.platform.acknowledge(frame_of(line.device.open(UPLOAD, 0.0)))
    progressed(line.to_device(ack))
    assert isinstance(line.to_device(ack), Unexpected)


def test_a_part_is_acknowledged_by_its_own_qn() -> None:
    line = Line()
    first, second = (line.device.open(sample(minute), 0.0) for minute in (1, 2))
    end = progressed(line.to_device(line.platform.acknowledge(frame_of(second))))
    assert end.conversation.qn == sample(2).qn
    assert line.device.next_due() == 10.0
    assert frame_of(first).qn == sample(1).qn


# ---- requests ----


def test_a_request_is_answered_served_and_ended() -> None:
    line = Line()
    request = line.to_device(line.platform.open(asking("2051"), 0.0))
    assert isinstance(request, RequestReceived)
    answer = progressed(line.to_platform(line.device.answer(QN, QnRtn.ACCEPTED)))
    assert (answer.step, answer.code, answer.conversation.state) == (Step.ACCEPT, 1, State.AWAITING_RESULT)
    data = line.to_platform(line.device.send_data(QN, Message("2051", "31", MN, "123456", flag="4")), now=50.0)
    assert isinstance(data, UploadReceived)
    assert data.conversation is answer.conversation
    assert line.platform.next_due() == 170.0
    end = progressed(line.to_platform(line.device.report(QN, ExeRtn.DONE, 60.0)))
    assert (end.step, end.code, end.conversation.state) == (Step.RESULT, 1, State.DONE)
    assert line.platform.next_due() is None


def test_a_refusal_ends_a_request() -> None:
    line = Line()
    line.to_device(line.platform.open(asking("1072"), 0.0))
    end = progressed(line.to_platform(line.device.answer(QN, QnRtn.PW_WRONG)))
    assert (end.code, end.conversation.state) == (3, State.REFUSED)


def test_an_accepted_request_may_still_fail() -> None:
    # Seen live: 9011 with 1, then 9012 with 2.
    line = Line()
    line.to_device(line.platform.open(asking("1012"), 0.0))
    line.to_platform(line.device.answer(QN, QnRtn.ACCEPTED))
    end = progressed(line.to_platform(line.device.report(QN, ExeRtn.FAILED, 0.0)))
    assert (end.code, end.conversation.state) == (2, State.DONE)


def test_in_2005_the_result_is_acknowledged_too() -> None:
    line = Line(STANDARD_2005)
    line.to_device(line.platform.open(asking("1011", version="2005"), 0.0))
    line.to_platform(line.device.answer(QN, QnRtn.ACCEPTED))
    result = line.device.report(QN, ExeRtn.DONE, 0.0)
    assert progressed(line.to_platform(result)).conversation.state is State.AWAITING_RESULT_ACK
    assert [type(event) for event in line.device.tick(10.0)] == [Resend]
    ack = line.platform.acknowledge(frame_of(result))
    assert progressed(line.to_device(ack)).conversation.state is State.DONE
    # Had that 9014 been lost, the 9012 would come again and be acknowledged again.
    assert isinstance(line.to_platform(result), Unexpected)
    assert line.platform.acknowledge(frame_of(result)) == ack


def test_a_request_without_answer_is_repeated_and_carried_out_once() -> None:
    line = Line()
    line.to_device(line.platform.open(asking("1012"), 0.0))
    answer = line.device.answer(QN, QnRtn.ACCEPTED)
    (again,) = line.platform.tick(10.0)
    assert isinstance(again, Resend)
    repeated = line.to_device(again.data)
    assert isinstance(repeated, RequestReceived)
    assert repeated.repeated
    assert repeated.resend == answer
    line.to_platform(answer)
    result = line.device.report(QN, ExeRtn.DONE, 11.0)
    repeated = line.to_device(again.data)
    assert isinstance(repeated, RequestReceived)
    assert repeated.resend == result


def test_after_the_answer_only_the_result_is_awaited() -> None:
    line = Line()
    line.to_device(line.platform.open(asking("2011"), 0.0))
    line.to_platform(line.device.answer(QN, QnRtn.ACCEPTED), now=5.0)
    assert line.platform.next_due() == 125.0
    (end,) = line.platform.tick(125.0)
    assert isinstance(end, GivenUp)


def test_an_answer_without_a_code_is_a_refusal() -> None:
    line = Line()
    line.platform.open(asking("1011"), 0.0)
    reply = Message("9011", "91", MN, "123456", QN, "4")
    end = progressed(line.to_platform(Session(Side.DEVICE).open(reply, 0.0)))
    assert (end.code, end.conversation.state) == (None, State.REFUSED)


# ---- notices ----


def test_a_notice_of_the_device_is_acknowledged() -> None:
    line = Line()
    received = line.to_platform(line.device.open(asking("1013"), 0.0))
    assert isinstance(received, NoticeReceived)
    end = progressed(line.to_device(line.platform.acknowledge(received.frame)))
    assert (end.step, end.conversation.kind, end.conversation.state) == (Step.NOTICE_ACK, Kind.NOTICE, State.DONE)


def test_a_notice_of_the_platform_is_acknowledged() -> None:
    line = Line()
    received = line.to_device(line.platform.open(asking("2012"), 0.0))
    assert isinstance(received, NoticeReceived)
    assert progressed(line.to_platform(line.device.acknowledge(received.frame))).conversation.state is State.DONE


def test_the_heartbeat_of_2025_is_a_notice_and_a_vendor_s_login_an_upload() -> None:
    line = Line()
    assert isinstance(line.to_platform(line.device.open(asking("9015"), 0.0)), NoticeReceived)
    assert isinstance(line.to_platform(line.device.open(asking("9021", "20260105083000124"), 0.0)), UploadReceived)


# ---- what is not allowed ----


def test_a_reply_to_nothing_is_unexpected_and_changes_nothing() -> None:
    platform = Session(Side.PLATFORM)
    reply = frame_of(Session(Side.DEVICE).open(Message("9012", "91", MN, "1", QN, "4", cp="ExeRtn=1"), 0.0))
    event = platform.receive(reply, 0.0)
    assert isinstance(event, Unexpected)
    assert event.error.frame is reply


def test_a_step_out_of_turn_by_the_peer_is_unexpected() -> None:
    line = Line()
    line.platform.open(asking("1011"), 0.0)
    result = Message("9012", "91", MN, "1", QN, "4", cp="ExeRtn=1")
    event = line.to_platform(Session(Side.DEVICE).open(result, 0.0))
    assert isinstance(event, Unexpected)
    assert "awaiting answer" in event.error.why


def test_a_step_out_of_turn_by_us_is_raised() -> None:
    line = Line()
    line.to_device(line.platform.open(asking("1011"), 0.0))
    with pytest.raises(StepNotAllowed) as caught:
        line.device.report(QN, ExeRtn.DONE, 0.0)
    assert (caught.value.kind, caught.value.state, caught.value.step) == (
        Kind.REQUEST,
        State.AWAITING_ANSWER,
        Step.RESULT,
    )


def test_a_request_nobody_made_cannot_be_answered() -> None:
    with pytest.raises(ConversationUnknown):
        Session(Side.DEVICE).answer(QN, QnRtn.ACCEPTED)


def test_a_qn_is_used_once_at_a_time() -> None:
    device = Session(Side.DEVICE)
    device.open(UPLOAD, 0.0)
    with pytest.raises(ConversationExists):
        device.open(UPLOAD, 0.0)


def test_an_answer_cannot_be_wanted_without_a_qn() -> None:
    with pytest.raises(FieldInvalid, match="QN"):
        Session(Side.DEVICE).open(Message("2011", "31", flag="5"), 0.0)


def test_open_conversations_are_bounded() -> None:
    device = Session(Side.DEVICE, limit=2)
    device.open(sample(1), 0.0)
    device.open(sample(2), 0.0)
    with pytest.raises(TooManyConversations):
        device.open(sample(3), 0.0)


def test_a_peer_s_requests_are_bounded_and_finished_ones_give_way() -> None:
    platform, device = Session(Side.PLATFORM), Session(Side.DEVICE, limit=2)
    requests = [frame_of(platform.open(asking("1011", f"2026010508300000{number}"), 0.0)) for number in range(4)]
    assert isinstance(device.receive(requests[0], 0.0), RequestReceived)
    assert isinstance(device.receive(requests[1], 0.0), RequestReceived)
    assert isinstance(device.receive(requests[2], 0.0), Unexpected)
    device.answer(requests[0].qn or "", QnRtn.REFUSED)
    assert isinstance(device.receive(requests[2], 0.0), RequestReceived)
    assert isinstance(device.receive(requests[3], 0.0), Unexpected)


def test_another_request_under_a_qn_in_use_is_unexpected() -> None:
    device = Session(Side.DEVICE)
    device.receive(frame_of(Session(Side.PLATFORM).open(asking("1011"), 0.0)), 0.0)
    assert isinstance(device.receive(frame_of(Session(Side.PLATFORM).open(asking("1012"), 0.0)), 0.0), Unexpected)


def test_data_before_the_answer_is_an_upload_of_its_own() -> None:
    line = Line()
    line.platform.open(asking("2051"), 0.0)
    early = line.to_platform(Session(Side.DEVICE).open(Message("2051", "31", MN, "123456", QN, "4"), 0.0))
    assert isinstance(early, UploadReceived)
    assert early.conversation is None


def test_a_request_that_comes_again_is_never_carried_out_twice() -> None:
    states = {state for kind, state in TRANSITIONS if kind is Kind.REQUEST} - {State.NEW}
    assert all(TRANSITIONS[Kind.REQUEST, state][Step.OPEN].to is state for state in states)
    assert states == {
        move.to for (kind, _), moves in TRANSITIONS.items() if kind is Kind.REQUEST for move in moves.values()
    }


def test_the_table_leads_from_new_to_an_end_for_every_kind() -> None:
    for kind in Kind:
        reached = {State.NEW}
        while True:
            further = reached | {move.to for state in reached for move in TRANSITIONS.get((kind, state), {}).values()}
            if further == reached:
                break
            reached = further
        assert State.DONE in reached
        assert {state for table_kind, state in TRANSITIONS if table_kind is kind} <= reached
