"""Readings that other systems bring by HTTP: many at once, each told what became of it, any of them sent again at will."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, Literal

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from ninja import Router, Schema

from lingxiu.exchange import keys
from lingxiu.exchange.door import Done, Needs, officer_of, once_each, refuse_unknown
from lingxiu.exchange.problems import Fault as Told
from lingxiu.exchange.problems import wrong
from lingxiu.exchange.v1.shapes import Refusal, Time
from lingxiu.policy.queries import in_force
from lingxiu.sensing.models import Device
from lingxiu.sensing.ways.mapping import MOST_RECORDS, Fault, Json, Why
from lingxiu.sensing.ways.receiving import Message, Outcome, Reception

router = Router(tags=["readings"])
LINES: Final = ("application/x-ndjson", "application/jsonl", "application/ndjson")

MENDS: Final[dict[Why, str | Promise]] = {
    "missing": _("It is needed."),
    "number": _("Send a finite number."),
    "truth": _("Send true or false."),
    "time": _("Send a time as ISO 8601 with its offset, such as 2026-03-05T22:40:00+08:00."),
    "word": _("No such word is known here: see the table of /api/v1/docs or of docs/exchange.md."),
    "address": _("Send an http, https, rtsp or rtmp address of at most 500 characters."),
    "range": _("It lies out of range; the record was taken without it."),
    "ahead": _("This lies in the future: set the device's clock."),
    "too_old": _("It is older than readings are kept."),
    "mn": _("1 to 24 letters, digits, dots, dashes and underscores."),
    "empty": _("The record has no value that is known: see docs/exchange.md for the fields."),
    "shape": _("Send one JSON object a record, 1000 records at most."),
    "channel": _("Send a whole number from 0 to 999."),
    "unknown": _("No device of this number is registered here; it waits to be adopted."),
    "retired": _("This device is out of use."),
    "kind": _("A device of this kind is not read by this mapping."),
    "mapping": _("No such mapping is known: see json/ of the policy."),
    "json": _("Send JSON in UTF-8."),
}


class RowOut(Schema):
    """What became of one record. `row`: its number in the request, from 1."""

    row: int
    mn: str
    at: Time | None
    result: Literal["accepted", "same", "contradicts", "refused"]
    errors: list[Refusal]


class ReadingsOut(Schema):
    """What became of all of them."""

    accepted: int
    same: int
    contradicts: int
    refused: int
    rows: list[RowOut]


BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "mn": {"type": "string", "description": "the device's number"},
                        "at": {"type": "string", "format": "date-time"},
                        "channel": {"type": "integer", "minimum": 0, "maximum": 999},
                        "level_pct": {"type": "number"},
                        "lel_pct": {"type": "number"},
                        "fume_mg_m3": {"type": "number"},
                        "power_w": {"type": "number"},
                        "state": {"type": "string"},
                    },
                    "required": ["mn", "at"],
                    "description": "One record, or a list of them; the fields of each kind of device: docs/exchange.md",
                }
            }
        },
    }
}


@router.post(
    "/readings",
    response=ReadingsOut,
    auth=Needs(keys.READINGS_WRITE),
    summary="Readings of devices",
    openapi_extra=BODY,
)
def post_readings(request: HttpRequest, mapping: str = "") -> Any:
    """Readings of devices: one record, a list, or a line each. `mapping`: the maker's form, ours unless told."""
    refuse_unknown(request, ["mapping"])
    user = officer_of(request)
    if mapping and mapping not in {row.id for row in in_force().catalogues.json_mappings}:
        raise wrong("mapping", mapping, MENDS["mapping"])
    body = request.body
    digest = {"sha256": hashlib.sha256(body).hexdigest(), "mapping": mapping}

    def do() -> Done:
        at = timezone.now()
        documents = list(_documents(request, body))
        reception = Reception(at, seen=Device.objects.visible_to(user))
        messages = [Message(one, f"key:{user.username}", mapping=mapping) for one in documents if one is not None]
        outcomes = iter(reception.receive(messages))
        told = [next(outcomes) if one is not None else [_NO_JSON] for one in documents]
        return Done(200, _answer([outcome for of_one in told for outcome in of_one]))

    return once_each(request, digest, do).body


_NO_JSON: Final = Outcome(faults=(Fault("body", None, "json"),))


def _documents(request: HttpRequest, body: bytes) -> Iterator[Json]:
    """The documents of a request; None for a line that is no JSON. Raises Problem."""
    if request.content_type in LINES:
        lines = [line for line in body.splitlines() if line.strip()]
        if len(lines) > MOST_RECORDS:
            raise wrong("body", None, MENDS["shape"])
        yield from (_parsed(line) for line in lines)
        return
    document = _parsed(body)
    if not isinstance(document, dict | list) or (isinstance(document, list) and len(document) > MOST_RECORDS):
        raise wrong("body", None, MENDS["json"] if document is None else MENDS["shape"])
    yield document


def _parsed(text: bytes) -> Json:
    try:
        found: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found


def _answer(outcomes: list[Outcome]) -> dict[str, Any]:
    rows = [
        {
            "row": number,
            "mn": one.mn,
            "at": _written(one.at),
            "result": one.result,
            "errors": [Told(fault.field, fault.value, MENDS[fault.why]).body for fault in one.faults],
        }
        for number, one in enumerate(outcomes, 1)
    ]
    results = [one.result for one in outcomes]
    counts = {name: results.count(name) for name in ("accepted", "same", "contradicts", "refused")}
    return {**counts, "rows": rows}


def _written(at: datetime | None) -> str | None:
    return timezone.localtime(at).isoformat() if at else None
