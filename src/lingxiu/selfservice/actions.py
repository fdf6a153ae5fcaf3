"""What a merchant, a cleaning company or a hauler declares: the self-check of a month, something cleaned, emptied, handed over.

Each happens once, however often it is sent; each is journalled. Whether this person may is the caller's to ask (`queries.may_do`).
What of a self-check needs time or help becomes an issue, which is the shop's own word and no finding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO
from uuid import UUID, uuid5

from django.utils import timezone

from lingxiu.accounts.models import User
from lingxiu.files.actions import Prepared, Shot, keeping, prepare_photo, use_file
from lingxiu.issues.actions.opening import Found, report
from lingxiu.issues.models import Issue, Source
from lingxiu.journal.actions import Json, once, record
from lingxiu.merchants import actions
from lingxiu.merchants.actions import Care
from lingxiu.merchants.models import CareRecord, Merchant
from lingxiu.policy.queries import in_force
from lingxiu.policy.schema.selfcheck import SelfCheckItem
from lingxiu.selfservice.models import SelfCheck
from lingxiu.selfservice.queries import month_of

OWN_WORD = UUID("5c1c8f0e-2d9b-4a56-8f0b-6e7a3c4d2b19")
"""Name space of the submissions of issues from self-checks: a shop says a thing once a day."""
PHOTO_OF = "photo_%s"
"""Under which name the picture of a medium comes: exhaust, drains, waste."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as the phone sent it, and under which name."""

    file: BinaryIO
    shot: Shot
    name: str = ""

    def digest(self) -> str:
        """What makes two pictures the same."""
        self.file.seek(0)
        found = hashlib.sha256(self.file.read()).hexdigest()
        self.file.seek(0)
        return found


class AlreadyDeclared(Exception):
    """The month's self-check stands already: somebody else of the shop was faster. `check`: theirs."""

    def __init__(self, check: SelfCheck) -> None:
        super().__init__(f"self-check of {check.merchant_id} for {check.month:%Y-%m} stands already")
        self.check = check


def declare(
    merchant: Merchant,
    answers: Mapping[str, bool | None],
    *,
    actor: User,
    at: datetime,
    submission: UUID,
    later: Collection[str] = (),
    pictures: Sequence[Picture] = (),
) -> SelfCheck:
    """Declare the self-check of the month that is now. `later`: items that the owner needs time or help for.

    Raises: AlreadyDeclared; PhotoRefused; SubmissionReused.
    """
    month = month_of(at)
    prepared = _prepared(pictures, merchant, actor, at)

    def do() -> Json:
        check, first = SelfCheck.objects.get_or_create(
            merchant=merchant,
            month=month,
            defaults={
                "answers": dict(answers),
                "edition": in_force().id,
                "declared_at": at,
                "declared_by": actor.pk,
                "submission": submission,
            },
        )
        if not first:
            raise AlreadyDeclared(check)
        wrong = sorted(item for item, in_order in answers.items() if in_order is False)
        with _attached(prepared, actor, at, "self_check", check.pk) as names:
            shown = [(picture.name, name) for picture, name in zip(pictures, names, strict=True)]
            opened = [number for item in sorted(later) if (number := _own_word(merchant, item, actor, at, shown))]
        reference = {"month": f"{month:%Y-%m}", "not_in_order": wrong, "issues": opened}
        record(
            "self_check.declared", "self_check", check.pk, at=at, actor_id=actor.pk,
            scope=actions.scope_of(merchant), reference=reference,
        )  # fmt: skip
        return {"self_check": check.pk}

    body = {"merchant": merchant.pk, "month": month, "answers": dict(answers), "later": sorted(later),
            "pictures": _digests(pictures)}  # fmt: skip
    result, _ = once(submission, actor=f"user:{actor.pk}", body=body, at=at, do=do)
    return SelfCheck.objects.get(pk=result["self_check"])


def _own_word(merchant: Merchant, item_id: str, owner: User, at: datetime, shown: Sequence[tuple[str, str]]) -> str:
    """An issue of what the owner says they cannot put right at once: their own word, kept with it, and the pictures they took of
    that part of the kitchen. Its number; empty where the same is open already, or the county's list opens none for it.

    Args:
        shown: the name each picture came under, and its file's.
    """
    item: SelfCheckItem | None = {row.id: row for row in in_force().catalogues.selfcheck.items}.get(item_id)
    if item is None or not item.violation:
        return ""
    if Issue.objects.open().filter(merchant=merchant, violation=item.violation).exists():
        return ""
    found = Found(
        Source.SELF_CHECK, item.violation, item.label.zh, at, merchant, found_by=owner, data={"self_check": item.id},
        photos=tuple(dict.fromkeys(file for name, file in shown if name == PHOTO_OF % item.medium)),
    )  # fmt: skip
    said = f"{merchant.pk}\n{item.id}\n{timezone.localdate(at)}"
    return report(found, at=at, submission=uuid5(OWN_WORD, said)).number


def record_care(
    merchant: Merchant, care: Care, *, actor: User, at: datetime, submission: UUID, pictures: Sequence[Picture] = ()
) -> CareRecord:
    """Have it kept, once, that something was cleaned, emptied or handed over, with its pictures.

    Raises: PhotoRefused; SubmissionReused.
    """
    prepared = _prepared(pictures, merchant, actor, at)

    def do() -> Json:
        row = actions.record_care(merchant, care, at=at, by=actor.pk)
        with _attached(prepared, actor, at, "care_record", row.pk):
            return {"care": row.pk}

    body = {
        "merchant": merchant.pk, "kind": str(care.kind), "on": care.on, "by": care.by, "kg": care.kg,
        "pictures": _digests(pictures),
    }  # fmt: skip
    result, _ = once(submission, actor=f"user:{actor.pk}", body=body, at=at, do=do)
    return CareRecord.objects.get(pk=result["care"])


def _prepared(pictures: Sequence[Picture], merchant: Merchant, actor: User, at: datetime) -> list[Prepared]:
    """The pictures decoded, before any transaction; one without words in its pixels gets shop, place, time and person from us."""
    caption = [merchant.name, merchant.address, f"{timezone.localtime(at):%Y-%m-%d %H:%M}", actor.name]
    return [prepare_photo(picture.file, shot=picture.shot, caption=caption) for picture in pictures]


@contextmanager
def _attached(
    photos: Sequence[Prepared], actor: User, at: datetime, subject_kind: str, subject_id: int
) -> Iterator[list[str]]:
    """The pictures as the subject's own, by the names of their files."""
    with keeping(photos, stored_at=at, stored_by=actor.pk) as rows:
        for row in rows:
            use_file(row, subject_kind, subject_id)
        yield [row.sha256 for row in rows]


def _digests(pictures: Sequence[Picture]) -> list[str]:
    return [picture.digest() for picture in pictures]
