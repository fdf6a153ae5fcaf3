"""Two requests that arrive together: one makes it, the other is told the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connections

from lingxiu.exchange.models import Key
from lingxiu.issues.models import Issue, Report
from tests.cast import Cast
from tests.exchange.world import REPORT, system
from tests.issues.conftest import committed

__all__ = ["committed"]

TOGETHER = 4
TIMES = 20
"""The moment between looking for a report and writing it is short."""


@pytest.mark.parametrize("headers", [{}, {"idempotency_key": "same"}])
def test_the_same_report_brought_at_once_is_one(headers: dict[str, str], committed: Cast) -> None:
    other = system(committed.county_officer, "reports.12345")
    start = Barrier(TOGETHER)

    def bring(number: str) -> Any:
        start.wait()
        try:
            said = {name: f"{value}-{number}" for name, value in headers.items()}
            return other.post("/api/v1/reports", {**REPORT, "own_number": number}, **said)
        finally:
            connections.close_all()

    for time in range(1, TIMES + 1):
        with ThreadPoolExecutor(TOGETHER) as threads:
            answers = list(threads.map(bring, [f"JX{time}"] * TOGETHER))
        made = [answer.status_code for answer in answers]
        assert sorted(made) in ([200] * (TOGETHER - 1) + [201], [201] * TOGETHER), made
        assert len({answer.json()["number"] for answer in answers}) == 1
        assert Report.objects.count() == Issue.objects.count() == time
    assert Key.objects.get().uses == TOGETHER * TIMES
