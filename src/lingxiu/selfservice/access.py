"""Who may see a picture of a self-check or a care record: officers who may open the dossier, and the people of the shop."""

from __future__ import annotations

from django.http import HttpRequest

from lingxiu.accounts.models import User
from lingxiu.merchants.models import CareRecord, Merchant
from lingxiu.selfservice.agenda import What
from lingxiu.selfservice.models import SelfCheck
from lingxiu.selfservice.queries import KIND, may_do


def may_see_self_check(request: HttpRequest, subject_id: str) -> bool:
    """Officers and the owner; a cleaning company or a hauler has no business with it."""
    check = SelfCheck.objects.filter(pk=subject_id).first()
    return check is not None and _may_see(request, check.merchant_id, What.SELF_CHECK)


def may_see_care(request: HttpRequest, subject_id: str) -> bool:
    """Officers, the owner, and who may record such care for the shop."""
    row = CareRecord.objects.filter(pk=subject_id).first()
    if row is None:
        return False
    what = next(what for what, kind in KIND.items() if kind == row.kind)
    return _may_see(request, row.merchant_id, what)


def _may_see(request: HttpRequest, merchant_id: int, what: What) -> bool:
    user = request.user
    if not isinstance(user, User):
        return False
    if user.authority.is_officer and Merchant.objects.visible_to(user).filter(pk=merchant_id).exists():
        return True
    return what in may_do(user).get(merchant_id, ())
