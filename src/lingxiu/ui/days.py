"""Days as addresses, forms and lists say them. The first and the last years a calendar knows have days no zone can tell."""

from __future__ import annotations

from datetime import date
from typing import Final

FIRST: Final = date(2000, 1, 1)
LAST: Final = date(2100, 12, 31)


def day_of(text: str) -> date | None:
    """A day from `FIRST` to `LAST`, written 2026-03-05; None for what is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if FIRST <= found <= LAST else None
