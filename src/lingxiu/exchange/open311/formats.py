"""GeoReport v2's two formats, from the same plain values. Knows nothing of what they mean."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as Xml

from django.http import HttpResponse

Value = Any
FORMATS = ("json", "xml")
ROOTS: dict[str, tuple[str, str]] = {
    "services": ("services", "service"),
    "requests": ("service_requests", "request"),
    "errors": ("errors", "error"),
    "attributes": ("attributes", "attribute"),
    "values": ("values", "value"),
    "endpoints": ("endpoints", "endpoint"),
    "formats": ("formats", "format"),
}
"""What a list is called → its element in XML, and that of its members."""
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def answer(what: str, value: Value, kind: str, *, status: int = 200) -> HttpResponse:
    """A list of that name, or one thing (a definition, the discovery) as its element."""
    if kind == "json":
        content = json.dumps(value, ensure_ascii=False)
        return HttpResponse(content, status=status, content_type="application/json; charset=utf-8")
    root = _list(what, value) if isinstance(value, list) else _element(what, value)
    text = Xml.tostring(root, encoding="unicode")
    return HttpResponse(
        f'<?xml version="1.0" encoding="utf-8"?>\n{text}', status=status, content_type="text/xml; charset=utf-8"
    )


def _list(what: str, rows: list[Value]) -> Xml.Element:
    outer, inner = ROOTS.get(what, (what, "item"))
    element = Xml.Element(outer)
    element.extend(_element(inner, row) for row in rows)
    return element


def _element(name: str, value: Value) -> Xml.Element:
    if isinstance(value, list):
        return _list(name, value)
    element = Xml.Element(name)
    if isinstance(value, dict):
        element.extend(_element(key, inner) for key, inner in value.items())
    else:
        element.text = NOT_IN_XML.sub("", _text(value))
    return element


def _text(value: Value) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
