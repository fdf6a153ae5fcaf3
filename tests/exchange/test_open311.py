"""Open311 GeoReport v2: every field of the specification in both formats, and nothing of a report that is not told."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Report
from lingxiu.issues.reporters import add
from tests.cast import Cast
from tests.exchange.world import System, a_picture, system
from tests.issues.world import LATER, do, to_closed

ROOT = "/open311/v2"
# The field lists of GeoReport v2, from its specification.
SERVICE = {"service_code", "service_name", "description", "metadata", "type", "keywords", "group"}
DEFINITION = {"service_code", "attributes"}
ATTRIBUTE = {"variable", "code", "datatype", "required", "datatype_description", "order", "description"}
MADE = {"service_request_id", "service_notice", "account_id"}
REQUEST = {
    "service_request_id", "status", "status_notes", "service_name", "service_code", "description", "agency_responsible",
    "service_notice", "requested_datetime", "updated_datetime", "expected_datetime", "address", "address_id", "zipcode",
    "lat", "long", "media_url",
}  # fmt: skip
DISCOVERY = {"changeset", "contact", "key_service", "endpoints"}
ENDPOINT = {"specification", "url", "changeset", "type", "formats"}

SMOKE = {
    "service_code": "P-SMOKE", "lat": "30.851", "long": "120.921", "address_string": "人民大道8号302室",
    "description": "每晚油烟进屋 <b>&amp;", "first_name": "小明", "last_name": "王", "phone": "13900001234",
    "attribute[seen_at]": "2026-03-05T12:40:00+08:00", "jurisdiction_id": "330421", "device_id": "d1", "email": "a@example.org",
}  # fmt: skip
SECRETS = ("302", "30.851", "120.921", "油烟进屋", "小明", "13900001234")


def key(cast: Cast) -> System:
    return system(cast.county_officer, "open311")


def post(other: System | None, kind: str = "json", **fields: Any) -> Any:
    sent = {**SMOKE, **fields, **({"api_key": other.secret} if other else {})}
    return Client(headers={"accept-language": "en"}).post(f"{ROOT}/requests.{kind}", sent)


def rows(answer: Any) -> list[dict[str, Any]]:
    """The rows of an answer in either format, as plain values; texts alone in XML."""
    assert answer.status_code in (200, 201), answer.content
    if answer["Content-Type"].startswith("application/json"):
        found: list[dict[str, Any]] = answer.json()
        return found
    assert answer.content.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
    return [{field.tag: field.text for field in row} for row in Xml.fromstring(answer.content)]


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_what_may_be_reported_is_open_to_anyone(kind: str, cast: Cast) -> None:
    found = rows(Client().get(f"{ROOT}/services.{kind}"))
    assert {"P-SMOKE", "P-NOISE"} <= {row["service_code"] for row in found}
    assert all(row["service_code"].startswith("P-") for row in found)
    for row in found:
        assert set(row) == SERVICE
        assert str(row["metadata"]).lower() == "true"
        assert row["type"] == "realtime"
    assert rows(Client(headers={"accept-language": "en"}).get(f"{ROOT}/services.{kind}"))[0]["service_name"].isascii()


def test_a_service_is_defined_in_both_formats(cast: Cast) -> None:
    told = Client().get(f"{ROOT}/services/P-SMOKE.json").json()
    assert set(told) == DEFINITION
    assert [set(row) for row in told["attributes"]] == [ATTRIBUTE, ATTRIBUTE]
    assert {row["datatype"] for row in told["attributes"]} <= {
        "string", "number", "datetime", "text", "singlevaluelist", "multivaluelist",
    }  # fmt: skip
    root = Xml.fromstring(Client().get(f"{ROOT}/services/P-SMOKE.xml").content)
    assert root.tag == "service_definition"
    assert [row.tag for row in root.find("attributes") or []] == ["attribute", "attribute"]
    for code in ("V-A1", "L-FUME", "nothing"):
        assert Client().get(f"{ROOT}/services/{code}.xml").status_code == 404


def test_it_can_be_discovered(cast: Cast) -> None:
    told = Client().get(f"{ROOT}/discovery.json").json()
    assert set(told) == DISCOVERY
    assert set(told["endpoints"][0]) == ENDPOINT
    root = Xml.fromstring(Client().get(f"{ROOT}/discovery.xml").content)
    assert root.findtext("endpoints/endpoint/url", "").endswith("/open311/v2")
    assert [row.text for row in root.findall("endpoints/endpoint/formats/format")] == ["text/xml", "application/json"]


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_a_report_is_taken_and_followed_to_its_answer(kind: str, cast: Cast) -> None:
    other = key(cast)
    made = post(other, kind)
    assert made.status_code == 201
    (row,) = rows(made)
    assert set(row) == MADE
    report = Report.objects.get()
    assert row["service_request_id"] == report.token
    assert (report.source, report.reporter_name, report.words) == ("public", "王小明", SMOKE["description"])
    assert (report.lng, report.lat) == (120.921, 30.851)
    assert report.issue.town == "330421001"

    path = f"{ROOT}/requests/{report.token}.{kind}"
    (now,) = rows(other.get(path))
    assert set(now) == REQUEST
    assert (now["status"], now["status_notes"], now["service_code"]) == ("open", None, "P-SMOKE")
    assert now["agency_responsible"] == "生态环境分局"
    assert datetime.fromisoformat(now["requested_datetime"]) == LATER
    assert datetime.fromisoformat(now["expected_datetime"]) == report.due_at
    assert not any(secret in str(now) for secret in SECRETS)

    do(report.issue, Move.DISPATCH, cast.dispatcher, unit=cast.grid)
    to_closed(cast, report.issue, answer="已清洗")
    (then,) = rows(other.get(path))
    assert (then["status"], then["status_notes"]) == ("closed", "已清洗")
    do(report.issue, Move.REOPEN, cast.dispatcher, words="又来了")
    assert rows(other.get(path))[0]["status"] == "open"


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_a_token_is_its_requests_id(kind: str, cast: Cast) -> None:
    other = key(cast)
    made = rows(post(other))[0]["service_request_id"]
    assert rows(other.get(f"{ROOT}/tokens/{made}.{kind}")) == [{"token": made, "service_request_id": made}]
    assert other.get(f"{ROOT}/tokens/nothing.{kind}").status_code == 404


def test_requests_are_listed_and_filtered(cast: Cast) -> None:
    other = key(cast)
    first = rows(post(other))[0]["service_request_id"]
    second = rows(post(other, service_code="P-NOISE"))[0]["service_request_id"]

    def found(**query: str) -> list[str]:
        answer = rows(other.get(f"{ROOT}/requests.json", **query))
        return [row["service_request_id"] for row in answer]

    assert found() == [second, first]
    assert found(service_code="P-SMOKE,P-WASTE") == [first]
    assert found(service_request_id=f"{first},nothing") == [first]
    assert found(status="closed") == []
    assert found(status="open,closed") == [second, first]
    assert found(start_date="2026-03-01T00:00:00+08:00", end_date="2026-03-04T00:00:00+08:00") == []
    assert found(start_date="2026-03-05T00:00:00+08:00") == [second, first]
    with time_machine.travel(LATER + timedelta(days=91), tick=False):
        assert found() == []
        assert found(service_request_id=first) == [first]


def test_a_system_sees_its_own_reports_alone(cast: Cast) -> None:
    made = rows(post(key(cast)))[0]["service_request_id"]
    stranger = system(cast.dispatcher, "open311")
    assert rows(stranger.get(f"{ROOT}/requests.json")) == []
    assert stranger.get(f"{ROOT}/requests/{made}.json").status_code == 404


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_without_a_key_there_is_nothing(kind: str, cast: Cast) -> None:
    session = Client()
    session.force_login(cast.county_officer)
    for path in (f"/requests.{kind}", f"/requests/x.{kind}", f"/tokens/x.{kind}"):
        for client in (Client(), session):
            refused = client.get(ROOT + path)
            assert refused.status_code == 403
            assert errors(refused)
    assert errors(post(None, kind))
    assert system(cast.county_officer, "issues.read").get(f"{ROOT}/requests.{kind}").status_code == 403
    assert post(system(cast.leader, "open311"), kind).status_code == 403
    assert Report.objects.count() == 0


def errors(answer: Any) -> list[dict[str, str]]:
    """GeoReport's errors: every one with a code and a description."""
    if answer["Content-Type"].startswith("application/json"):
        found: list[dict[str, str]] = answer.json()
    else:
        root = Xml.fromstring(answer.content)
        assert root.tag == "errors"
        found = [{field.tag: field.text or "" for field in row} for row in root]
    for row in found:
        assert set(row) == {"code", "description"}
        assert str(row["code"]) == str(answer.status_code)
        assert row["description"]
    return found


@pytest.mark.parametrize("kind", ["json", "xml"])
@pytest.mark.parametrize(
    ("change", "named"),
    [({"media_url": "ftp://example.org/1.jpg"}, "media_url"), ({"service_code": ""}, "service_code"),
     ({"lat": "thirty"}, "lat"), ({"lat": ""}, "lat"), ({"long": "12"}, "lat"),
     ({"lat": "nan"}, "lat"), ({"lat": "", "long": "", "address_string": ""}, "address_string"), ({"phone": "x"}, "phone"),
     ({"description": "a\x07b"}, "description"), ({"description": "x" * 4001}, "description"),
     ({"attribute[seen_at]": "yesterday"}, "attribute[seen_at]"),
     ({"attribute[seen_at]": "2026-03-05T12:40:00"}, "attribute[seen_at]"),
     ({"attribute[licence_no]": "JY1"}, "attribute[licence_no]"), ({"colour": "red"}, "colour")],
)  # fmt: skip
def test_what_is_not_right_is_named(kind: str, change: dict[str, str], named: str, cast: Cast) -> None:
    answer = post(key(cast), kind, **change)
    assert answer.status_code == 400, answer.content
    assert errors(answer)[0]["description"].startswith(f"{named}: ")
    assert Report.objects.count() == 0


def test_a_code_is_a_number_in_json_and_what_does_not_exist_is_404(cast: Cast) -> None:
    refused = post(key(cast), service_code="L-FUME")
    assert (refused.status_code, refused.json()[0]["code"]) == (404, 404)
    assert refused.json()[0]["description"].startswith("service_code")


def test_what_is_sent_empty_is_as_if_it_were_not_sent(cast: Cast) -> None:
    assert post(key(cast), colour="", extensions="true", locale="en").status_code == 201


# ── pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_with_the_address_of_a_picture_is_taken_and_nothing_is_fetched(cast: Cast) -> None:
    url = "https://example.org/1.jpg"
    assert post(key(cast), media_url=url).status_code == 201
    report = Report.objects.get()
    assert (report.photos, report.words.splitlines()[0]) == ([], SMOKE["description"])
    assert report.words.endswith(url), "an officer may look at it"


def picture(seed: int = 0) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.jpg", a_picture(seed), "image/jpeg")


@pytest.mark.parametrize("name", ["media", "media[]"])
def test_pictures_come_along_as_files_and_are_seen_by_who_reads_reports(name: str, cast: Cast) -> None:
    made = post(key(cast), **{name: [picture(1), picture(200)]})
    assert made.status_code == 201
    report = Report.objects.get()
    assert len(report.photos) == 2
    address = f"/files/{report.photos[0]}/"
    for user, status in ((cast.dispatcher, 200), (cast.grid_member, 404), (cast.owner, 404)):
        client = Client()
        client.force_login(user)
        answer: Any = client.get(address)
        assert answer.status_code == status
        assert status == 404 or b"".join(answer.streaming_content)


def test_a_picture_that_is_none_or_too_many_are_refused_by_name(cast: Cast) -> None:
    for media in ([SimpleUploadedFile("a.jpg", b"no picture", "image/jpeg")], [picture(n) for n in range(4)]):
        refused = post(key(cast), media=media)
        assert refused.status_code == 400
        assert errors(refused)[0]["description"].startswith("media: ")
    assert Report.objects.count() == 0


# ── as it goes on ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_question_and_an_answer_meanwhile_stand_in_its_notes(cast: Cast) -> None:
    other = key(cast)
    post(other)
    report = Report.objects.get()

    def now() -> dict[str, Any]:
        (row,) = rows(other.get(f"{ROOT}/requests/{report.token}.json"))
        return row

    do(report.issue, Move.ASK, cast.dispatcher, words="大概几点？", at=LATER + timedelta(minutes=1))
    assert (now()["status"], now()["status_notes"]) == ("open", "大概几点？")
    assert datetime.fromisoformat(now()["updated_datetime"]) == LATER + timedelta(minutes=1)
    add(report, "晚上十点", at=LATER + timedelta(minutes=2))
    assert now()["status_notes"] is None
    do(report.issue, Move.ANSWER, cast.dispatcher, report=report.pk, answer="已派人", at=LATER + timedelta(minutes=3))
    assert (now()["status"], now()["status_notes"]) == ("open", "已派人")


def test_filters_may_be_declared_several_times_and_pages_follow_one_another(cast: Cast) -> None:
    other = key(cast)
    made = [rows(post(other))[0]["service_request_id"] for _ in range(3)][::-1]

    def found(query: str) -> list[str]:
        answer = Client(headers={"authorization": f"Bearer {other.secret}"}).get(f"{ROOT}/requests.json?{query}")
        return [row["service_request_id"] for row in rows(answer)]

    assert found("status=open&status=closed") == made
    assert found("service_code=P-NOISE&service_code=P-SMOKE") == made
    assert [found(f"page_size=2&page={page}") for page in (1, 2, 3)] == [made[:2], made[2:], []]
    refused = other.get(f"{ROOT}/requests.json", page_size="0")
    assert (refused.status_code, errors(refused)[0]["description"].split(":")[0]) == (400, "page_size")


def test_what_is_asked_wrongly_is_named(cast: Cast) -> None:
    other = key(cast)
    for query, named in [
        ({"status": "lost"}, "status"),
        ({"start_date": "2026"}, "start_date"),
        ({"start_date": "2025-01-01T00:00:00Z", "end_date": "2026-01-01T00:00:00Z"}, "start_date"),
    ]:
        answer = other.get(f"{ROOT}/requests.json", **query)
        assert errors(answer)[0]["description"].startswith(named)
    assert other.get(f"{ROOT}/requests.csv").status_code == 404
    assert other.get(f"{ROOT}/services.json", jurisdiction_id="110101").status_code == 404
    assert Client().delete(f"{ROOT}/requests.json")["Allow"] == "GET, POST"


def test_an_idempotency_key_makes_one_report_of_two_tries(cast: Cast) -> None:
    other = key(cast)
    client = Client(headers={"idempotency-key": "one"})
    answers = [client.post(f"{ROOT}/requests.json", {**SMOKE, "api_key": other.secret}) for _ in range(2)]
    assert rows(answers[0]) == rows(answers[1])
    assert Report.objects.count() == 1
    assert other.get(f"{ROOT}/requests.json")["RateLimit-Remaining"] == "117"


def test_a_shop_is_told_where_it_is_once_it_was_named(cast: Cast) -> None:
    cast.merchant.licence_no = "JY23304210012345"
    cast.merchant.save()
    other = key(cast)
    post(other, **{"attribute[licence_no]": "JY23304210012345"})
    (row,) = rows(other.get(f"{ROOT}/requests.json"))
    assert (row["address"], row["lat"], row["long"]) == ("人民大道1号", 30.85, 120.92)
