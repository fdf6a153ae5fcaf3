"""Load a folder of catalogues as a new edition."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.db import connection, transaction

from lingxiu.journal.actions import record
from lingxiu.policy.models import Edition
from lingxiu.policy.reading import digest, read_folder


def load(folder: Path, *, at: datetime, actor_id: int | None = None, note: str = "") -> tuple[Edition, bool]:
    """Make the folder the edition in force. Returns (edition, new): loading what is in force already changes nothing.

    Raises: PolicyRefused.
    """
    _, body = read_folder(folder)
    sha256 = digest(body)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE policy_edition IN SHARE ROW EXCLUSIVE MODE")
        latest = Edition.objects.order_by("-id").first()
        if latest is not None and latest.sha256 == sha256:
            return latest, False
        edition = Edition.objects.create(sha256=sha256, body=body, loaded_at=at, loaded_by=actor_id, note=note)
        record("policy.loaded", "edition", edition.pk, at=at, actor_id=actor_id)
    return edition, True
