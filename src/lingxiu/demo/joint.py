"""Two joint inspections in the demo county: one of today, partly walked, nothing found so far; one planned for next week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

from lingxiu.accounts.models import Unit, User
from lingxiu.demo.shops import Shop
from lingxiu.demo.staff import Staff
from lingxiu.issues.inspection_rules import Why
from lingxiu.issues.inspections import sign
from lingxiu.issues.joint import JointRefused, Round, Walked, parts_at, plan, units_of, walk
from lingxiu.issues.joint_models import JointInspection, JointShop
from lingxiu.issues.signing import shown

BODIES = ("dept-ecology", "dept-enforcement", "dept-market")
SHOPS, WALKED, AHEAD = 8, 3, timedelta(days=7)
LASTS = timedelta(minutes=30)


def write_joint(staff: Staff, shops: Sequence[Shop], at: datetime) -> None:
    """By the verbs themselves: there are few of them."""
    officers = [
        (staff.units[code], one)
        for code in BODIES
        if len(people := staff.of("department_officer", code)) > 1
        for one in people[:2]
    ]
    town = min(shop.merchant.town for shop in shops)
    listed = [shop for shop in shops if shop.merchant.town == town]
    today = _plan("夜市周边餐饮联合检查（演示）", officers, listed[:SHOPS], at, at)
    if today is not None and (at - LASTS).date() == at.date():
        _walk(today, officers, at)
    _plan("餐饮油烟与隔油池联合检查（演示）", officers, listed[-SHOPS:], at, at + AHEAD)


def _walk(today: JointInspection, officers: Sequence[tuple[Unit, User]], at: datetime) -> None:
    """The first shops. Nothing is found: a find would be an issue beside those the county's figures are made of."""
    for n, shop in enumerate(today.shops.select_related("merchant").order_by("pk")[:WALKED]):
        parts = parts_at(shop.merchant, units_of(today), Why.PLAN, today.day, at, joint=today.pk)
        walked = Walked(
            frozenset(one.pk for _unit, one in officers), {part.unit.pk: part.wanted for part in parts if part.may},
            "已出示执法证件，查看净化器、隔油池和台账。", at - LASTS, at,
        )  # fmt: skip
        last = (
            n == WALKED - 1
        )  # its record was written by a colleague, and waits for the signature of who signs in to the demo
        by = officers[1 if last else 0][1]
        walk(shop, walked, by=by, at=at, submission=uuid5(NAMESPACE_OID, f"demo:walk:{n}"))
        if not last:
            _sign(shop, at)


def _sign(shop: JointShop, at: datetime) -> None:
    for made in shop.inspections.select_related("officer", "second_officer"):
        for officer in (made.officer, made.second_officer):
            sign(made.pk, by=officer, seen=shown(made), at=at)


def _plan(
    title: str, officers: Sequence[tuple[Unit, User]], shops: Sequence[Shop], at: datetime, day: datetime
) -> JointInspection | None:
    """None where nobody may inspect any of them any more this year."""
    merchants = [shop.merchant for shop in shops]
    wanted = Round(title, day.date(), officers[0][0], officers, merchants, synthetic=True)
    try:
        return plan(wanted, by=officers[0][1], at=at, submission=uuid5(NAMESPACE_OID, title)).joint
    except JointRefused:
        return None
