"""会签: both officers of a paper sign the same version of its text, each himself. Never decides what the paper may say.

A paper's row is locked while somebody signs it or changes it, and who signs names the version and the SHA-256 he was shown: so a
text that changed meanwhile is not signed, and of two who press at once the later one sees what the first has done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from lingxiu.accounts.models import User
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.rectification_models import Rectification
from lingxiu.issues.signing_models import WAITING, Signature, waiting_for
from lingxiu.journal.actions import record

Paper: TypeAlias = Inspection | Rectification
Kind = TypeVar("Kind", Inspection, Rectification)

SIGNED, REFUSED = Signature.Verdict.SIGNED, Signature.Verdict.REFUSED
LONGEST_REASON = 300
WHY_NOT: dict[str, str | Promise] = {
    "person": _("Only the two officers named on it sign it, each signed in as himself."),
    "changed": _("The text was changed since you opened it. Read it again, then sign."),
    "final": _("Both officers have signed it: it stays as it is."),
    "withdrawn": _("It was withdrawn."),
    "refused": _("It was refused as it stands: it must be put right first."),
    "reason": _("Write why you do not sign it."),
    "writer": _("Only who wrote it, or one of its two officers, changes or withdraws it."),
}


class SigningRefused(Exception):
    """What cannot be signed, changed or withdrawn. `why`: a key of `WHY_NOT`."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def kind_of(paper: Paper) -> str:
    """What kind it is, in the journal and in addresses: `inspection` or `rectification`."""
    return "inspection" if isinstance(paper, Inspection) else "rectification"


def shown(paper: Paper) -> str:
    """What a form says it showed: the version and its text."""
    return f"{paper.version}.{paper.text_sha256}"


def lock(model: type[Kind], pk: int) -> Kind:
    """A paper nobody else signs or changes meanwhile. Raises model.DoesNotExist."""
    return model._default_manager.select_for_update(of=("self",)).get(pk=pk)


def open_for(paper: Paper, seen: str) -> None:
    """Whether this version may still be signed, refused or changed. Raises SigningRefused."""
    if paper.withdrawn_at is not None:
        raise SigningRefused("withdrawn")
    if paper.is_final:
        raise SigningRefused("final")
    if seen != shown(paper) or paper.digest() != paper.text_sha256:
        raise SigningRefused("changed")


def write_down(paper: Paper, by: User, at: datetime) -> list[int]:
    """Say of a new version what it says and since when it waits; whoever wrote it and is one of the two has signed it by that.

    The caller saves the paper before. Returns: who must sign it now.
    """
    paper.text_sha256, paper.written_at = paper.digest(), at
    paper.reminded_at = paper.raised_at = None
    paper.save(update_fields=["text_sha256", "written_at", "reminded_at", "raised_at"])
    if by.pk in paper.officer_ids:
        _say(paper, by, SIGNED, "", at)
    return unsigned(paper)


def sign(paper: Paper, by: User, seen: str, at: datetime) -> bool:
    """Sign this version of a locked paper; signed twice, it is signed once. Returns whether it is final by that.

    Raises: SigningRefused.
    """
    if by.pk not in paper.officer_ids:
        raise SigningRefused("person")
    said = _said(paper)
    if by.pk in said and said[by.pk].verdict == SIGNED and seen == shown(paper):
        return False
    open_for(paper, seen)
    if any(one.verdict == REFUSED for one in said.values()):
        raise SigningRefused("refused")
    _say(paper, by, SIGNED, "", at)
    if unsigned(paper):
        return False
    paper.signed_at = at
    paper.save(update_fields=["signed_at"])
    kind = kind_of(paper)
    people = [one for one in paper.officer_ids if one != by.pk]
    record(f"{kind}.signed", kind, paper.pk, at=at, actor_id=by.pk, scope=paper.scope(), reference=_of(paper, people))
    return True


def refuse(paper: Paper, by: User, seen: str, words: str, at: datetime) -> None:
    """Refuse a locked paper as it stands, for a reason: whoever wrote it puts it right, or withdraws it. Raises: SigningRefused."""
    if by.pk not in paper.officer_ids:
        raise SigningRefused("person")
    open_for(paper, seen)
    if by.pk in _said(paper):
        raise SigningRefused("refused" if _said(paper)[by.pk].verdict == REFUSED else "final")
    if not words.strip():
        raise SigningRefused("reason")
    _say(paper, by, REFUSED, words.strip()[:LONGEST_REASON], at)
    kind = kind_of(paper)
    people = sorted({*paper.officer_ids, writer_of(paper)} - {by.pk})
    record(f"{kind}.refused", kind, paper.pk, at=at, actor_id=by.pk, scope=paper.scope(), reference=_of(paper, people))


def withdraw(paper: Paper, by: User, words: str, at: datetime) -> None:
    """Take back a locked paper that is not final, for a reason. Raises: SigningRefused."""
    refuse_writer(paper, by)
    if paper.is_final:
        raise SigningRefused("final")
    if paper.withdrawn_at is not None:
        raise SigningRefused("withdrawn")
    if not words.strip():
        raise SigningRefused("reason")
    paper.withdrawn_at, paper.withdrawn_why = at, words.strip()[:LONGEST_REASON]
    paper.save(update_fields=["withdrawn_at", "withdrawn_why"])
    kind = kind_of(paper)
    people = sorted({*paper.officer_ids} - {by.pk})
    record(
        f"{kind}.withdrawn", kind, paper.pk, at=at, actor_id=by.pk, scope=paper.scope(), reference=_of(paper, people)
    )


def refuse_writer(paper: Paper, by: User) -> None:
    """Raises SigningRefused for anybody but the two officers and whoever wrote it down."""
    if by.pk not in {*paper.officer_ids, writer_of(paper)}:
        raise SigningRefused("writer")


def writer_of(paper: Paper) -> int:
    """Who wrote it down: mostly one of the two, else who entered it for them."""
    return paper.recorded_by_id if isinstance(paper, Inspection) else paper.made_by_id


def unsigned(paper: Paper) -> list[int]:
    """Which of the two has not signed this version."""
    signed = {pk for pk, one in _said(paper).items() if one.verdict == SIGNED}
    return [pk for pk in paper.officer_ids if pk not in signed]


def whose_turn(paper: Paper) -> list[int]:
    """Who must do something now: who has not signed; once somebody refused, the other one and who wrote it."""
    if not paper.is_waiting:
        return []
    refused = [one.officer_id for one in _said(paper).values() if one.verdict == REFUSED]
    if not refused:
        return unsigned(paper)
    return sorted({*paper.officer_ids, writer_of(paper)} - set(refused))


def _said(paper: Paper) -> dict[int, Signature]:
    """Officer → what he said of this version."""
    return {one.officer_id: one for one in paper.signatures.filter(version=paper.version)}


def _say(paper: Paper, by: User, verdict: Signature.Verdict, words: str, at: datetime) -> None:
    Signature.objects.create(
        **{kind_of(paper): paper}, officer=by, version=paper.version, text=paper.text(), text_sha256=paper.text_sha256,
        verdict=verdict, words=words, at=at,
    )  # fmt: skip


def _of(paper: Paper, people: Iterable[int]) -> dict[str, object]:
    """What an entry says beside its kind: which version, and whom to tell."""
    return {"version": paper.version, "people": list(people)}


# ── how it stands ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Hand:
    """One officer's word on the version that stands, if he gave one."""

    officer: User
    said: Signature | None


def hands(paper: Paper) -> list[Hand]:
    """Both officers, the first one first."""
    said = _said(paper)
    return [Hand(one, said.get(one.pk)) for one in (paper.officer, paper.second_officer)]


def to_do(user: User) -> list[Paper]:
    """Papers that wait for this person's word, the longest waiting first."""
    with_all = ("officer", "second_officer", "unit")
    inspections = Inspection.objects.filter(waiting_for(user.pk, "inspection")).select_related("merchant", *with_all)
    notices = Rectification.objects.filter(waiting_for(user.pk, "rectification"))
    found: list[Paper] = [*inspections, *notices.select_related("issue__merchant", *with_all)]
    return sorted(found, key=lambda one: (one.written_at is not None and one.written_at.timestamp()) or 0.0)


def waiting_in(units: Iterable[int]) -> set[tuple[int, int]]:
    """Unit and person, where a paper of the unit waits for the person's word."""
    rows: list[Paper] = [
        *Inspection.objects.filter(WAITING, unit__in=units),
        *Rectification.objects.filter(WAITING, unit__in=units),
    ]
    return {(row.unit_id, pk) for row in rows for pk in whose_turn(row) if pk in row.officer_ids}


def counted(user: User) -> int:
    """How many there are."""
    inspections = Inspection.objects.filter(waiting_for(user.pk, "inspection"))
    return inspections.count() + Rectification.objects.filter(waiting_for(user.pk, "rectification")).count()


def paper(kind: str, pk: str) -> Paper | None:
    """The paper an entry of the journal names."""
    if kind == "inspection":
        return Inspection.objects.filter(pk=pk).first()
    return Rectification.objects.filter(pk=pk).first() if kind == "rectification" else None


def whose_turn_at(kind: str, pk: str) -> list[int]:
    """`whose_turn` of the paper an entry names."""
    found = paper(kind, pk)
    return whose_turn(found) if found else []


def may_see(paper: Paper, user: User) -> bool:
    """Whether somebody may open it."""
    if isinstance(paper, Inspection):
        return Inspection.objects.visible_to(user).filter(pk=paper.pk).exists()
    return Rectification.objects.visible_to(user).filter(pk=paper.pk).exists()
