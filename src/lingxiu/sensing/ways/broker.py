"""Where the MQTT broker is, and a client of it that acknowledges by hand. Knows no database and no reading."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import aiomqtt

MOST_HELD: Final = 2_000
"""Messages that wait to be stored; while there are so many the socket is not read, whatever window the broker keeps."""
KEEP_ALIVE_S: Final = 60


class AddressWrong(ValueError):
    """MQTT_URL is no address of a broker; one looks like mqtt://user:password@host:1883."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is, and as whom to speak to it."""

    host: str
    port: int
    name: str
    user: str | None = None
    password: str | None = None
    encrypted: bool = False

    @classmethod
    def at(cls, url: str, name: str) -> Broker:
        """Of `mqtt://user:password@host:1883` or `mqtts://…`. Raises AddressWrong."""
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise AddressWrong(AddressWrong.__doc__)
        encrypted = parts.scheme == "mqtts"
        user, password = (unquote(one) if one else None for one in (parts.username, parts.password))
        return cls(parts.hostname, parts.port or (8883 if encrypted else 1883), name, user, password, encrypted)

    def client(self) -> Client:
        """A client of the session the broker keeps under our name."""
        client = Client(
            self.host,
            self.port,
            username=self.user,
            password=self.password,
            identifier=self.name,
            clean_session=False,
            keepalive=KEEP_ALIVE_S,
            tls_context=ssl.create_default_context() if self.encrypted else None,
        )
        client._client.manual_ack_set(True)  # paho's own; aiomqtt has no name for it
        return client


class Client(aiomqtt.Client):
    """aiomqtt's client, but acknowledged by hand, and not read while `MOST_HELD` messages wait.

    A broker may send all it has kept for us at once (mosquitto 2.0.11 does after a reconnect, whatever its window); aiomqtt's own
    bounded queue would let the rest go, and what was let go would come again only with the next connection.
    """

    _descriptor = -1
    _paused = False

    def acknowledge(self, message: aiomqtt.Message) -> None:
        """The broker may forget it. Nothing, if the connection is lost: then it comes again."""
        self._client.ack(message.mid, message.qos)

    def read_on(self) -> None:
        """Read the socket again, once half of what waited is taken."""
        if self._paused and len(self.messages) <= MOST_HELD // 2 and not self._disconnected.done():
            self._paused = False
            self._loop.add_reader(self._descriptor, self._read)
            self._loop.call_soon(self._read)  # TLS may hold bytes that no selector tells of

    def _read(self) -> None:
        try:
            self._client.loop_read()
        except Exception as error:  # as aiomqtt's own reader does: a broken connection, whatever broke it
            if not self._disconnected.done():
                self._disconnected.set_exception(error)

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:
        self._descriptor, self._paused = sock.fileno(), False
        super()._on_socket_open(client, userdata, sock)

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        super()._on_message(client, userdata, message)
        if not self._paused and len(self.messages) >= MOST_HELD:
            self._paused = True
            self._loop.remove_reader(self._descriptor)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        if self._disconnected.done() and not self._disconnected.cancelled():
            self._disconnected.exception()  # it was told where it mattered
