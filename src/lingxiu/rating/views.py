"""The page that explains a level to officers and to the shop's owner. The public sees the level alone, elsewhere."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from lingxiu.accounts.models import Bond, User
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import edition
from lingxiu.rating.explaining import explain
from lingxiu.rating.models import FumeScore
from lingxiu.rating.queries import history, latest_score
from lingxiu.ui import addresses

HISTORY_DAYS = 90
CHANGES_SHOWN = 10


@require_safe
def show_level(request: HttpRequest, merchant_id: int) -> HttpResponse:
    """Why a merchant has its level: each dimension, what it was reckoned from, what would make it better."""
    user = request.user
    if not isinstance(user, User):
        raise Http404
    merchant = get_object_or_404(_explained_to(user), pk=merchant_id)
    score = latest_score(merchant.pk)
    officer = user.authority.is_officer
    context: dict[str, object] = {
        "merchant": merchant,
        "score": score,
        "officer": officer,
        "back": addresses.merchant(merchant.pk) if officer else f"/shop/{merchant.pk}/",
    }
    if score is not None:
        context |= _explained(score)
    return render(request, "rating/level.html", context)


def _explained_to(user: User) -> QuerySet[Merchant]:
    """Officers by what they see; owners their own shops; a cleaning company or a hauler none."""
    if user.authority.is_officer:
        return Merchant.objects.visible_to(user)
    owned = Bond.objects.filter(user=user, kind=Bond.Kind.OWNER, ended_at=None).values("merchant_id")
    return Merchant.objects.filter(pk__in=owned)


def _explained(score: FumeScore) -> dict[str, object]:
    policy = edition(score.edition)
    index = policy.catalogues.indicators
    scores = list(history(score.merchant_id, HISTORY_DAYS))
    return {
        "index": index,
        "scheme": next(scheme.label for scheme in index.schemes if scheme.id == score.scheme),
        "parts": explain(score, policy.catalogues),
        "known": f"{score.coverage:.0%}",
        "needed": f"{index.lowest_coverage:.0%}",
        "vetoes": [number for hold in score.held_by if hold["by"] == "veto" for number in hold["inputs"]["issues"]],
        "silent": [mn for hold in score.held_by if hold["by"] == "silence" for mn in hold["inputs"]["devices"]],
        "trend": [one.score for one in reversed(scores) if one.score is not None],
        "changes": _changes(scores),
        "change_columns": [{"label": _("Since")}, {"label": _("Level")}, {"label": _("Score"), "numeric": True}],
    }


def _changes(scores: list[FumeScore]) -> list[FumeScore]:
    """The first day of each level, newest first; the oldest day known stands for where the history begins."""
    older = [*scores[1:], None]
    changed = [one for one, before in zip(scores, older, strict=True) if before is None or one.level != before.level]
    return changed[:CHANGES_SHOWN]
