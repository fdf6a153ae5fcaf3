"""Write the journal; make a client's write happen once. Never decides what is worth recording: each verb does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

from django.db import connection, transaction

from lingxiu.journal.models import Entry, Submission

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom an entry concerns: who may see it on a live page, and whose webhooks hear of it."""

    town: str = ""
    grid: str = ""
    unit_id: int | None = None
    merchant_id: int | None = None
    public: bool = False


def record(
    kind: str,
    subject_kind: str,
    subject_id: object,
    *,
    at: datetime,
    actor_id: int | None = None,
    scope: Scope = Scope(),
    reference: Json | None = None,
) -> Entry:
    """Write one entry in the transaction of the change it tells of.

    Args:
        kind: `<noun>.<past participle>`, e.g. `issue.dispatched`.
        reference: ids and codes only, never names, phones or words.
    """
    if not connection.in_atomic_block:
        raise RuntimeError(f"{kind}: an entry is written in the transaction of the change it tells of")
    return Entry.objects.create(
        kind=kind,
        subject_kind=subject_kind,
        subject_id=str(subject_id),
        at=at,
        actor_id=actor_id,
        town=scope.town,
        grid=scope.grid,
        unit_id=scope.unit_id,
        merchant_id=scope.merchant_id,
        public=scope.public,
        reference=reference or {},
    )


class SubmissionReused(Exception):
    """The same UUID came with another body, or from somebody else: a client's mistake, or a forgery."""

    def __init__(self, uuid: UUID) -> None:
        super().__init__(f"submission {uuid} was already used for something else")
        self.uuid = uuid


def once(uuid: UUID, *, actor: str, body: Json, at: datetime, do: Callable[[], Json]) -> tuple[Json, bool]:
    """Do this write unless this very submission was done before.

    Returns: (result, first): the result of `do`, or the kept one of the first time.
    Raises: SubmissionReused: the UUID is known with another body or actor.

    The row is taken before the work, in one transaction with it, so that two copies of one request that
    arrive together cannot both do it: the second waits for the first and then finds its result.
    """
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str, ensure_ascii=False).encode()).hexdigest()
    with transaction.atomic():
        row, first = Submission.objects.get_or_create(
            uuid=uuid, defaults={"actor": actor, "body_hash": digest, "at": at}
        )
        if not first:
            if row.actor != actor or row.body_hash != digest:
                raise SubmissionReused(uuid)
            return row.result or {}, False
        row.result = do()
        row.save(update_fields=["result"])
        return row.result, True
