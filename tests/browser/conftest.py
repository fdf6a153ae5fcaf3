"""One whole installation and one Chromium for all tests of this folder: both take a while to start."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tools.driving import chromium
from tools.installation import Installation, running_demo


@pytest.fixture(scope="package")
def county(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A small demo county with its devices, as `lingxiu demo` starts it."""
    with running_demo(tmp_path_factory.mktemp("county"), "--merchants", "120") as demo:
        yield demo


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Playwright's synchronous driver cannot be started twice in one thread: hence one for the folder."""
    with chromium() as one:
        yield one
