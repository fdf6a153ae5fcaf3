"""What several tests of the exchange ask for: one o'clock of a Thursday, and static files by their plain names."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine

from tests.issues.world import LATER
from tests.pages import plain_static

__all__ = ["plain_static"]


@pytest.fixture(autouse=True)
def _at_one_o_clock() -> Any:
    with time_machine.travel(LATER, tick=False):
        yield
