"""Pictures by the API: taken in as on the pages, named by finds and moves of who sent them, and by nobody else."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from lingxiu.files.models import StoredFile
from lingxiu.issues.models import Issue
from tests.cast import Cast
from tests.exchange.world import System, a_picture, fields_at_fault, system
from tests.issues.world import alarm, filled, find, photo

FIND = {"violation": "D-BIN", "words": "桶没有盖", "act_at": "2026-03-05T12:30:00+08:00"}


def body(answer: Any) -> Any:
    assert answer.status_code in (200, 201), answer.content
    return answer.json()


@pytest.fixture
def member(cast: Cast) -> System:
    return system(cast.grid_member, "issues.read", "issues.write")


def test_a_picture_is_re_encoded_and_stripped_and_nobody_sees_it_before_it_is_named(cast: Cast, member: System) -> None:
    told = body(member.upload("/api/v1/photos", a_picture()))
    kept = StoredFile.objects.get(sha256=told["photo"])
    content = kept.path.read_bytes()
    assert b"SECRET-POSITION" not in content
    assert content != a_picture()
    assert (kept.stored_by, kept.uses.count()) == (cast.grid_member.pk, 0)
    assert (told["width_px"], told["height_px"]) == (kept.width_px, kept.height_px)


def test_a_find_comes_with_its_pictures(cast: Cast, member: System) -> None:
    name = body(member.upload("/api/v1/photos", a_picture()))["photo"]
    number = body(member.post("/api/v1/issues", {**FIND, "merchant": cast.merchant.pk, "photos": [name]}))["number"]
    first = Issue.objects.get(number=number).moves.order_by("version").first()
    assert first is not None
    assert first.photos == [name]
    assert StoredFile.objects.get(sha256=name).uses.get().subject_id == number


def test_an_issue_is_handled_and_fed_back_with_pictures_alone_by_the_api(cast: Cast, member: System) -> None:
    path = f"/api/v1/issues/{alarm(cast.merchant).number}/moves"
    after = body(member.upload("/api/v1/photos", a_picture(2)))["photo"]
    body(member.post(path, {"move": "accept"}))
    told = {"move": "feed_back", "result": "fixed"}
    assert fields_at_fault(member.post(path, told)) == ["photos"]
    assert body(member.post(path, {**told, "photos": [after]}))["state"] == "recheck"


def test_the_same_picture_with_the_same_key_is_one(cast: Cast, member: System) -> None:
    key = str(uuid4())
    told = [body(member.upload("/api/v1/photos", a_picture(), idempotency_key=key)) for _ in range(2)]
    assert told[0] == told[1]
    assert StoredFile.objects.count() == 1
    assert member.upload("/api/v1/photos", a_picture(9), idempotency_key=key).status_code == 422


@pytest.mark.parametrize("content", [b"", b"no picture", a_picture()[:60], b"GIF89a" + b"\0" * 40])
def test_what_is_no_picture_is_refused_at_its_field(cast: Cast, member: System, content: bytes) -> None:
    answer = member.upload("/api/v1/photos", content)
    assert answer.status_code == 422
    assert fields_at_fault(answer) == ["photo"]
    assert not StoredFile.objects.exists()


def test_a_picture_under_another_name_is_missing(cast: Cast, member: System) -> None:
    answer = member.upload("/api/v1/photos", a_picture(), name="file")
    assert answer.status_code == 422
    assert fields_at_fault(answer) == ["photo"]


def test_who_knows_a_pictures_name_may_not_name_it(cast: Cast, member: System) -> None:
    """Names are contents: knowing one opens nothing."""
    others = body(system(cast.other_grid_member, "issues.write").upload("/api/v1/photos", a_picture()))["photo"]
    for name in (others, photo(5), "0" * 64):
        answer = member.post("/api/v1/issues", {**FIND, "merchant": cast.merchant.pk, "photos": [name]})
        assert answer.status_code == 422
        assert fields_at_fault(answer) == ["photos"]
    assert fields_at_fault(member.post("/api/v1/issues", {**FIND, "photos": ["../../etc/passwd"]})) == ["photos.0"]
    assert not Issue.objects.exists()


def test_only_officers_with_the_scope_send_pictures(cast: Cast) -> None:
    assert system(cast.grid_member, "issues.read").upload("/api/v1/photos", a_picture()).status_code == 403
    assert system(cast.owner, "issues.write").upload("/api/v1/photos", a_picture()).status_code == 403


# ── the form and the reading ─────────────────────────────────────────────────────────────────────────────────────


def test_what_a_find_asks_for_is_told_wanted_and_taken(cast: Cast) -> None:
    issue = find(cast.town_officer, "V-A1", merchant=cast.merchant, photos=(photo(),))
    team = system(cast.town_officer, "issues.read", "issues.write")
    wanted = body(team.get(f"/api/v1/issues/{issue.number}"))["evidence"]
    assert wanted["form"]
    assert wanted["reading"]
    assert [question["id"] for question in wanted["questions"]] == ["mean", "sampled_on", "stoves"]
    path = f"/api/v1/issues/{issue.number}/moves"
    body(team.post(path, {"move": "accept"}))
    after = body(team.upload("/api/v1/photos", a_picture(2)))["photo"]
    told: dict[str, Any] = {"move": "feed_back", "result": "reminded", "photos": [after]}
    assert fields_at_fault(team.post(path, told)) == ["form"]
    told["form"] = filled(issue)
    assert fields_at_fault(team.post(path, told)) == ["reading"]
    for field, wrong in [("form", {"mean": "much"}), ("form", {"nobody": 1}), ("form", {"sampled_on": "5.3."})]:
        (at_fault,) = fields_at_fault(team.post(path, {**told, field: wrong}))
        assert at_fault.startswith("form.")
    assert fields_at_fault(team.post(path, {**told, "reading": "DEV@2026-03-05T12"})) == ["reading"]
    body(team.post(path, {**told, "measured": "采样检测 3.4 mg/m³"}))
    kept = issue.moves.latest("version").data
    assert (kept["form"]["mean"], kept["measured"]) == (3.0, "采样检测 3.4 mg/m³")
