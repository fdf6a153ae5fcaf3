"""Pages are opened here."""

from __future__ import annotations

from tests.pages import plain_static

__all__ = ["plain_static"]
