"""What another system is told when something is not done: RFC 9457, each naming field, value and mend. Words, never rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise

KINDS: dict[str, tuple[int, Text]] = {
    "key-missing": (401, _("A key is needed")),
    "key-unknown": (401, _("This key opens nothing")),
    "scope-missing": (403, _("The key does not open this")),
    "not-permitted": (403, _("The person this key acts for may not do this")),
    "not-found": (404, _("There is no such thing here")),
    "method-not-allowed": (405, _("This address is not used so")),
    "moved-on": (409, _("The issue stands elsewhere now")),
    "said-otherwise": (409, _("This number was reported with other words")),
    "invalid": (422, _("Something in the request is not right")),
    "refused": (422, _("The move is refused")),
    "key-reused": (422, _("This Idempotency-Key was used for another request")),
    "changed-meanwhile": (409, _("Somebody else saved it in the meantime")),
    "not-kept": (507, _("It could not be kept")),
    "too-often": (429, _("Too many requests")),
}
"""What may go wrong, by the name that ends a problem's `type`: HTTP status and title."""

MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """A field, what it said, and what mends it."""

    field: str
    value: Any
    mend: Text

    @property
    def body(self) -> dict[str, Any]:
        return {"field": self.field, "value": _short(self.value), "mend": str(self.mend)}


class Problem(Exception):
    """A request that is not done. `kind`: of KINDS."""

    def __init__(
        self, kind: str, detail: Text, faults: tuple[Fault, ...] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(kind)
        self.kind, self.detail, self.faults, self.headers = kind, detail, faults, dict(headers or {})

    @property
    def status(self) -> int:
        return KINDS[self.kind][0]

    @property
    def body(self) -> dict[str, Any]:
        """As RFC 9457 writes it, with `errors` as an extension of ours."""
        return {
            "type": f"/api/v1/docs#{self.kind}",
            "title": str(KINDS[self.kind][1]),
            "status": self.status,
            "detail": str(self.detail),
            "errors": [fault.body for fault in self.faults],
        }

    def response(self) -> HttpResponse:
        """In JSON, in the reader's language."""
        content = json.dumps(self.body, ensure_ascii=False)
        answer = HttpResponse(content, status=self.status, content_type="application/problem+json")
        for name, value in self.headers.items():
            answer[name] = value
        return answer


def wrong(field: str, value: Any, mend: Text) -> Problem:
    """One field of a request that is not right."""
    return Problem("invalid", _("See which field, and mend it."), (Fault(field, value, mend),))


def _short(value: Any) -> Any:
    """A value as it came, if JSON can say it and it is not long."""
    if isinstance(value, str):
        return _utf8(value[:MOST_SHOWN])
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)[:MOST_SHOWN] if abs(value) < 10**300 else "…"
    return _utf8(str(value)[:MOST_SHOWN])


def _utf8(text: str) -> str:
    """Half a pair of UTF-16 is no character."""
    return text.encode(errors="replace").decode()
