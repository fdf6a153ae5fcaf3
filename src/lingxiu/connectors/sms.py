"""Text messages: the one shape a gateway must have, and which one this installation has. Never decides who is written to."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Gateway(Protocol):
    """Something that brings a text to a phone."""

    def send(self, phone: str, text: str, *, at: datetime) -> None:
        """Hand the text over. Raises NoGateway where there is none."""
        ...


class NoGateway(Exception):
    """This installation has no way to send text messages."""

    def __init__(self) -> None:
        super().__init__("no text-message gateway is set up: people sign in by name and password until one is")


class Nowhere:
    """Stands where no gateway is set up, so that nobody waits for a message that never comes."""

    def send(self, phone: str, text: str, *, at: datetime) -> None:
        raise NoGateway
