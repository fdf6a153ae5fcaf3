"""Whatever is sent to any operation of the OpenAPI document, well or badly made: an answer or a problem, never our own fault."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lingxiu.exchange.keys import SCOPES
from lingxiu.exchange.v1.api import document, operations
from tests.cast import Cast
from tests.exchange.world import REPORT, a_picture, fields_at_fault, system
from tests.issues.world import complain, find

DOCUMENT = document()
PICTURE = a_picture()
OPERATIONS = [(method, path, operation) for path, method, operation in operations(DOCUMENT)]
ODD_TEXT = st.text(max_size=30) | st.sampled_from(
    ["\0", "'", "%00", "%s", "\\", "\u202e", "一" * 200, "../..", "NaN", "1e999", ""]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def values(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """What the schema asks for, and now and then anything else."""
    return _fitting(schema) | _fitting(schema) | _fitting(schema) | JSON


def _fitting(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _fitting(DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]])
    if "anyOf" in schema:
        return st.one_of([_fitting(one) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "prefixItems" in schema:
        return st.tuples(*[values(one) for one in schema["prefixItems"]]).map(list)
    match schema.get("type"):
        case "object":
            wanted = {name: values(one) for name, one in schema.get("properties", {}).items()}
            needed = {name: wanted.pop(name) for name in schema.get("required", [])}
            return st.fixed_dictionaries(needed, optional=wanted)
        case "array":
            return st.lists(values(schema.get("items", {})), max_size=3)
        case "integer":
            return st.integers(schema.get("minimum"), schema.get("maximum"))
        case "number":
            return st.floats() | st.sampled_from([120.92, 30.85])
        case "boolean":
            return st.booleans()
        case "string":
            return _text(schema)
        case "null":
            return st.none()
    return JSON


def _text(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("format") == "date-time":
        return st.datetimes(timezones=st.timezones()).map(lambda at: at.isoformat()) | st.just(
            "2026-03-05T12:30:00+08:00"
        )
    if schema.get("format") == "date":
        return st.dates().map(str)
    if "pattern" in schema:
        return st.from_regex(schema["pattern"], fullmatch=True)
    return ODD_TEXT


@pytest.fixture
def known(cast: Cast) -> dict[str, str]:
    """Real things that paths may name."""
    complain(cast.merchant, source="12345", own_number=REPORT["own_number"])
    number = find(cast.grid_member, merchant=cast.merchant).number
    return {
        "merchant_id": str(cast.merchant.pk),
        "number": number,
        "source": "12345",
        "own_number": REPORT["own_number"],
    }


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=[row[2]["operationId"] for row in OPERATIONS])
def test_no_request_is_too_odd(
    method: str, path: str, operation: dict[str, Any], cast: Cast, known: dict[str, str]
) -> None:
    other = system(cast.county_officer, *SCOPES, each_minute=100_000)
    client = Client(headers={"authorization": f"Bearer {other.secret}"})
    content = operation.get("requestBody", {}).get("content", {})
    body = content.get("application/json", {}).get("schema")

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def ask(data: st.DataObject) -> None:
        parts = {
            name: value if data.draw(st.booleans()) else data.draw(ODD_TEXT.filter(bool))
            for name, value in known.items()
        }
        address = "".join(_part(piece, parts) for piece in path.replace("}", "{").split("{"))
        query = {
            row["name"]: data.draw(values(row["schema"]))
            for row in operation.get("parameters", [])
            if row["in"] == "query" and data.draw(st.booleans())
        }
        headers = {"idempotency-key": data.draw(st.sampled_from(["a", "b"]))} if data.draw(st.booleans()) else {}
        if method == "get":
            answer: Any = client.get(address, {name: str(value) for name, value in query.items()})
        elif "multipart/form-data" in content:
            answer = client.post(address, _odd_form(data), headers=headers)
        else:
            sent = json.dumps(data.draw(values(body)))
            answer = getattr(client, method)(address, sent, content_type="application/json", headers=headers)
        assert answer.status_code < 500
        if answer.status_code >= 400 and answer["Content-Type"] != "text/html; charset=utf-8":
            fields_at_fault(answer)
        elif answer.status_code < 300:
            assert str(answer.status_code) in operation["responses"]
            answer.json()

    ask()


def _odd_form(data: st.DataObject) -> dict[str, Any]:
    """Pictures, no pictures, and anything else, under this name and that."""
    odd = data.draw(st.binary(max_size=200) | st.sampled_from([PICTURE, PICTURE[:40], b"", b"GIF89a"]))
    name = data.draw(st.sampled_from(["photo", "photo", "other"]))
    return {name: SimpleUploadedFile(data.draw(ODD_TEXT.filter(bool)), odd) if data.draw(st.booleans()) else "words"}


def _part(piece: str, parts: dict[str, str]) -> str:
    from urllib.parse import quote

    return quote(parts[piece], safe="") if piece in parts else piece


FIELDS = ["service_code", "lat", "long", "address_string", "description", "first_name", "phone", "media_url", "attribute[seen_at]",
          "jurisdiction_id", "start_date", "end_date", "status", "service_request_id"]  # fmt: skip


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_no_georeport_is_too_odd(kind: str, cast: Cast) -> None:
    other = system(cast.county_officer, "open311", each_minute=100_000)
    client = Client()

    @settings(max_examples=80, suppress_health_check=list(HealthCheck))
    @given(
        st.dictionaries(st.sampled_from(FIELDS), ODD_TEXT | st.sampled_from(["P-SMOKE", "30.85", "120.92"])),
        st.booleans(),
    )
    def ask(fields: dict[str, str], writes: bool) -> None:
        ask_with = client.post if writes else client.get
        answer: Any = ask_with(f"/open311/v2/requests.{kind}", {**fields, "api_key": other.secret})
        assert answer.status_code in (200, 201, 400, 404)
        if not writes and any("\0" in value for value in fields.values()):
            assert answer.status_code == 404  # the house's own: an address with a NUL in it names nothing
        elif kind == "json":
            answer.json()
        else:
            from xml.etree import ElementTree

            ElementTree.fromstring(answer.content)

    ask()
