"""The conversations of one connection, seen from either side: what may follow what, what is still awaited, when to ask again.

It keeps no measurement, opens no socket, reads no clock: frames and times go in, bytes to send and events come out. Who may do
what at which step is one table, `TRANSITIONS`; sending and receiving both go through it.

Uploads that come in are not kept here at all: each is answered by `acknowledge` whenever it has been stored, also if that was
on an earlier connection, because a device repeats what was not acknowledged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

from hj212.codes import ACK_COMMANDS, DEVICE_NOTICES, PLATFORM_NOTICES, AckCommand, ExeRtn, QnRtn
from hj212.encoding import (
    STANDARD_2017,
    AckStyle,
    Message,
    acknowledge_data,
    acknowledge_notice,
    answer_request,
    encode,
    report_result,
)
from hj212.encryption import encrypts
from hj212.errors import (
    ConversationExists,
    ConversationUnknown,
    FieldInvalid,
    StepNotAllowed,
    TooManyConversations,
    UnexpectedFrame,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hj212.encryption import Blocks
    from hj212.frame import Frame


class Side(StrEnum):
    """Which end of the line a session stands at."""

    DEVICE = "device"
    PLATFORM = "platform"


class Kind(StrEnum):
    """The three conversations of HJ 212-2017 6.4; the first message's CN and sender decide."""

    UPLOAD = "upload"
    REQUEST = "request"
    NOTICE = "notice"


class State(StrEnum):
    """Where a conversation stands, the same for both ends."""

    NEW = "new"
    AWAITING_ACK = "awaiting acknowledgement"
    AWAITING_ANSWER = "awaiting answer"
    AWAITING_RESULT = "awaiting result"
    AWAITING_RESULT_ACK = "awaiting acknowledgement of the result"
    DONE = "done"
    REFUSED = "refused"
    GIVEN_UP = "given up"


class Step(StrEnum):
    """What can happen in a conversation."""

    OPEN = "first message, or again"
    DATA_ACK = "9014"
    NOTICE_ACK = "9013"
    ACCEPT = "9011 accepting"
    REFUSE = "9011 refusing"
    DATA = "data"
    RESULT = "9012"
    RESULT_TO_ACK = "9012 to be acknowledged"
    SILENCE = "no answer in time"


class Party(StrEnum):
    """Who takes a step."""

    OPENER = "opener"
    ANSWERER = "answerer"
    CLOCK = "clock"


class Move(NamedTuple):
    """A legal step: who takes it, and where it leads."""

    by: Party
    to: State


TRANSITIONS: Final[dict[tuple[Kind, State], dict[Step, Move]]] = {
    (Kind.UPLOAD, State.NEW): {Step.OPEN: Move(Party.OPENER, State.AWAITING_ACK)},
    (Kind.UPLOAD, State.AWAITING_ACK): {
        Step.OPEN: Move(Party.OPENER, State.AWAITING_ACK),
        Step.DATA_ACK: Move(Party.ANSWERER, State.DONE),
        Step.SILENCE: Move(Party.CLOCK, State.GIVEN_UP),
    },
    (Kind.NOTICE, State.NEW): {Step.OPEN: Move(Party.OPENER, State.AWAITING_ACK)},
    (Kind.NOTICE, State.AWAITING_ACK): {
        Step.OPEN: Move(Party.OPENER, State.AWAITING_ACK),
        Step.NOTICE_ACK: Move(Party.ANSWERER, State.DONE),
        Step.SILENCE: Move(Party.CLOCK, State.GIVEN_UP),
    },
    (Kind.REQUEST, State.NEW): {Step.OPEN: Move(Party.OPENER, State.AWAITING_ANSWER)},
    (Kind.REQUEST, State.AWAITING_ANSWER): {
        Step.OPEN: Move(Party.OPENER, State.AWAITING_ANSWER),
        Step.ACCEPT: Move(Party.ANSWERER, State.AWAITING_RESULT),
        Step.REFUSE: Move(Party.ANSWERER, State.REFUSED),
        Step.SILENCE: Move(Party.CLOCK, State.GIVEN_UP),
    },
    (Kind.REQUEST, State.AWAITING_RESULT): {
        # A repeated request and the answer to it may cross on the line with the first answer.
        Step.OPEN: Move(Party.OPENER, State.AWAITING_RESULT),
        Step.ACCEPT: Move(Party.ANSWERER, State.AWAITING_RESULT),
        Step.DATA: Move(Party.ANSWERER, State.AWAITING_RESULT),
        Step.RESULT: Move(Party.ANSWERER, State.DONE),
        Step.RESULT_TO_ACK: Move(Party.ANSWERER, State.AWAITING_RESULT_ACK),
        Step.SILENCE: Move(Party.CLOCK, State.GIVEN_UP),
    },
    # 2005 only: the device's 9012 is itself acknowledged.
    (Kind.REQUEST, State.AWAITING_RESULT_ACK): {
        Step.OPEN: Move(Party.OPENER, State.AWAITING_RESULT_ACK),
        Step.RESULT_TO_ACK: Move(Party.ANSWERER, State.AWAITING_RESULT_ACK),
        Step.DATA_ACK: Move(Party.OPENER, State.DONE),
        Step.SILENCE: Move(Party.CLOCK, State.GIVEN_UP),
    },
    # A request that comes again after its end is answered by the end again, and not carried out twice.
    (Kind.REQUEST, State.DONE): {Step.OPEN: Move(Party.OPENER, State.DONE)},
    (Kind.REQUEST, State.REFUSED): {Step.OPEN: Move(Party.OPENER, State.REFUSED)},
    (Kind.REQUEST, State.GIVEN_UP): {Step.OPEN: Move(Party.OPENER, State.GIVEN_UP)},
}

OVER: Final = frozenset({State.DONE, State.REFUSED, State.GIVEN_UP})
_NOTICES: Final = {Side.DEVICE: DEVICE_NOTICES, Side.PLATFORM: PLATFORM_NOTICES}


def kind_of(cn: str | None, sender: Side) -> Kind:
    """Which conversation a message of this CN opens when `sender` sends it."""
    if cn in _NOTICES[sender]:
        return Kind.NOTICE
    return Kind.UPLOAD if sender is Side.DEVICE else Kind.REQUEST


@dataclass(slots=True)
class Conversation:
    """One conversation. `sent` is what this end said last, to be said again; `due` when, if nothing comes (None: never)."""

    kind: Kind
    qn: str
    cn: str | None
    state: State = State.NEW
    sent: bytes = b""
    tries: int = 0
    due: float | None = None
    request: Frame | None = None  # theirs, when it is their conversation

    def take(self, step: Step, by: Party) -> None:
        """Moves along the table, or raises `StepNotAllowed`."""
        move = TRANSITIONS.get((self.kind, self.state), {}).get(step)
        if move is None or move.by is not by:
            raise StepNotAllowed(self.kind, self.state, step)
        self.state = move.to


@dataclass(frozen=True, slots=True)
class UploadReceived:
    """Data came. Store it, then send `acknowledge(frame)` if it is wanted. `conversation`: the request that asked for it."""

    frame: Frame
    conversation: Conversation | None


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A request came: `answer` it, carry it out, `report`. If it came again, `resend` is what we said already (may be empty)."""

    frame: Frame
    repeated: bool
    resend: bytes = b""


@dataclass(frozen=True, slots=True)
class NoticeReceived:
    """A notice came: act on it, then send `acknowledge(frame)` if it is wanted."""

    frame: Frame


@dataclass(frozen=True, slots=True)
class Progressed:
    """The peer took a step in a conversation; `conversation.state` says where that is now. `code`: its QnRtn or ExeRtn."""

    conversation: Conversation
    step: Step
    frame: Frame
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Unexpected:
    """The frame fits nowhere; nothing has changed."""

    error: UnexpectedFrame


@dataclass(frozen=True, slots=True)
class Resend:
    """No answer yet: send `data` again."""

    conversation: Conversation
    data: bytes


@dataclass(frozen=True, slots=True)
class GivenUp:
    """No answer after all tries."""

    conversation: Conversation


Event = UploadReceived | RequestReceived | NoticeReceived | Progressed | Unexpected


class Session:
    """The open conversations of one connection.

    Defaults are those of the text for mobile networks: ten seconds, three repetitions. `result_timeout` is how long a peer may
    take between 9011 and 9012, counted anew with every frame of data. Times are seconds of any steady clock.
    """

    def __init__(
        self,
        side: Side,
        *,
        style: AckStyle = STANDARD_2017,
        timeout: float = 10.0,
        retries: int = 3,
        result_timeout: float = 120.0,
        limit: int = 64,
        encrypt: Blocks | None = None,
    ) -> None:
        """`encrypt`: the cipher for what 2025 encrypts; what comes in is given to `receive` decrypted."""
        self.side = side
        self.peer = Side.PLATFORM if side is Side.DEVICE else Side.DEVICE
        self.style = style
        self.timeout = timeout
        self.retries = retries
        self.result_timeout = result_timeout
        self.limit = limit
        self.encrypt = encrypt
        self._ours: dict[str, Conversation] = {}
        self._theirs: dict[str, Conversation] = {}

    def open(self, message: Message, now: float) -> bytes:
        """Starts a conversation; if `message` wants no answer, it is over at once and not kept."""
        data = self._encoded(message)
        if not message.wants_ack:
            return data
        if message.qn is None:
            raise FieldInvalid("QN", "")
        if message.qn in self._ours:
            raise ConversationExists(message.qn)
        if len(self._ours) >= self.limit:
            raise TooManyConversations(self.limit)
        conversation = Conversation(kind_of(message.cn, self.side), message.qn, message.cn)
        conversation.take(Step.OPEN, Party.OPENER)
        self._ours[message.qn] = conversation
        return self._say(conversation, data, now)

    def receive(self, frame: Frame, now: float) -> Event:
        """What a frame of the peer's means here. Never raises."""
        if frame.cn in ACK_COMMANDS:
            return self._receive_reply(frame, now)
        kind = kind_of(frame.cn, self.peer)
        if kind is Kind.REQUEST:
            return self._receive_request(frame)
        return NoticeReceived(frame) if kind is Kind.NOTICE else self._receive_upload(frame, now)

    def acknowledge(self, frame: Frame) -> bytes:
        """9014 for an upload, 9013 for a notice, and in the style of 2005 a 9014 for a 9012."""
        if kind_of(frame.cn, self.peer) is Kind.NOTICE:
            return acknowledge_notice(frame, self.style)
        if frame.cn == AckCommand.RESULT:
            self._close_acknowledged(frame.answered_qn)
        return acknowledge_data(frame, self.style)

    def answer(self, qn: str, result: QnRtn) -> bytes:
        """9011: takes the request with this QN on, or says why not."""
        conversation = self._known(self._theirs, qn)
        assert conversation.request is not None
        conversation.take(Step.ACCEPT if result is QnRtn.ACCEPTED else Step.REFUSE, Party.ANSWERER)
        conversation.sent = answer_request(conversation.request, result, self.style)
        return conversation.sent

    def send_data(self, qn: str, message: Message) -> bytes:
        """Data that a request asked for, under the request's QN. Parts to be acknowledged one by one go through `open`."""
        self._known(self._theirs, qn).take(Step.DATA, Party.ANSWERER)
        return self._encoded(replace(message, qn=qn))

    def report(self, qn: str, result: ExeRtn, now: float) -> bytes:
        """9012: the end of the request with this QN."""
        conversation = self._known(self._theirs, qn)
        assert conversation.request is not None
        to_ack = self.style.order == "2005"
        conversation.take(Step.RESULT_TO_ACK if to_ack else Step.RESULT, Party.ANSWERER)
        data = report_result(conversation.request, result, self.style)
        if to_ack:
            return self._say(conversation, data, now)
        conversation.sent = data
        return data

    def tick(self, now: float) -> list[Resend | GivenUp]:
        """What the clock brings: messages to send again, conversations given up."""
        return [self._remind(conversation, now) for conversation in list(self._waiting()) if _is_due(conversation, now)]

    def next_due(self) -> float | None:
        """When `tick` will next have something to say."""
        return min((conversation.due for conversation in self._waiting() if conversation.due is not None), default=None)

    # ---- receiving ----

    def _receive_upload(self, frame: Frame, now: float) -> Event:
        """An upload under the QN and CN of an open request is its data; it is an upload all the same."""
        conversation = self._ours.get(frame.qn or "")
        if conversation is None or conversation.kind is not Kind.REQUEST or conversation.cn != frame.cn:
            return UploadReceived(frame, None)
        try:
            conversation.take(Step.DATA, Party.ANSWERER)
        except StepNotAllowed:
            return UploadReceived(frame, None)
        conversation.due = now + self.result_timeout
        return UploadReceived(frame, conversation)

    def _receive_request(self, frame: Frame) -> Event:
        qn = frame.qn or ""
        known = self._theirs.get(qn)
        if known is not None:
            return self._receive_repetition(known, frame)
        if not self._make_room():
            return _unexpected(frame, "more requests are open than are taken at a time")
        conversation = Conversation(Kind.REQUEST, qn, frame.cn, request=frame)
        conversation.take(Step.OPEN, Party.OPENER)
        self._theirs[qn] = conversation
        return RequestReceived(frame, repeated=False)

    def _receive_repetition(self, known: Conversation, frame: Frame) -> Event:
        if known.cn != frame.cn:
            return _unexpected(frame, "another request has this QN")
        known.take(Step.OPEN, Party.OPENER)  # the table allows it in every state of a request
        return RequestReceived(frame, repeated=True, resend=known.sent)

    def _receive_reply(self, frame: Frame, now: float) -> Event:
        qn = frame.answered_qn or ""
        conversation = self._ours.get(qn)
        by = Party.ANSWERER
        if conversation is None and frame.cn == AckCommand.DATA_ACK:
            conversation, by = self._theirs.get(qn), Party.OPENER
        if conversation is None:
            return _unexpected(frame, f"no open conversation has QN {qn}")
        step, code = self._step_of(frame)
        try:
            conversation.take(step, by)
        except StepNotAllowed as error:
            return _unexpected(frame, str(error))
        conversation.due = now + self.result_timeout if step is Step.ACCEPT else None
        self._drop_if_over(conversation)
        return Progressed(conversation, step, frame, code)

    def _step_of(self, frame: Frame) -> tuple[Step, int | None]:
        if frame.cn == AckCommand.REQUEST_ANSWER:
            code = _code(frame, "QnRtn")
            return (Step.ACCEPT if code == QnRtn.ACCEPTED else Step.REFUSE), code
        if frame.cn == AckCommand.RESULT:
            return (Step.RESULT_TO_ACK if self.style.order == "2005" else Step.RESULT), _code(frame, "ExeRtn")
        return (Step.NOTICE_ACK if frame.cn == AckCommand.NOTICE_ACK else Step.DATA_ACK), None

    # ---- keeping ----

    def _encoded(self, message: Message) -> bytes:
        return encode(message, order=self.style.order, encrypt=self.encrypt if encrypts(message.cn) else None)

    def _say(self, conversation: Conversation, data: bytes, now: float) -> bytes:
        conversation.sent = data
        conversation.tries += 1
        conversation.due = now + self.timeout
        return data

    def _remind(self, conversation: Conversation, now: float) -> Resend | GivenUp:
        """Once the peer has accepted a request there is nothing to repeat: only the result is awaited."""
        repeatable = conversation.state is not State.AWAITING_RESULT
        if repeatable and conversation.tries <= self.retries:
            return Resend(conversation, self._say(conversation, conversation.sent, now))
        conversation.take(Step.SILENCE, Party.CLOCK)
        conversation.due = None
        self._drop_if_over(conversation)
        return GivenUp(conversation)

    def _waiting(self) -> Iterator[Conversation]:
        for conversations in (self._ours, self._theirs):
            yield from (conversation for conversation in conversations.values() if conversation.due is not None)

    def _close_acknowledged(self, qn: str | None) -> None:
        """A 9012 that comes again, because our first 9014 was lost, finds nothing to close and is acknowledged all the same."""
        conversation = self._ours.get(qn or "")
        if conversation is not None and conversation.state is State.AWAITING_RESULT_ACK:
            conversation.take(Step.DATA_ACK, Party.OPENER)
            self._drop_if_over(conversation)

    def _drop_if_over(self, conversation: Conversation) -> None:
        if conversation.state in OVER and self._ours.get(conversation.qn) is conversation:
            del self._ours[conversation.qn]

    def _make_room(self) -> bool:
        """Requests that are over stay, to answer their repetitions, until their place is needed."""
        if len(self._theirs) < self.limit:
            return True
        over = next((qn for qn, conversation in self._theirs.items() if conversation.state in OVER), None)
        if over is not None:
            del self._theirs[over]
        return over is not None

    def _known(self, conversations: dict[str, Conversation], qn: str | None) -> Conversation:
        conversation = conversations.get(qn or "")
        if conversation is None:
            raise ConversationUnknown(qn)
        return conversation


def _unexpected(frame: Frame, why: str) -> Unexpected:
    return Unexpected(UnexpectedFrame(frame, why))


def _is_due(conversation: Conversation, now: float) -> bool:
    return conversation.due is not None and conversation.due <= now


def _code(frame: Frame, name: str) -> int | None:
    text = frame.items().get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 else None
