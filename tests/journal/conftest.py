"""Tests of several connections at once: what they write is really committed, and taken away afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import pytest
from django.db import connection

Together: TypeAlias = Callable[[list[Callable[[], Any]]], list[Any]]


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Real commits. Only the journal's tables are emptied afterwards: the policy in force stays."""
    with django_db_blocker.unblock():
        yield
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE journal_entry, journal_submission, journal_cursor")


@pytest.fixture
def together(committed: None) -> Together:
    """Run these at the same time, each on a thread and a connection of its own; their results in the same order."""

    def run(tasks: list[Callable[[], Any]]) -> list[Any]:
        def one(task: Callable[[], Any]) -> Any:
            try:
                return task()
            finally:
                connection.close()

        with ThreadPoolExecutor(len(tasks)) as pool:
            return [future.result(60) for future in [pool.submit(one, task) for task in tasks]]

    return run
