"""Pages are rendered as in the room below."""

from __future__ import annotations

from tests.selfservice.conftest import static_files_as_they_lie

__all__ = ["static_files_as_they_lie"]
