"""Make editions: of a folder of catalogues, and of one catalogue that somebody proposed and another put into force."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from pydantic import ValidationError

from lingxiu.journal.actions import record
from lingxiu.policy import texts
from lingxiu.policy.models import Draft, Edition
from lingxiu.policy.queries import forget
from lingxiu.policy.reading import digest, read_folder
from lingxiu.policy.schema.catalogues import Catalogues


class NothingNew(Exception):
    """What is proposed is in force already."""


class OwnDraft(Exception):
    """Whoever proposed it may not put it into force."""


class NotWaiting(Exception):
    """It was put into force, refused or taken back in the meantime."""


class Outdated(Exception):
    """Another version of that catalogue has come into force since it was written: it would be undone unseen."""


# ── folders ──────────────────────────────────────────────────────────────────────────────────────────────────────


def load(folder: Path, *, at: datetime, actor_id: int | None = None, note: str = "") -> tuple[Edition, bool]:
    """Make the folder the edition in force. Returns (edition, new): loading what is in force already changes nothing.

    Raises: PolicyRefused.
    """
    _, body = read_folder(folder)
    with transaction.atomic():
        latest = _latest_locked()
        if latest is not None and latest.sha256 == digest(body):
            return latest, False
        return _make(body, at=at, actor_id=actor_id, note=note), True


def load_at_start(folder: Path, *, at: datetime) -> tuple[Edition, bool]:
    """As `load`, but a catalogue that was put into force on a page stays, unless the folder itself has another one since.

    Returns (edition, new). Raises: PolicyRefused.
    """
    _, body = read_folder(folder)
    with transaction.atomic():
        latest = _latest_locked()
        kept = _kept_beside(body, latest) if latest is not None and latest.drafted else {}
        body = Catalogues.model_validate({**body, **kept}).model_dump(mode="json") if kept else body
        if latest is not None and latest.sha256 == digest(body):
            return latest, False
        return _make(body, at=at, note="at start", drafted=bool(kept)), True


def _kept_beside(body: dict[str, Any], latest: Edition) -> dict[str, Any]:
    """The catalogues of the edition in force that came of a draft, and fit beside what the folder says now."""
    folders = Edition.objects.filter(drafted=False, pk__lt=latest.pk).order_by("-id").first()
    said = _as_read_now(folders) if folders else {}
    drafted = Draft.objects.filter(edition__isnull=False).values_list("catalogue", flat=True).distinct()
    kept = {name: latest.body[name] for name in drafted if body[name] == said.get(name)}
    try:
        Catalogues.model_validate({**body, **kept})
    except ValidationError:  # it names what the folder has no more
        return {}
    return kept


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def propose(catalogue: str, text: str, *, why: str, by: int, at: datetime) -> Draft:
    """Write down how somebody wants a catalogue. Nothing is in force by it.

    Raises: TextRefused; ValidationError where it does not fit beside the other catalogues; NothingNew.
    """
    with transaction.atomic():
        base = Edition.objects.latest("id")
        if _with(base, catalogue, text)[catalogue] == _as_read_now(base)[catalogue]:
            raise NothingNew
        draft = Draft.objects.create(catalogue=catalogue, text=text, why=why, base=base, proposed_by=by, proposed_at=at)
        record("policy.proposed", "policy_draft", draft.pk, at=at, actor_id=by, reference={"catalogue": catalogue})
    return draft


def approve(draft_id: int, *, by: int, at: datetime) -> Edition:
    """Put a draft into force, as an edition of its own; the one before stays.

    Raises: OwnDraft, NotWaiting, Outdated; ValidationError where it no longer fits beside the other catalogues.
    """
    with transaction.atomic():
        latest = _latest_locked()
        draft = _waiting(draft_id)
        if draft.proposed_by == by:
            raise OwnDraft
        if latest is None or _as_read_now(latest)[draft.catalogue] != _as_read_now(draft.base)[draft.catalogue]:
            raise Outdated
        body = _with(latest, draft.catalogue, draft.text)
        made = _make(body, at=at, actor_id=by, note=draft.why, drafted=True, reference={"draft": draft.pk})
        Draft.objects.filter(pk=draft.pk).update(decided_by=by, decided_at=at, edition=made)
        transaction.on_commit(forget)
    return made


def refuse(draft_id: int, *, why: str, by: int, at: datetime) -> None:
    """Refuse a draft, or take one's own back. Raises: NotWaiting."""
    with transaction.atomic():
        draft = _waiting(draft_id)
        Draft.objects.filter(pk=draft.pk).update(decided_by=by, decided_at=at, refused_why=why)
        record("policy.refused", "policy_draft", draft.pk, at=at, actor_id=by, reference={"catalogue": draft.catalogue})


def _waiting(draft_id: int) -> Draft:
    """The draft, locked. Raises: NotWaiting; Draft.DoesNotExist."""
    draft = Draft.objects.select_for_update().get(pk=draft_id)
    if draft.decided_at is not None:
        raise NotWaiting
    return draft


def _with(edition: Edition, catalogue: str, text: str) -> dict[str, Any]:
    """The body of an edition with this catalogue instead of its own. Raises: TextRefused, ValidationError."""
    body = {**edition.body, catalogue: texts.read(text).value}
    return Catalogues.model_validate(body).model_dump(mode="json")


# ── editions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _as_read_now(edition: Edition) -> dict[str, Any]:
    """Its body with the fields catalogues have had since, at their defaults: else an update of the program looked like a change."""
    return Catalogues.model_validate(edition.body).model_dump(mode="json")


def _latest_locked() -> Edition | None:
    """The edition in force; until the transaction ends nobody else makes one."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE policy_edition IN SHARE ROW EXCLUSIVE MODE")
    return Edition.objects.order_by("-id").first()


def _make(
    body: dict[str, Any],
    *,
    at: datetime,
    actor_id: int | None = None,
    note: str = "",
    drafted: bool = False,
    reference: dict[str, Any] | None = None,
) -> Edition:
    edition = Edition.objects.create(
        sha256=digest(body), body=body, loaded_at=at, loaded_by=actor_id, note=note, drafted=drafted
    )
    record("policy.loaded", "edition", edition.pk, at=at, actor_id=actor_id, reference=reference)
    return edition
