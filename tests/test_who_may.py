"""Every address of the URL table, with every role and a stranger, against the one table of who may (tests/who_may.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client
from django.test.client import ClientHandler
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from lingxiu.accounts.models import Absence, Bond, DutyTurn, User
from lingxiu.files.actions import store_document
from lingxiu.files.models import StoredFile
from lingxiu.issues.actions.opening import Found, report
from lingxiu.issues.actions.reports import Said, take_report
from lingxiu.issues.inspection_rules import Inspecting
from lingxiu.issues.inspections import inspect
from lingxiu.issues.joint import Round, plan
from lingxiu.issues.joint_models import JointInspection
from lingxiu.issues.lookback.models import KeyPlace, Listing
from lingxiu.issues.models import Inspection, Issue, PaperTemplate, Rectification, Source
from lingxiu.issues.order_models import Order, OrderKind
from lingxiu.issues.orders import Given, Wanted, give
from lingxiu.issues.word_templates import SHIPPED, bring
from lingxiu.merchants.models import Facility, Merchant
from lingxiu.notices import links
from lingxiu.notices.models import Delivery, Notice, ReporterText
from lingxiu.policy.actions import propose
from lingxiu.policy.models import Draft
from lingxiu.policy.queries import in_force
from lingxiu.policy.reading import SHIPPED as POLICY
from lingxiu.sensing.models import Alarm, Device, Forecast, Maintainer, Mute, UnknownDevice
from tests.cast import BEGAN, Cast, person
from tests.pages import plain_static
from tests.who_may import ADMINISTRATORS, ANYONE, NOBODY, STRANGER, WHO_MAY, Row

__all__ = ["plain_static"]

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
PATTERN_PARAMETER = re.compile(r"\(\?P<(\w+)>[^)]*\)")


# ── the URL table ──


def addresses() -> Iterator[tuple[str, str]]:
    """Every address as the table writes it (`issues/<number>/`), and as Django does."""
    yield from _below(get_resolver(), "")


def _below(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _below(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield _plain(route), route


def _plain(route: str) -> str:
    """One spelling of a route, whether written as a path with converters or as a regular expression."""
    named = PARAMETER.sub(r"<\1>", PATTERN_PARAMETER.sub(r"<\1>", route))
    return named.replace("^", "").replace("$", "").replace("\\", "")


OURS = sorted(plain for plain, _ in addresses() if not plain.startswith("admin/"))


# ── what is asked for ──


# What a parameter is called in the address, and what it is there, where that is not the usual thing of that name.
MEANT = {
    "r/": {"token": "report"},
    "sensing/unknown/": {"mn": "unknown"},
    "issues/inspections/": {"paper_id": "inspection_id"},
    "issues/rectifications/": {"paper_id": "rectification_id"},
}


@dataclass(frozen=True)
class Samples:
    """Something of each kind, of the readers' own town (near) and of another (far)."""

    near: dict[str, Any]
    far: dict[str, Any]

    def path(self, route: str, *, far: bool = False) -> str:
        """The address with real things in it."""
        values = self.far if far else self.near
        meant = next((names for prefix, names in MEANT.items() if route.startswith(prefix)), {})

        def value(found: re.Match[str]) -> str:
            name = meant.get(found[1], found[1])
            if name not in values:
                raise KeyError(f"tests/test_who_may.py has no sample for {name!r} of {route}: add one to `samples`")
            return str(values[name])

        return "/" + PARAMETER.sub(value, route)


@pytest.fixture
def samples(cast: Cast) -> Samples:
    """Things made by the rooms' own verbs where there are such."""
    for user in cast.by_role.values():
        if user.authority.is_officer:
            user.set_password("wide-river-lantern-7")
            user.save()
    return Samples(_things(cast, cast.merchant), _things(cast, cast.other_merchant))


def _things(cast: Cast, merchant: Merchant) -> dict[str, Any]:
    merchant.phone = "13812341234"
    merchant.save()
    found = Found(Source.OFFICER, "L-FUME", "油烟", NOON, merchant, found_by=cast.county_officer)
    said = Said(source="public", violation="L-FUME", words="油烟大", seen_at=NOON, merchant=merchant)
    device = Device.objects.create(
        mn=f"SAMPLE{merchant.pk}", merchant=merchant, profile="plain-2017", kind="fume_monitor"
    )
    day = NOON.date()
    forecast = Forecast.objects.create(
        device=device, kind="fouling", made_at=NOON, revised_at=NOON, due_on=day, due_from=day, due_to=day, edition=1,
        inputs={
            "said": {"on": str(day), "due_on": str(day), "due_from": str(day), "due_to": str(day)},
            "chance": 0.9, "days": 20, "points": [[str(day), 1.9]],
            "reasons": [{"what": "cooking", "now": 1.9, "per_day": 0.03, "limit": 2.0}],
        },
    )  # fmt: skip
    alarm = Alarm.objects.create(
        device=device,
        code="ALM-FUME-3",
        severity="orange",
        raised_at=NOON,
        last_at=NOON,
        noticed_at=NOON,
        edition=in_force().id,
    )
    unknown = UnknownDevice.objects.create(
        mn=f"UNKNOWN{merchant.pk}", peer="10.0.0.1", first_at=NOON, last_at=NOON, first_frame=b"##", last_frame=b"##"
    )
    bond = Bond.objects.create(
        user=cast.stranger_owner, merchant_id=merchant.pk, kind="cleaning_company", made_at=BEGAN
    )
    words = f"merchant {merchant.pk}".encode()
    told = Notice.objects.create(
        person=cast.grid_member, entry_id=merchant.pk, kind="device.silent", subject_kind="merchant",
        subject_id=str(merchant.pk), merchant_id=merchant.pk, rule="N-SILENT", edition=in_force().id, at=NOON,
    )  # fmt: skip
    failed = Delivery.objects.create(
        notice=told, person=cast.grid_member, way="sms", state="failed", next_at=NOON, error="nobody answered"
    )
    place = KeyPlace.objects.create(kind="school", name=f"学校{merchant.pk}", lng=120.9, lat=30.9, added_at=NOON)
    listing = Listing.objects.create(
        merchant=merchant, colour="red", reason="示范", document_number="善餐〔2026〕1号", since=NOON.date(),
        until=NOON.date(), proposed_by=cast.town_officer, proposed_at=NOON,
    )  # fmt: skip
    file = store_document(words, content_type="text/plain", stored_at=NOON, stored_by=cast.grid_member.pk)
    reported = take_report(said, at=NOON)
    text = ReporterText.objects.create(
        report=reported, entry_id=1, about="asked", state="failed", at=NOON, next_at=NOON
    )
    return {
        "merchant_id": merchant.pk,
        "number": (issue := report(found, at=NOON)).number,
        "report": reported.token,
        "text_id": text.pk,
        "report_id": 0,
        "token": merchant.codes.get().token,
        "violation_id": "V-A1",
        "place_id": place.pk,
        "listing_id": listing.pk,
        "mn": device.mn,
        "profile_id": "plain-2017",
        "verb": "maintain",
        "form": "csv",
        "alarm_id": alarm.pk,
        "mute_id": _mute(device).pk,
        "forecast_id": forecast.pk,
        "turn_id": _turn(cast, merchant).pk,
        "maintainer_id": Maintainer.objects.create(name=f"运维{merchant.pk}").pk,
        "unknown": unknown.mn,
        "facility_id": Facility.objects.create(merchant=merchant, kind="hood").pk,
        "bond_id": bond.pk,
        "sha256": file.sha256,
        "source": "12345",
        "own_number": "JX1" if merchant == cast.merchant else "JX2",
        "kind": "json" if merchant == cast.merchant else "xml",
        "code": "P-SMOKE",
        "order_id": (order := _order(cast, merchant)).pk,
        "item_id": order.items.get().pk,
        "inspection_id": (inspection := _inspection(cast, merchant)).pk,
        "template_id": _template(cast, merchant).pk,
        "rectification_id": _rectification(inspection, issue, file).pk,
        "rule_id": "R-40-LEAD",
        "draft_id": _draft(cast).pk,
        "joint_id": (joint := _joint(cast, merchant)).pk,
        "shop_id": joint.shops.get().pk,
        "absence_id": _absence(cast, merchant).pk,
        "notice_id": told.pk,
        "delivery_id": failed.pk,
        "link": links.make(cast.grid_member.pk, "/notices/", at=NOON).rpartition("/")[2],
    }


def _order(cast: Cast, merchant: Merchant) -> Order:
    """For the grid of the merchant's town."""
    unit = cast.grid if merchant == cast.merchant else cast.other_grid
    given = Given(OrderKind.CAMPAIGN, f"C{merchant.pk}", "x", "x", NOON.date(), "D-HOOD")
    return give(given, [Wanted(unit, "x", NOON.date(), merchant)], by=cast.county_officer, at=NOON, submission=uuid4())


def _inspection(cast: Cast, merchant: Merchant) -> Inspection:
    """By two officers of the ecology department."""
    second = person(f"second-of-{merchant.pk}", "department_officer", cast.ecology)
    said = Inspecting(second.pk, ("T07",), NOON - timedelta(hours=1), NOON)
    return inspect(merchant, said, officer=cast.department_officer, words="x", at=NOON, submission=uuid4())


def _rectification(inspection: Inspection, issue: Issue, file: StoredFile) -> Rectification:
    """A draft of the same two officers."""
    made = Rectification(
        issue=issue, inspection=inspection, unit=inspection.unit, officer=inspection.officer, until=NOON.date(),
        second_officer=inspection.second_officer, demands="x", template=file.sha256, draft=file.sha256, fields={},
        made_at=NOON, made_by=inspection.officer,
    )  # fmt: skip
    made.text_sha256 = made.digest()
    made.save()
    return made


def _template(cast: Cast, merchant: Merchant) -> PaperTemplate:
    """The shipped one, brought by a body."""
    unit = cast.town_team if merchant == cast.merchant else cast.ecology
    return bring(unit, SHIPPED.read_bytes(), "x.docx", by=cast.administrator, at=NOON)


def _draft(cast: Cast) -> Draft:
    """Proposed by the administrator; the rules are the county's, not a town's."""
    text = (POLICY / "routing.yaml").read_text(encoding="utf-8").replace("R-80-TOWN", "R-81-TOWN")
    return propose("routing", text, why="x", by=cast.administrator.pk, at=NOON)


def _joint(cast: Cast, merchant: Merchant) -> JointInspection:
    """By the ecology and the market department, whose officers see the whole county."""
    people = [
        (unit, person(f"{unit.code}-{n}-{merchant.pk}", "department_officer", unit))
        for unit in (cast.ecology, cast.market)
        for n in range(2)
    ]
    wanted = Round("x", timezone.localdate() + timedelta(days=1), cast.ecology, people, [merchant])
    return plan(wanted, by=cast.county_officer, at=timezone.now(), submission=uuid4()).joint


def _mute(device: Device) -> Mute:
    """Of a device, and it lasts."""
    soon = timezone.now() + timedelta(days=1)
    return Mute.objects.create(device=device, since=NOON, until=soon, reason="送检", muted_by=1)


def _turn(cast: Cast, merchant: Merchant) -> DutyTurn:
    """Of the merchant's town, to come."""
    unit, who = (cast.town, cast.dispatcher) if merchant == cast.merchant else (cast.other_town, cast.other_dispatcher)
    soon = timezone.now() + timedelta(days=1)
    return DutyTurn.objects.create(unit=unit, person=who, since=soon, until=soon + timedelta(days=1))


def _absence(cast: Cast, merchant: Merchant) -> Absence:
    """Of the grid member of the merchant's town."""
    who = cast.grid_member if merchant == cast.merchant else cast.other_grid_member
    soon = timezone.now() + timedelta(days=1)
    return Absence.objects.create(
        user=who, since=soon, until=soon + timedelta(days=1), reason="leave", declared_at=timezone.now()
    )


# ── what is answered ──


# Middleware is loaded once for all requests, as it is in life.
HANDLER = ClientHandler(enforce_csrf_checks=False)


def readers(cast: Cast) -> dict[str, User | None]:
    return {**cast.by_role, STRANGER: None}


def ask(user: User | None, method: str, path: str) -> Any:
    """One request by this reader on a browser of their own; whatever it wrote is taken back."""
    client = Client()
    client.handler = HANDLER
    with transaction.atomic():
        if user is not None:
            client.force_login(user)
        answer = getattr(client, method)(path)
        if answer.streaming:
            b"".join(answer.streaming_content)  # read to its end, so that the file behind it is closed
        transaction.set_rollback(True)
    return answer


def is_open(answer: Any) -> bool:
    """Whether the door opened: also where the room behind it says that something is wrong with what was brought."""
    if answer.status_code in (301, 302, 303):
        return not answer["Location"].startswith("/sign-in/?next=")
    return answer.status_code not in (401, 403, 404, 405)


def opened_for(cast: Cast, method: str, path: str) -> set[str]:
    return {role for role, user in readers(cast).items() if is_open(ask(user, method, path))}


# ── the table holds ──


def test_every_address_has_a_row() -> None:
    missing = [route for route in OURS if route not in WHO_MAY]
    assert not missing, (
        f"{', '.join(missing)}: no row in tests/who_may.py. Add one for each that says who may, for example\n"
        f'    "{missing[0]}": Row(get=OFFICERS, post=EDITORS, far=WHOLE_COUNTY),'
    )


def test_every_row_has_an_address() -> None:
    assert set(WHO_MAY) - set(OURS) == set()


@pytest.mark.parametrize("route", OURS)
def test_who_may(route: str, cast: Cast, samples: Samples) -> None:
    """Near, and far where the address names something: what belongs to another town is open to who sees the whole county."""
    row = WHO_MAY.get(route, Row())
    near, far = samples.path(route), samples.path(route, far=True)
    assert opened_for(cast, "get", near) == row.get, f"GET {near}"
    assert opened_for(cast, "post", near) == row.post, f"POST {near}"
    if far != near:
        assert opened_for(cast, "get", far) == row.far, f"GET {far}, of another town"
        assert opened_for(cast, "post", far) == row.far_post, f"POST {far}, of another town"


@pytest.mark.parametrize(
    "route", [plain for plain, _ in addresses() if plain.startswith("admin/") and "<" not in plain]
)
def test_the_administration_is_the_administrators(route: str, cast: Cast) -> None:
    for method in ("get", "post"):
        assert opened_for(cast, method, f"/{route}") <= ADMINISTRATORS, f"{method} {route}"


def test_the_administrator_gets_into_the_administration(cast: Cast) -> None:
    assert opened_for(cast, "get", "/admin/") == ADMINISTRATORS


def test_an_address_nobody_made_is_nobodys(cast: Cast) -> None:
    """Deny by default: a stranger is not even told that there is nothing."""
    assert ask(None, "get", "/nothing-here/").status_code == 302
    assert ask(cast.county_officer, "get", "/nothing-here/").status_code == 404


def test_what_is_open_to_strangers_is_what_the_contract_says() -> None:
    """`/siting/` and `/ratings/` come with later rooms. Open besides: leaving, the language, and doors that decide themselves."""
    contract = ("m/", "complain/", "r/", "sign-in/", "healthz", "readyz", "metrics")
    described = ("api/v1/docs", "api/v1/openapi.json", "open311/v2/discovery", "open311/v2/services")
    makers = ("sensing/self-test/",)  # it stores nothing
    besides = ("pulse", "sign-out/", "language/", *makers)
    opened = [route for route, row in WHO_MAY.items() if STRANGER in row.get | row.post]
    assert [route for route in opened if route and not route.startswith((*contract, *described, *besides))] == []
    assert all(row.get in (ANYONE, NOBODY) for route, row in WHO_MAY.items() if route in opened)
