"""A client's write happens once, however often and however simultaneously it is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from django.db import transaction

from lingxiu.journal.actions import Json, SubmissionReused, once, record
from lingxiu.journal.models import Entry, Submission
from tests.journal.conftest import Together

AT = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
BODY: Json = {"words": "油烟很大"}


def send(uuid: UUID, body: Json = BODY, actor: str = "user:1") -> tuple[Json, bool]:
    """A write that makes one entry."""

    def write() -> Json:
        return {"entry": record("test.written", "test", "1", at=AT).pk}

    return once(uuid, actor=actor, body=body, at=AT, do=write)


def test_the_second_time_gets_the_first_times_answer(db: None) -> None:
    uuid = uuid4()
    first, again = send(uuid), send(uuid)
    assert first[1] is True
    assert again == (first[0], False)
    assert Entry.objects.filter(kind="test.written").count() == 1


def test_the_same_uuid_sent_eight_times_at_once_makes_one_record(together: Together) -> None:
    uuid = uuid4()
    answers = together([lambda: send(uuid)] * 8)
    assert Entry.objects.filter(kind="test.written").count() == 1
    assert len({answer["entry"] for answer, _ in answers}) == 1
    assert sorted(first for _, first in answers) == [False] * 7 + [True]


def test_a_reused_uuid_with_another_body_is_refused(db: None) -> None:
    uuid = uuid4()
    send(uuid)
    with pytest.raises(SubmissionReused), transaction.atomic():
        send(uuid, body={"words": "另一件事"})
    with pytest.raises(SubmissionReused), transaction.atomic():
        send(uuid, actor="user:2")
    assert Entry.objects.filter(kind="test.written").count() == 1


def test_a_write_that_failed_may_be_sent_again(db: None) -> None:
    uuid = uuid4()

    def fail() -> Json:
        record("test.written", "test", "1", at=AT)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        once(uuid, actor="user:1", body=BODY, at=AT, do=fail)
    assert not Submission.objects.filter(pk=uuid).exists()
    assert send(uuid)[1] is True
    assert Entry.objects.filter(kind="test.written").count() == 1
