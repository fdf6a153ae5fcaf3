"""What is known of stored files beside their bytes. Never says who may see one: `access.py` does."""

from __future__ import annotations

from collections.abc import Iterable

from lingxiu.files.models import Origin, StoredFile


def not_on_the_spot(names: Iterable[str]) -> set[str]:
    """Which of these pictures (sha256) are from the album. One query, none for no pictures."""
    asked = set(names)
    if not asked:
        return set()
    return set(StoredFile.objects.filter(sha256__in=asked, origin=Origin.ALBUM).values_list("sha256", flat=True))
