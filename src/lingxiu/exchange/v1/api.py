"""The open API put together: its routers, what goes wrong in words, its OpenAPI document and the page that shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias, cast

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, path, re_path
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError, ValidationErrorContext
from ninja.operation import Operation
from ninja.parser import Parser
from ninja.types import DictStrAny

from lingxiu.exchange.door import NOTHING_HERE, answered
from lingxiu.exchange.keys import SCOPES
from lingxiu.exchange.problems import KINDS, Fault, Problem, Text
from lingxiu.exchange.v1 import issues, merchants, papers, photos, readings, reports
from lingxiu.exchange.v1.shapes import ProblemOut

ROOT = "api/v1/"
Document: TypeAlias = dict[str, Any]
TITLE = "Lingxiu"
DESCRIPTION = gettext_noop(
    "Times are ISO 8601 with offset, positions [longitude, latitude] in WGS84 degrees, problems RFC 9457, pages by cursor. "
    "Every request needs a key (Authorization: Bearer …); every POST may carry an Idempotency-Key."
)
SUMMARIES = [
    gettext_noop("Merchants"),
    gettext_noop("Merchants as GeoJSON"),
    gettext_noop("A merchant"),
    gettext_noop("A new merchant"),
    gettext_noop("A change to a merchant"),
    gettext_noop("A picture"),
    gettext_noop("Issues"),
    gettext_noop("An issue"),
    gettext_noop("A find"),
    gettext_noop("A move"),
    gettext_noop("A notice"),
    gettext_noop("A report"),
    gettext_noop("What became of a report"),
    gettext_noop("Readings of devices"),
]
"""What operations are called, in one place for the catalogue of translations; a test holds it against the document."""

MENDS: dict[str, Text] = {
    "missing": _("It is needed."),
    "extra_forbidden": _("No such field is known: leave it out."),
    "enum": _("Name one of those the API's description lists."),
    "string_pattern_mismatch": _("It is not written so: see the pattern in the API's description."),
    "string_too_long": _("It is too long: see the API's description."),
    "string_too_short": _("It is too short: see the API's description."),
    "string_type": _("Send a text."),
    "string_unicode": _("Send a text in UTF-8."),
    "value_error": _("It contains control characters: leave them out."),
    "timezone_aware": _("Add the offset, such as +08:00."),
    "bool_parsing": _("Send true or false."),
    "model_attributes_type": _("Send one JSON object."),
    "not_json": _("Send JSON in UTF-8."),
}
"""Kind of mistake → what mends it; kinds that begin alike share the mend of their family in `FAMILIES`."""
FAMILIES: list[tuple[str, Text]] = [
    ("datetime", _("Send a time as ISO 8601 with its offset, such as 2026-03-05T22:40:00+08:00.")),
    ("date", _("Send a day as 2026-03-05.")),
    ("int", _("Send a whole number.")),
    ("float", _("Send a number.")),
    ("tuple", _("Send [longitude, latitude] in WGS84 degrees.")),
    ("too_", _("Send [longitude, latitude] in WGS84 degrees.")),
    ("less_than", _("It is too large: see the API's description.")),
    ("greater_than", _("It is too small: see the API's description.")),
    ("finite", _("Send a number.")),
]
SEE_DESCRIPTION = _("See the API's description.")
SOMETHING_WRONG = _("See which field, and mend it.")


class _Reading(Parser):
    """JSON bodies; nested without end, or no JSON, they are a mistake of the sender."""

    def parse_body(self, request: HttpRequest) -> DictStrAny:
        try:
            return cast("DictStrAny", json.loads(request.body))
        except (ValueError, RecursionError) as error:
            raise Problem("invalid", SOMETHING_WRONG, (Fault("body", None, MENDS["not_json"]),)) from error


class OpenApi(NinjaAPI):
    """Ninja, with our words for what is wrong."""

    def validation_error_from_error_contexts(
        self, error_contexts: list[ValidationErrorContext[Any]]
    ) -> ValidationError:
        """Every mistake with its place and what was sent there, which Ninja leaves out."""
        errors: list[dict[str, Any]] = []
        for context in error_contexts:
            places = context.model.__ninja_flatten_map_reverse__
            for error in context.pydantic_validation_error.errors(include_url=False):
                place = places.get(error["loc"], error["loc"])
                sent = None if error["type"] == "missing" else error["input"]
                errors.append({"type": error["type"], "loc": tuple(place), "input": sent})
        return ValidationError(errors)

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The name of its function: each is there once."""
        return operation.view_func.__name__


api = OpenApi(
    title=TITLE, version="1", description=DESCRIPTION, openapi_url=None, docs_url=None, parser=_Reading(),
    urls_namespace="api-v1",
)  # fmt: skip
for router in (merchants.router, issues.router, photos.router, papers.router, reports.router, readings.router):
    api.add_router("", router)


@api.exception_handler(Problem)
def _told(request: HttpRequest, problem: Problem) -> HttpResponse:
    return problem.response()


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    faults = tuple(Fault(_field(fault["loc"]), fault["input"], _mend(fault["type"])) for fault in error.errors)
    return Problem("invalid", SOMETHING_WRONG, faults).response()


@api.exception_handler(HttpError)
def _http(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Ninja's own: a body that cannot be parsed."""
    return Problem("invalid", SOMETHING_WRONG, (Fault("body", None, MENDS["not_json"]),)).response()


@api.exception_handler(Http404)
def _not_there(request: HttpRequest, error: Http404) -> HttpResponse:
    return Problem("not-found", NOTHING_HERE).response()


WRAPPERS = frozenset({"sent", "asked", "body", "query", "file", "form_data"})


def _field(place: tuple[Any, ...]) -> str:
    """A field's name as its sender wrote it: the names our functions give to body and query are nobody's business."""
    return ".".join(str(part) for part in place if part not in WRAPPERS) or "body"


def _mend(kind: str) -> Text:
    family = (mend for beginning, mend in FAMILIES if kind.startswith(beginning))
    return MENDS.get(kind) or next(family, SEE_DESCRIPTION)


# ── described ────────────────────────────────────────────────────────────────────────────────────────────────────

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": "The same request with the same key is done once and answered the same.",
}
LIMITS = {
    name: {"schema": {"type": "integer"}, "description": told}
    for name, told in [
        ("RateLimit-Limit", "requests a minute"),
        ("RateLimit-Remaining", "of them left"),
        ("RateLimit-Reset", "seconds until the minute is over"),
    ]
}
PROBLEM = {
    "description": "A problem",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemOut"}}},
}
GEOJSON = {"application/geo+json": {"schema": {"type": "object", "required": ["type", "features"]}}}


def document() -> Document:
    """The OpenAPI document: Ninja's, with the scopes, the limits, the Idempotency-Key and the problems it does not know of."""
    found: Document = json.loads(json.dumps(api.get_openapi_schema(path_prefix=f"/{ROOT}")))
    problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
    found["components"]["schemas"] |= problem.pop("$defs")
    found["components"]["schemas"]["ProblemOut"] = problem
    found["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    found["components"]["headers"] = LIMITS
    scopes = scopes_of_operations()
    for _path, method, operation in operations(found):
        operation["security"] = [{"key": [scope]} for scope in scopes[operation["operationId"]]]
        operation["responses"]["4XX"] = PROBLEM
        for answer in operation["responses"].values():
            answer.setdefault("headers", {name: {"$ref": f"#/components/headers/{name}"} for name in LIMITS})
        if method in ("post", "patch"):
            operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    found["paths"][f"/{ROOT}merchants.geojson"]["get"]["responses"]["200"]["content"] = GEOJSON
    return found


def operations(found: Document) -> Iterator[tuple[str, str, Document]]:
    """Path, method and description of every operation of a document."""
    for address, methods in found["paths"].items():
        for method, operation in methods.items():
            yield address, method, operation


def scopes_of_operations() -> dict[str, tuple[str, ...]]:
    """Operation id → the scopes any of which opens it."""
    return {
        api.get_openapi_operation_id(operation): tuple(
            scope for opener in operation.auth_callbacks for scope in getattr(opener, "scopes", ())
        )
        for _prefix, router in api._routers
        for view in router.path_operations.values()
        for operation in view.operations
    }


@require_safe
def openapi_json(request: HttpRequest) -> HttpResponse:
    """`/api/v1/openapi.json`: for programs, open to anyone: it says what there is, not what is in it."""
    return JsonResponse(document())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """`/api/v1/docs`: the same for people, on a page of our own without a script."""
    found = document()
    rows = [
        {
            "path": address,
            "method": method.upper(),
            "id": operation["operationId"],
            "summary": gettext(named),
            "told": operation.get("description", ""),
            "scopes": [scope for one in operation["security"] for scope in one["key"]],
            "parameters": [_parameter(one) for one in operation.get("parameters", [])],
            "body": _fields(found, operation.get("requestBody")),
            "answer": _fields(found, operation["responses"].get("200") or operation["responses"].get("201")),
        }
        for address, method, operation in operations(found)
        for named in [operation["summary"]]
    ]
    kinds = [{"id": kind, "status": status, "title": title} for kind, (status, title) in KINDS.items()]
    context = {"rows": rows, "kinds": kinds, "scopes": SCOPES.items(), "about": gettext(DESCRIPTION)}
    return render(request, "exchange/docs.html", context)


def _parameter(row: Document) -> Document:
    return {"name": row["name"], "in": row["in"], "needed": row.get("required", False), "type": _type(row["schema"])}


def _fields(found: Document, holder: Document | None) -> list[Document]:
    """The fields of a body, those of the rows of a page included."""
    offered = (holder or {}).get("content", {})
    content = offered.get("application/json") or offered.get("multipart/form-data")
    if content is None:
        return []
    schema = _resolved(found, content["schema"])
    return [
        {
            "name": name,
            "needed": name in schema.get("required", []),
            "type": _type(row),
            "told": row.get("description", ""),
        }
        for name, row in _below(found, "", schema)
    ]


def _below(found: Document, prefix: str, schema: Document) -> Iterator[tuple[str, Document]]:
    for name, row in schema.get("properties", {}).items():
        yield prefix + name, row
        inner = _resolved(found, row.get("items", {}))
        if "properties" in inner and not prefix:
            yield from _below(found, f"{name}[].", inner)


def _resolved(found: Document, schema: Document) -> Document:
    if "$ref" in schema:
        named: Document = found["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
        return named
    return schema


def _type(schema: Document) -> str:
    """A type in a few words."""
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    if "allOf" in schema:
        return _type(schema["allOf"][0])
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        inner = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
        return f"[{_type(inner)}]"
    return str(schema.get("format") or schema.get("type") or "any")


# ── addresses ────────────────────────────────────────────────────────────────────────────────────────────────────


def _nothing_here(request: HttpRequest) -> HttpResponse:
    raise Http404


def _urls() -> list[URLPattern]:
    patterns = [pattern for pattern in api.urls[0] if isinstance(pattern, URLPattern) and pattern.name != "api-root"]
    for pattern in patterns:
        pattern.callback = answered(pattern.callback)
    return [
        path("docs", docs, name="docs"),
        path("openapi.json", openapi_json, name="openapi"),
        *patterns,
        re_path("", answered(_nothing_here), name="nothing-here"),
    ]


urlpatterns = _urls()
