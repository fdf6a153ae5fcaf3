"""What can go wrong, split by whose fault it is: ours is raised, theirs is collected. Facts are attributes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hj212.deviations import Deviation
    from hj212.frame import Frame


class ProtocolError(Exception):
    """Base of both."""


class LocalProtocolError(ProtocolError):
    """You did wrong: the program asked for something the protocol does not allow. Raised."""


class RemoteProtocolError(ProtocolError):
    """They did wrong: the peer's bytes cannot be accepted. Never raised by `Decoder.feed` or `Session.receive`."""


class FrameBroken(RemoteProtocolError):
    """A frame began and never came to an end that could be believed."""

    def __init__(self, declared: int, beginning: bytes) -> None:
        super().__init__(f"a frame declared as {declared} bytes has no believable end")
        self.declared = declared
        self.beginning = beginning


class SegmentTooLong(RemoteProtocolError):
    """The declared length is beyond the limit."""

    def __init__(self, declared: int, limit: int) -> None:
        super().__init__(f"a segment of {declared} bytes was declared, the limit is {limit}")
        self.declared = declared
        self.limit = limit


class CrcMismatch(RemoteProtocolError):
    """The check value is not the segment's, and the policy does not allow it."""

    def __init__(self, frame: Frame, received: bytes, expected: bytes) -> None:
        super().__init__(f"CRC {received!r} received, {expected!r} expected")
        self.frame = frame
        self.received = received
        self.expected = expected


class FrameNotConforming(RemoteProtocolError):
    """Strict mode: a whole frame with a right CRC that deviates from the standards."""

    def __init__(self, frame: Frame, deviations: frozenset[Deviation]) -> None:
        super().__init__("not as the standards have it: " + ", ".join(sorted(deviations)))
        self.frame = frame
        self.deviations = deviations


class UnexpectedFrame(RemoteProtocolError):
    """A whole frame that belongs to no conversation, or comes at the wrong step of one."""

    def __init__(self, frame: Frame, why: str) -> None:
        super().__init__(why)
        self.frame = frame
        self.why = why


class FieldInvalid(LocalProtocolError):
    """A value that would break the frame, or that its field cannot hold."""

    def __init__(self, name: str, value: str) -> None:
        super().__init__(f"{name} cannot be {value!r}")
        self.name = name
        self.value = value


class SegmentOverflow(LocalProtocolError):
    """The segment passes the limit: split the message."""

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(f"the segment has {length} bytes, the limit is {limit}")
        self.length = length
        self.limit = limit


class ItemTooLong(LocalProtocolError):
    """One item alone passes what a part may hold, and items are never cut."""

    def __init__(self, item: str, limit: int) -> None:
        super().__init__(f"the item {item[:40]!r}… does not fit into a part of {limit} bytes")
        self.item = item
        self.limit = limit


class TooManyParts(LocalProtocolError):
    """More parts than PNUM can say."""

    def __init__(self, parts: int, limit: int) -> None:
        super().__init__(f"{parts} parts are needed, {limit} can be numbered")
        self.parts = parts
        self.limit = limit


class StepNotAllowed(LocalProtocolError):
    """The conversation's table has no such step from where it stands."""

    def __init__(self, kind: str, state: str, step: str) -> None:
        super().__init__(f"a conversation of kind {kind} that is {state} cannot take the step {step}")
        self.kind = kind
        self.state = state
        self.step = step


class ConversationUnknown(LocalProtocolError):
    """No open conversation has this QN."""

    def __init__(self, qn: str | None) -> None:
        super().__init__(f"no open conversation has QN {qn}")
        self.qn = qn


class ConversationExists(LocalProtocolError):
    """This QN is in use: a QN identifies one conversation until it is over."""

    def __init__(self, qn: str) -> None:
        super().__init__(f"QN {qn} is in use")
        self.qn = qn


class TooManyConversations(LocalProtocolError):
    """The session holds as many open conversations as it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} conversations are open already")
        self.limit = limit
