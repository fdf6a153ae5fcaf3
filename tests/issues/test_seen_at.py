"""When an officer saw a find: not to come, not too long ago; the law is that of the day he names, on the page and by the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from lingxiu.files.models import StoredFile
from lingxiu.issues import rectifications
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from tests.cast import Cast
from tests.exchange.world import fields_at_fault, system
from tests.issues.world import do, find, inspecting, photo
from tests.pages import plain_static

__all__ = ["plain_static"]

AFTER_THE_CODE = datetime(2026, 8, 20, 12, tzinfo=ZoneInfo("Asia/Shanghai"))
"""Five days after the Ecological Environment Code came into force."""


@pytest.fixture(autouse=True)
def _after_the_code(plain_static: None) -> Any:
    with time_machine.travel(AFTER_THE_CODE, tick=False):
        yield


def send(cast: Cast, seen_at: str, violation: str = "V-A1") -> Any:
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.town_officer)
    sent = {"violation": violation, "words": "烟大", "seen_at": seen_at, "submission": str(uuid4())}
    return client.post(f"/issues/new/?merchant={cast.merchant.pk}", {**sent, "merchant": cast.merchant.pk})


def printable(issue: Issue) -> list[str]:
    return [basis.law.zh for basis in rectifications.bases_for(issue)]


def test_the_law_is_that_of_the_day_the_officer_names(cast: Cast) -> None:
    assert send(cast, "2026-08-10T21:30").status_code == 302
    issue = Issue.objects.get()
    assert timezone.localtime(issue.act_at).strftime("%Y-%m-%d %H:%M") == "2026-08-10 21:30"
    assert issue.reported_at == AFTER_THE_CODE
    assert printable(issue) == ["大气污染防治法"]


def test_what_is_left_empty_was_seen_now(cast: Cast) -> None:
    assert send(cast, "").status_code == 302
    issue = Issue.objects.get()
    assert (issue.act_at, printable(issue)) == (AFTER_THE_CODE, [])


@pytest.mark.parametrize(
    ("seen_at", "said"),
    [
        ("2026-08-20T12:01", "This lies in the future"),
        ("2026-07-20T23:59", "more than 30 days ago"),
        ("gestern", "valid date"),
    ],
)
def test_what_is_to_come_or_too_old_is_refused_at_its_field(cast: Cast, seen_at: str, said: str) -> None:
    answer = send(cast, seen_at)
    assert answer.status_code == 422
    assert said in str(answer.context["form"].errors["seen_at"])
    assert not Issue.objects.exists()


def test_the_first_day_of_policy_s_is_taken(cast: Cast) -> None:
    assert send(cast, "2026-07-21T00:01").status_code == 302


def test_the_api_says_the_same(cast: Cast) -> None:
    api = system(cast.town_officer, "issues.write")
    find = {"violation": "D-BIN", "words": "桶没有盖", "merchant": cast.merchant.pk}
    for act_at, status in (
        ("2026-08-20T12:01:00+08:00", 422),
        ("2026-07-20T12:00:00+08:00", 422),
        ("2026-08-10T12:00:00+08:00", 201),
    ):
        answer = api.post("/api/v1/issues", {**find, "act_at": act_at})
        assert answer.status_code == status
        if status == 422:
            assert fields_at_fault(answer) == ["act_at"]


def test_a_picture_from_the_album_is_marked_on_the_record_of_an_inspection(cast: Cast) -> None:
    issue = find(cast.town_officer, "V-A1", merchant=cast.merchant, at=AFTER_THE_CODE)
    do(issue, Move.ACCEPT, cast.town_officer, at=AFTER_THE_CODE)
    taken, kept = photo(1), photo(200)
    StoredFile.objects.filter(sha256=taken).update(origin="camera")
    StoredFile.objects.filter(sha256=kept).update(origin="album")
    seen = inspecting(cast.town_officer, at=AFTER_THE_CODE - timedelta(minutes=1))
    do(issue, Move.HANDLE, cast.town_officer, words="检查", photos=(taken, kept), inspection=seen, at=AFTER_THE_CODE)
    client = Client(headers={"accept-language": "en"})
    client.force_login(cast.town_officer)
    text = client.get(f"/issues/inspections/{Inspection.objects.get().pk}/").content.decode()
    assert text.count("photo-tag") == 1
