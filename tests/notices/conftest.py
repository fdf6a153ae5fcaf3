"""What tests of notices ask for: plain static files, the other side of 浙政钉, a gateway of text messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.notices.others import Phone, Zhezhengding
from tests.pages import plain_static

__all__ = ["plain_static"]


@pytest.fixture
def zhezhengding(settings: Any) -> Iterator[Zhezhengding]:
    """浙政钉's gateway on this machine, and the application set up for it."""
    with Zhezhengding() as other:
        settings.ZHEZHENGDING_HOST, settings.ZHEZHENGDING_TENANT = other.url, other.tenant
        settings.ZHEZHENGDING_KEY, settings.ZHEZHENGDING_SECRET = other.key, other.secret
        yield other


@pytest.fixture
def phone(settings: Any) -> Iterator[Phone]:
    """A gateway of text messages on this machine, and the settings for it."""
    with Phone() as other:
        settings.SMS_URL, settings.SMS_TOKEN = f"{other.url}/send", other.token
        yield other
