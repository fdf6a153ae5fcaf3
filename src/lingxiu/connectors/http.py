"""One request to another system, with a time limit and no redirects. Says whether asking again may help; knows no protocol."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TypeAlias
from urllib.parse import urlsplit

SECONDS = 10.0
MOST_BYTES = 1024 * 1024

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


class Failed(Exception):
    """Another system did not do what was asked."""


class Unreachable(Failed):
    """Nobody answered, or not now (no connection, a time-out, 429, 5xx): the same request may succeed later."""


class Refused(Failed):
    """It answered, and said no: the request, the key or the receiver is wrong."""


def call(method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Ask once.

    Args:
        url: http or https, with its query.
    Returns: the body of a 2xx answer.
    Raises: Unreachable, Refused.
    """
    parts = urlsplit(url)
    connection = (HTTPSConnection if parts.scheme == "https" else HTTPConnection)(parts.netloc, timeout=SECONDS)
    try:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, dict(headers))
        answer = connection.getresponse()
        said = answer.read(MOST_BYTES)
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{parts.netloc}: {error or type(error).__name__}") from error
    finally:
        connection.close()
    if answer.status == 429 or answer.status >= 500:
        raise Unreachable(f"{parts.netloc} answered {answer.status}")
    if not 200 <= answer.status < 300:
        raise Refused(f"{parts.netloc} answered {answer.status}")
    return said


def read_json(said: bytes, who: str) -> dict[str, Json]:
    """The object another system answered with. Raises Unreachable: a page of a proxy in between, most often."""
    try:
        found = json.loads(said)
    except ValueError as error:
        raise Unreachable(f"{who} did not answer in JSON") from error
    if not isinstance(found, dict):
        raise Unreachable(f"{who} did not answer with an object")
    return found
