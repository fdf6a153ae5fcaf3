"""What of papers of two officers is one's to sign; signing, refusing, withdrawing one. Thin: parse, authorise, call, render."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from lingxiu.accounts.models import User
from lingxiu.issues import inspections, rectifications, signing
from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.rectification_models import Rectification
from lingxiu.issues.rectifications import NoticeRefused
from lingxiu.issues.signing import Paper, SigningRefused
from lingxiu.issues.signing_models import Signature
from lingxiu.issues.views import officer, submission_of
from lingxiu.journal.actions import SubmissionReused, once
from lingxiu.ui import addresses

LONGEST_SEEN = 80
Sign: TypeAlias = Callable[[int, User, str, datetime], object]
_SIGN: dict[str, Sign] = {
    "inspection": lambda pk, by, seen, at: inspections.sign(pk, by=by, seen=seen, at=at),
    "rectification": lambda pk, by, seen, at: rectifications.sign(pk, by=by, seen=seen, at=at),
}
_ADDRESS: dict[str, Callable[[int], str]] = {
    "inspection": addresses.inspection,
    "rectification": addresses.rectification,
}


@dataclass(frozen=True, slots=True)
class Row:
    """A paper that waits, as the list shows it. `refused`: by whom and why, where it must be put right first."""

    paper: Paper
    kind: str
    shop: str
    url: str
    refused: Signature | None


@require_safe
def to_sign(request: HttpRequest) -> HttpResponse:
    """`/issues/to-sign/`: what waits for the reader's own signature, or was refused and is theirs to put right."""
    user = officer(request)
    return render(request, "issues/to_sign.html", {"rows": [_row(one, user) for one in signing.to_do(user)]})


def _row(paper: Paper, user: User) -> Row:
    kind = signing.kind_of(paper)
    merchant = paper.merchant if isinstance(paper, Inspection) else paper.issue.merchant
    said = [hand.said for hand in signing.hands(paper) if hand.said and hand.said.verdict == signing.REFUSED]
    return Row(paper, kind, merchant.name if merchant else "", _ADDRESS[kind](paper.pk), next(iter(said), None))


def standing(paper: Paper, user: User) -> Mapping[str, object]:
    """How a paper stands, for its page: who has signed, what the reader may do with it, what of it the forms show."""
    hands = signing.hands(paper)
    refused = next((one.said for one in hands if one.said and one.said.verdict == signing.REFUSED), None)
    may = paper.is_waiting and user.pk in paper.officer_ids
    own = next((one.said for one in hands if one.officer.pk == user.pk), None)
    return {
        "hands": hands,
        "refused": refused,
        "may_sign": may and own is None and refused is None,
        "may_write": paper.is_waiting and user.pk in {*paper.officer_ids, signing.writer_of(paper)},
        "seen": signing.shown(paper),
        "fingerprint": f"sha256:{paper.text_sha256[:16]}",
        "waits_for": [one.officer for one in hands if one.officer.pk in signing.unsigned(paper)],
        "url": f"{_ADDRESS[signing.kind_of(paper)](paper.pk)}sign/",
    }


@require_POST
def answer(request: HttpRequest, kind: str, paper_id: int) -> HttpResponse:
    """`/issues/inspections/<id>/sign/`, `/issues/rectifications/<id>/sign/`: sign, refuse or withdraw, each signed in as himself."""
    user, now = officer(request), timezone.now()
    _visible(kind, paper_id, user)
    act = request.POST.get("act", "sign")
    seen, words = request.POST.get("seen", "")[:LONGEST_SEEN], request.POST.get("words", "")
    if act not in ("sign", "refuse", "withdraw"):
        raise Http404

    def do() -> dict[str, object]:
        _DO[act](kind, paper_id, user, seen, words, now)
        return {"paper": paper_id, "act": act}

    back = _ADDRESS[kind](paper_id)
    try:
        body = {"kind": kind, "paper": paper_id, "act": act, "seen": seen, "words": words}
        once(submission_of(request), actor=f"user:{user.pk}", body=body, at=now, do=do)
    except SigningRefused as refused:
        status = 403 if refused.why in ("person", "writer") else 422 if refused.why == "reason" else 409
        return _refused(request, str(signing.WHY_NOT[refused.why]), status, back)
    except NoticeRefused as refused:
        return _refused(request, str(rectifications.WHY_NO_NOTICE[refused.why]), 409, back)
    except SubmissionReused:
        again = _("This form was sent before with other words. Reload the page and send it again.")
        return _refused(request, again, 409, back)
    return redirect(back)


def _refused(request: HttpRequest, why: str, status: int, back: str) -> HttpResponse:
    return render(request, "issues/signing_refused.html", {"why": why, "back": back}, status=status)


def _visible(kind: str, paper_id: int, user: User) -> None:
    """Raises Http404 where the reader may not see it."""
    rows = Inspection.objects.visible_to(user) if kind == "inspection" else Rectification.objects.visible_to(user)
    if not rows.filter(pk=paper_id).exists():
        raise Http404


def _sign(kind: str, paper_id: int, user: User, seen: str, words: str, at: datetime) -> None:
    _SIGN[kind](paper_id, user, seen, at)


def _refuse(kind: str, paper_id: int, user: User, seen: str, words: str, at: datetime) -> None:
    signing.refuse(_locked(kind, paper_id), user, seen, words, at)


def _withdraw(kind: str, paper_id: int, user: User, seen: str, words: str, at: datetime) -> None:
    signing.withdraw(_locked(kind, paper_id), user, words, at)


_DO: dict[str, Callable[[str, int, User, str, str, datetime], None]] = {
    "sign": _sign,
    "refuse": _refuse,
    "withdraw": _withdraw,
}


def _locked(kind: str, paper_id: int) -> Paper:
    return signing.lock(Inspection, paper_id) if kind == "inspection" else signing.lock(Rectification, paper_id)
