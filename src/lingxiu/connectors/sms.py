"""Text messages: the one shape a gateway must have, and which one this installation has. Never decides who is written to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lingxiu.connectors.http import call


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


@dataclass(frozen=True, slots=True)
class HttpGateway:
    """The county's own gateway, or a small one before a vendor's: `POST url`, JSON `{phone, text, key, at}`, a bearer's token.

    `key` is the same when the same message is tried again, so that the other side can drop the second.
    """

    url: str
    token: str

    def send(self, phone: str, text: str, *, at: datetime) -> None:
        """Hand the text over. `at`: when it was written, the same at every try. Raises Unreachable, Refused."""
        key = hashlib.sha256(f"{phone}|{at.isoformat()}|{text}".encode()).hexdigest()[:32]
        said = {"phone": phone, "text": text, "key": key, "at": at.isoformat()}
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        call("POST", self.url, headers=headers, body=json.dumps(said, ensure_ascii=False).encode())


def gateway_of(url: str, token: str) -> Gateway:
    """The gateway an installation's settings name, or none."""
    return HttpGateway(url, token) if url else Nowhere()
