"""The edition in force, parsed once a process and looked for again every few seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass

from lingxiu.policy.comparing import compare
from lingxiu.policy.models import Edition
from lingxiu.policy.schema.catalogues import Catalogues

LOOK_AGAIN_SECONDS = 5.0


class NoPolicy(Exception):
    """No edition has been loaded: run `lingxiu policy load`."""


@dataclass(frozen=True, slots=True)
class InForce:
    """The edition's id, to store with what was decided by it, and its catalogues."""

    id: int
    catalogues: Catalogues


_parsed: dict[int, InForce] = {}
_latest: tuple[float, int] | None = None


def in_force() -> InForce:
    """The edition in force. Raises NoPolicy."""
    global _latest
    if _latest is None or time.monotonic() - _latest[0] > LOOK_AGAIN_SECONDS:
        newest = Edition.objects.order_by("-id").values_list("id", flat=True).first()
        if newest is None:
            raise NoPolicy
        _latest = (time.monotonic(), newest)
    return edition(_latest[1])


def edition(edition_id: int) -> InForce:
    """An edition of any time. Raises Edition.DoesNotExist."""
    if edition_id not in _parsed:
        body = Edition.objects.values_list("body", flat=True).get(pk=edition_id)
        _parsed[edition_id] = InForce(edition_id, Catalogues.model_validate(body))
    return _parsed[edition_id]


def diff(older: int, newer: int) -> list[str]:
    """What changed between two editions, one line each. Raises Edition.DoesNotExist."""
    bodies = Edition.objects.values_list("body", flat=True)
    return list(compare(bodies.get(pk=older), bodies.get(pk=newer)))


def forget() -> None:
    """Look again at once: after a load in this process, and between tests."""
    global _latest
    _latest = None
    _parsed.clear()
