"""Nobody who reads the journal misses an entry, however many write it at once."""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from lingxiu.journal.actions import Scope, record
from lingxiu.journal.models import Cursor, Entry
from lingxiu.journal.queries import Position, follow, head, read_after
from tests.journal.conftest import Together

AT = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
WRITERS = 8
TRANSACTIONS = 40


def write(writer: int) -> list[str]:
    """Many short transactions of one to five entries, some of them taken back; what was committed, by subject."""
    dice, committed = random.Random(writer), []
    for number in range(TRANSACTIONS):
        subjects = [f"{writer}-{number}-{i}" for i in range(dice.randint(1, 5))]
        with transaction.atomic():
            for subject in subjects:
                record("test.written", "test", subject, at=AT)
            if dice.random() < 0.2:
                transaction.set_rollback(True)
                continue
        committed += subjects
    return committed


def test_a_follower_of_eight_writers_misses_nothing_and_sees_nothing_twice(together: Together) -> None:
    done = threading.Event()
    seen: list[str] = []

    def keep_following() -> None:
        while not done.is_set():
            follow("test", lambda entries: seen.extend(entry.subject_id for entry in entries), limit=7)

    def write_all() -> list[str]:
        from concurrent.futures import ThreadPoolExecutor

        def one(writer: int) -> list[str]:
            try:
                return write(writer)
            finally:
                connection.close()

        try:
            with ThreadPoolExecutor(WRITERS) as pool:
                return [subject for subjects in pool.map(one, range(WRITERS)) for subject in subjects]
        finally:
            done.set()

    written, _ = together([write_all, keep_following])
    while follow("test", lambda entries: seen.extend(entry.subject_id for entry in entries)):
        pass
    assert sorted(seen) == sorted(written)
    assert len(seen) > WRITERS * TRANSACTIONS


def test_two_followers_of_one_name_share_the_work(together: Together) -> None:
    written = write(1)
    seen: list[str] = []

    def follow_to_the_end() -> None:
        while follow("shared", lambda entries: seen.extend(entry.subject_id for entry in entries), limit=3):
            pass

    together([follow_to_the_end, follow_to_the_end, follow_to_the_end])
    assert sorted(seen) == sorted(written)


def test_a_cursor_by_id_alone_would_lose_what_is_committed_late(committed: None) -> None:
    """The contrast: the earlier id is committed after the later one was read."""
    settings = connection.settings_dict
    with psycopg.connect(
        dbname=settings["NAME"],
        user=settings["USER"],
        password=settings["PASSWORD"],
        host=settings["HOST"],
        port=settings["PORT"] or None,
    ) as slow:
        slow.execute(
            "INSERT INTO journal_entry (at, kind, subject_kind, subject_id, town, grid, public, reference)"
            " VALUES (now(), 'test.slow', 'test', 'early', '', '', false, '{}')"
        )
        with transaction.atomic():
            record("test.quick", "test", "late", at=AT)
        naive = Entry.objects.order_by("id").last()
        ours = read_after(Position())
        assert naive is not None
        assert naive.subject_id == "late"
        assert ours == []  # "late" waits: something older may still come
        slow.commit()
    assert not Entry.objects.filter(id__gt=naive.id).exists()  # a cursor by id has passed "early" for ever
    assert [entry.subject_id for entry in read_after(Position())] == ["early", "late"]


def test_a_reader_that_starts_at_the_head_sees_only_what_comes_later(committed: None) -> None:
    with transaction.atomic():
        record("test.written", "test", "before", at=AT)
    start = head()
    with transaction.atomic():
        record("test.written", "test", "after", at=AT)
    assert [entry.subject_id for entry in read_after(start)] == ["after"]


def test_a_fault_while_handling_leaves_the_cursor_where_it_was(committed: None) -> None:
    with transaction.atomic():
        record("test.written", "test", "one", at=AT)

    def fail(entries: list[Entry]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        follow("faulty", fail)
    seen: list[str] = []
    assert follow("faulty", lambda entries: seen.extend(entry.subject_id for entry in entries)) == 1
    assert seen == ["one"]
    assert Cursor.objects.get(reader="faulty").entry_id == Entry.objects.get().id


@pytest.mark.parametrize("text", ["", "1", "x.y", "-1.2", f"{2**63}.1", "1.2.3"])
def test_what_is_no_position_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Position.parse(text)


def test_a_position_survives_being_written_down() -> None:
    assert Position.parse(str(Position(12, 34))) == Position(12, 34)


@pytest.mark.parametrize("tamper", ["update", "delete"])
def test_the_database_refuses_to_change_an_entry(db: None, tamper: str) -> None:
    record("test.written", "test", 1, at=AT, scope=Scope(town="330421001"))
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Entry.objects.update(kind="x") if tamper == "update" else Entry.objects.all().delete()


def test_an_entry_is_written_only_inside_a_transaction(committed: None) -> None:
    with pytest.raises(RuntimeError, match=r"test\.written"):
        record("test.written", "test", 1, at=AT)
