"""GeoReport v2: what may be reported, reporting it, what became of it. A system sees its own reports, and of them neither
the words nor the place: who sent them has them, and nobody else is told (domain-2026, law 8).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import wraps
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt

from lingxiu.accounts.models import Unit
from lingxiu.china.identifiers import normalise
from lingxiu.exchange import keys
from lingxiu.exchange.door import Done, announce, bearer, let_in, once_each, user_of
from lingxiu.exchange.open311.formats import FORMATS, answer
from lingxiu.exchange.problems import Problem, wrong
from lingxiu.exchange.receiving import Wrong, offered, receive
from lingxiu.files import actions as files
from lingxiu.files.actions import Prepared, Shot, prepare_photo
from lingxiu.files.photos import PhotoRefused
from lingxiu.issues import pictures
from lingxiu.issues.actions.reports import Said
from lingxiu.issues.limits import MOST_BYTES
from lingxiu.issues.models import OPEN_STATES, Report, Source
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import edition, in_force
from lingxiu.policy.schema.violations import Violation
from lingxiu.territory.models import Area, AreaKind

View = Callable[..., HttpResponse]
MOST_REQUESTS = 1000
SPAN = timedelta(days=90)
"""GeoReport v2, GET Service Requests: at most 90 days or 1000 requests, the newest."""
ATTRIBUTES: list[tuple[str, str, bool, Any]] = [
    ("seen_at", "datetime", False, _("When it was seen, smelled or heard")),
    ("licence_no", "string", False, _("Licence number of the restaurant, if it is known")),
]
"""Code, datatype, required, description: what may be said with every service."""
KNOWN = frozenset({
    "jurisdiction_id", "api_key", "service_code", "lat", "long", "address_string", "address_id", "email", "device_id",
    "account_id", "first_name", "last_name", "phone", "description", "media_url", "extensions", "locale",
    *(f"attribute[{code}]" for code, *_rest in ATTRIBUTES),
})  # fmt: skip
"""The arguments of POST Service Request, and two that clients send besides and that change nothing."""
MOST_PICTURES = 3
LONGEST_URL = 500


def georeport(*methods: str, key: bool = True) -> Callable[[View], View]:
    """A resource: its format, its jurisdiction, the key, and errors as GeoReport writes them."""

    def around(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def inside(request: HttpRequest, *args: Any, kind: str, **kwargs: Any) -> HttpResponse:
            try:
                if request.method not in methods:
                    allowed = ", ".join(methods)
                    raise Problem("method-not-allowed", allowed, headers={"Allow": allowed})
                if kind not in FORMATS:
                    raise Problem("not-found", _("There are .json and .xml."))
                _check_jurisdiction(request)
                if key:
                    request.auth = let_in(request, _secret(request), keys.OPEN311)  # type: ignore[attr-defined]  # as ninja does
                response = view(request, *args, kind=kind, **kwargs)
            except Problem as problem:
                response = _errors(problem, kind)
            return announce(request, response)

        return inside

    return around


def _secret(request: HttpRequest) -> str:
    """The key: as GeoReport sends it, or as the rest of our API does."""
    return request.POST.get("api_key") or request.GET.get("api_key") or bearer(request)


def _check_jurisdiction(request: HttpRequest) -> None:
    """There is one; whoever names another is somewhere else. Raises Problem."""
    named = request.POST.get("jurisdiction_id") or request.GET.get("jurisdiction_id") or ""
    if named and not ("\0" not in named and Area.objects.filter(kind=AreaKind.COUNTY, code=named).exists()):
        raise Problem("not-found", _("jurisdiction_id: this is another county; leave it out."))


AS_GEOREPORT: dict[int, int] = {401: 403, 409: 400, 422: 400}
"""GeoReport v2, Errors: 403 for a missing or wrong key, 404 for what does not exist, 400 for what else is not done. What HTTP
itself asks for (405, 429, 507) stays."""


def _errors(problem: Problem, kind: str) -> HttpResponse:
    """GeoReport's errors: a code and a description each."""
    status = AS_GEOREPORT.get(problem.status, problem.status)
    told = [f"{fault.field}: {fault.mend}" for fault in problem.faults] or [str(problem.detail)]
    rows = [{"code": status, "description": line} for line in told]
    response = answer("errors", rows, kind if kind in FORMATS else "json", status=status)
    for name, value in problem.headers.items():
        response[name] = value
    return response


# ── what may be reported ─────────────────────────────────────────────────────────────────────────────────────────


@georeport("GET", key=False)
def discovery(request: HttpRequest, kind: str) -> HttpResponse:
    """Open311 service discovery: where and in which formats this is spoken."""
    endpoint = {
        "specification": "http://wiki.open311.org/GeoReport_v2",
        "url": f"{settings.BASE_URL}/open311/v2",
        "changeset": _time(in_force_since()),
        "type": "production" if not settings.DEMO else "test",
        "formats": ["text/xml", "application/json"],
    }
    told = {
        "changeset": endpoint["changeset"],
        "contact": settings.BASE_URL,
        "key_service": "",
        "endpoints": [endpoint],
    }
    return answer("discovery", told, kind)


def in_force_since() -> datetime:
    """When what may be reported last changed."""
    from lingxiu.policy.models import Edition

    return Edition.objects.only("loaded_at").get(pk=in_force().id).loaded_at


@georeport("GET", key=False)
def services(request: HttpRequest, kind: str) -> HttpResponse:
    """What people may complain of; open to anyone, as the form on paper is."""
    return answer("services", [_service(row) for row in offered(timezone.localtime())], kind)


@georeport("GET", key=False)
def definition(request: HttpRequest, code: str, kind: str) -> HttpResponse:
    """What may be said with a service."""
    if code not in {row.id for row in offered(timezone.localtime())}:
        raise Problem("not-found", _("service_code: see services.json for those there are."))
    attributes = [
        {
            "variable": True, "code": name, "datatype": datatype, "required": required, "datatype_description": None,
            "order": order, "description": str(told),
        }
        for order, (name, datatype, required, told) in enumerate(ATTRIBUTES, start=1)
    ]  # fmt: skip
    return answer("service_definition", {"service_code": code, "attributes": attributes}, kind)


def _service(row: Violation) -> dict[str, Any]:
    return {
        "service_code": row.id,
        "service_name": row.label.text(_language()),
        "description": row.label.text(_language()),
        "metadata": True,
        "type": "realtime",
        "keywords": "",
        "group": "",
    }


def _language() -> str:
    return get_language() or "zh-hans"


# ── reporting it ─────────────────────────────────────────────────────────────────────────────────────────────────


@georeport("GET", "POST")
def requests(request: HttpRequest, kind: str) -> HttpResponse:
    """POST Service Request, GET Service Requests."""
    return _post(request, kind) if request.method == "POST" else _list(request, kind)


def _post(request: HttpRequest, kind: str) -> HttpResponse:
    user, now = user_of(request), timezone.now()
    if not user.authority.may("issues.record_report"):
        raise Problem("not-permitted", _("The key acts for somebody who may not enter what people report."))
    sent = {name: str(value) for name, value in request.POST.items() if name != "api_key"}
    said, shown = _said(sent, request, now), _pictures(request, now)

    def do() -> Done:
        with files.keeping([one for _digest, one in shown], stored_at=now, stored_by=user.pk) as rows:
            photos = tuple(dict.fromkeys(row.sha256 for row in rows))
            report, _new = receive(replace(said, photos=photos), at=now, by=user)
        notice = _("The answer is due on %(day)s.") % {"day": f"{timezone.localtime(report.due_at):%Y-%m-%d}"}
        made = {"service_request_id": report.token, "service_notice": notice, "account_id": None}
        return Done(201, {"requests": [made]})

    try:
        done = once_each(request, {**sent, "media": [digest for digest, _picture in shown]}, do)
    except OSError as error:
        raise Problem("not-kept", _("Our disk cannot take the picture now: send it again a little later.")) from error
    except Wrong as error:
        if error.field == "violation":
            raise Problem("not-found", _("service_code: see services.json for those there are.")) from error
        raise wrong(GEOREPORT_NAMES.get(error.field, error.field), error.value, error.mend) from error
    return answer("requests", done.body["requests"], kind, status=done.status)


GEOREPORT_NAMES = {
    "words": "description",
    "place": "address_string",
    "location": "lat",
    "name": "first_name",
    "seen_at": "attribute[seen_at]",
}
"""Our fields, as GeoReport calls them."""


def _said(sent: dict[str, str], request: HttpRequest, now: datetime) -> Said:
    """Raises Problem."""
    _refuse_what_cannot_be(sent)
    lng, lat = _position(sent)
    seen_at = _when(sent.get("attribute[seen_at]", ""), "attribute[seen_at]") or now
    name = f"{sent.get('last_name', '')}{sent.get('first_name', '')}".strip()
    return Said(
        source="public", violation=sent["service_code"], words=_words(sent),
        seen_at=seen_at, merchant=_merchant(sent, request), place=sent.get("address_string", "").strip(), lng=lng, lat=lat,
        name=name, phone=sent.get("phone", "").strip(),
    )  # fmt: skip


def _refuse_what_cannot_be(sent: dict[str, str]) -> None:
    """Raises Problem."""
    for name, value in sent.items():
        if name not in KNOWN and value:  # what is empty is as if it had not been sent
            raise wrong(name, value, _("No such argument is known: leave it out."))
        if any(ord(character) < 32 and character not in "\n\r\t" for character in value):
            raise wrong(name, value, _("It contains control characters: leave them out."))
    url = sent.get("media_url", "")
    if url and not (len(url) <= LONGEST_URL and url.startswith(("http://", "https://"))):
        raise wrong("media_url", url, _("Send an address that begins with http, at most 500 characters long."))
    if not sent.get("service_code"):
        raise wrong("service_code", "", _("It is needed."))


def _words(sent: dict[str, str]) -> str:
    """The description, and where a picture lies: nothing is fetched from outside, an officer may look at it."""
    said, url = sent.get("description", "").strip(), sent.get("media_url", "").strip()
    if not url:
        return said
    with override(settings.LANGUAGE_CODE):
        return "\n".join(filter(None, [said, _("Picture, not fetched: %(url)s") % {"url": url}]))


def _pictures(request: HttpRequest, now: datetime) -> list[tuple[str, Prepared]]:
    """The pictures that came along (multipart, `media`), decoded, each with what makes it the same. Raises Problem."""
    sent = [file for name in ("media", "media[]") for file in request.FILES.getlist(name)]
    if len(sent) > MOST_PICTURES:
        raise wrong("media", len(sent), _("At most 3 pictures."))
    return [_picture(file, now) for file in sent]


def _picture(file: UploadedFile[bytes], now: datetime) -> tuple[str, Prepared]:
    if (file.size or 0) > MOST_BYTES:
        raise wrong("media", file.size, pictures.REFUSALS["too_large"])
    data = file.read()
    try:
        picture = prepare_photo(BytesIO(data), shot=Shot(), caption=pictures.caption(shop="", at=now))
    except PhotoRefused as refused:
        raise wrong("media", file.name, pictures.REFUSALS[refused.reason]) from refused
    return hashlib.sha256(data).hexdigest(), picture


def _position(sent: dict[str, str]) -> tuple[float | None, float | None]:
    """Longitude and latitude, both or neither. Raises Problem."""
    given = [sent.get("long", ""), sent.get("lat", "")]
    if not any(given):
        return None, None
    try:
        lng, lat = (float(value) for value in given)
    except ValueError as error:
        raise wrong("lat", ",".join(given), _("Send lat and long together, in WGS84 degrees.")) from error
    return lng, lat


def _merchant(sent: dict[str, str], request: HttpRequest) -> Merchant | None:
    """Raises Problem."""
    number = sent.get("attribute[licence_no]", "").strip()
    if not number:
        return None
    found = Merchant.objects.visible_to(user_of(request)).filter(licence_no__in={number, normalise(number)}).first()
    if found is None:
        raise wrong(
            "attribute[licence_no]", number, _("No such merchant is known: leave it out and say the place in words.")
        )
    return found


def _when(text: str, field: str) -> datetime | None:
    """A time with its offset; None for no text. Raises Problem."""
    if not text:
        return None
    try:
        found = parse_datetime(text.replace(" ", "+"))  # a + that was sent without being written %2B
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 2000 <= found.year <= 2100:
        raise wrong(field, text, _("Send a time as ISO 8601 with its offset, such as 2026-03-05T22:40:00+08:00."))
    return found


# ── what became of it ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of GET Service Requests."""

    ids: list[str]
    codes: list[str]
    status: frozenset[str]
    since: datetime | None
    until: datetime | None
    size: int
    page: int

    @property
    def begins(self) -> int:
        return (self.page - 1) * self.size


def _list(request: HttpRequest, kind: str) -> HttpResponse:
    wanted = _wanted(request)
    found = _own(request)
    if wanted.ids:
        found = found.filter(token__in=wanted.ids)
    else:
        until = wanted.until or timezone.now()
        found = found.filter(reported_at__lte=until, reported_at__gte=wanted.since or until - SPAN)
    if wanted.codes:
        found = found.filter(issue__violation__in=wanted.codes)
    if len(wanted.status) == 1:
        found = found.filter(CLOSED if "closed" in wanted.status else ~CLOSED)
    rows = found.order_by("-reported_at", "-pk")[wanted.begins : wanted.begins + wanted.size]
    return answer("requests", _rows(rows), kind)


@georeport("GET")
def one(request: HttpRequest, token: str, kind: str) -> HttpResponse:
    """GET Service Request."""
    rows = _rows(_own(request).filter(token=token)) if "\0" not in token else []
    if not rows:
        raise Problem("not-found", _("service_request_id: this key brought no such report."))
    return answer("requests", rows, kind)


@georeport("GET")
def token(request: HttpRequest, token: str, kind: str) -> HttpResponse:
    """GET service_request_id from a token: every report has its id at once, and the id is its token."""
    if "\0" in token or not _own(request).filter(token=token).exists():
        raise Problem("not-found", _("token: this key brought no such report."))
    return answer("requests", [{"token": token, "service_request_id": token}], kind)


CLOSED = Q(answered_at__isnull=False) & ~Q(issue__state__in=OPEN_STATES)
"""Answered, and the issue ended; one that was opened again is open again."""


def _own(request: HttpRequest) -> QuerySet[Report]:
    """What this key's person brought."""
    return Report.objects.filter(source=Source.PUBLIC, recorded_by=user_of(request))


def _rows(reports: QuerySet[Report]) -> list[dict[str, Any]]:
    rows = list(reports.select_related("issue", "merchant"))
    names = dict(Unit.objects.filter(code__in={row.issue.responsible for row in rows}).values_list("code", "name"))
    return [_request(row, names) for row in rows]


def _request(report: Report, agencies: dict[str, str]) -> dict[str, Any]:
    """The fields of GeoReport v2's GET Service Request."""
    issue, shop = report.issue, report.merchant
    closed = report.answered_at is not None and not issue.is_open
    what = edition(issue.edition).catalogues.violation(issue.violation).label.text(_language())
    return {
        "service_request_id": report.token,
        "status": "closed" if closed else "open",
        "status_notes": _notes(report),
        "service_name": what,
        "service_code": issue.violation,
        "description": None,
        "agency_responsible": agencies.get(issue.responsible),
        "service_notice": None,
        "requested_datetime": _time(report.reported_at),
        "updated_datetime": _time(issue.closed_at or max(report.reported_at, issue.moved_at)),
        "expected_datetime": _time(report.due_at),
        "address": shop.address if shop else None,
        "address_id": None,
        "zipcode": None,
        "lat": shop.lat if shop else None,
        "long": shop.lng if shop else None,
        "media_url": None,
    }


def _notes(report: Report) -> str | None:
    """What its reporter is told now: the question that is open, else the answer of this round."""
    issue = report.issue
    if issue.is_open and report.asked:
        return report.asked
    is_of_this_round = report.answered_at is not None and not (issue.is_open and report.answered_at <= issue.clock_from)
    return report.answer if is_of_this_round else None


def _wanted(request: HttpRequest) -> Wanted:
    """Raises Problem."""
    query = request.GET
    status = frozenset(_several(query, "status"))
    if status - {"open", "closed"}:
        raise wrong("status", ",".join(sorted(status)), _("Send open, closed, or both with a comma."))
    since, until = _when(query.get("start_date", ""), "start_date"), _when(query.get("end_date", ""), "end_date")
    if since and until and not timedelta() <= until - since <= SPAN:
        raise wrong("start_date", query["start_date"], _("At most 90 days before end_date."))
    return Wanted(
        _several(query, "service_request_id"), _several(query, "service_code"), status, since, until,
        _number(query, "page_size", MOST_REQUESTS, MOST_REQUESTS), _number(query, "page", 1, 1_000_000),
    )  # fmt: skip


def _several(query: QueryDict, name: str) -> list[str]:
    """Values with commas between, or each by its own: GeoReport knows both."""
    parts = [part.strip() for text in query.getlist(name) for part in text.split(",")]
    return [part for part in parts if part and "\0" not in part][:MOST_REQUESTS]


def _number(query: QueryDict, name: str, usual: int, most: int) -> int:
    """Raises Problem."""
    text = query.get(name) or str(usual)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most):
        raise wrong(name, text, _("Send a number from 1 to %(most)d.") % {"most": most})
    return int(text)


def _time(at: datetime) -> str:
    return timezone.localtime(at).isoformat(timespec="seconds")
