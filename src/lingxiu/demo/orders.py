"""Two orders from above in the demo county: a leader's instruction split over towns, a campaign over one town's shops."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

from lingxiu.accounts.models import UnitKind
from lingxiu.demo.chance import stream
from lingxiu.demo.shops import Shop
from lingxiu.demo.staff import OFFICE, Staff
from lingxiu.issues.order_models import OrderItem, OrderKind
from lingxiu.issues.orders import Given, Wanted, answer, cross_off, give

SHOPS, DAYS_AGO, DAYS_LEFT = 12, 9, 6
DONE = ("三家临街店已加装挡烟板，回访无异味。", "已逐店看过，两家当场清洗，均已拍照。", "已约清洗公司，本周内完成。")
FINE = ("隔油池完好，台账齐全。", "已清掏，盖板完好。", "油层较薄，提醒按月清掏。")


def write_orders(staff: Staff, shops: Sequence[Shop], at: datetime) -> None:
    """By the verbs themselves: there are few of them."""
    begun = at - timedelta(days=DAYS_AGO)
    office = staff.of("county_officer", OFFICE)
    due = (at + timedelta(days=DAYS_LEFT)).date()
    towns = [unit for unit in staff.units.values() if unit.kind == UnitKind.TOWN]
    instruction = Given(
        OrderKind.INSTRUCTION, f"演示批〔{at.year}〕1号", "学校周边餐饮油烟集中整治", "县领导（演示）", begun.date(), "P-SMOKE",
        "请各镇街对学校周边二百米内餐饮店逐一走访，结果按期报专班。", leader=staff.of("leader", OFFICE)[0], synthetic=True,
    )  # fmt: skip
    given = give(
        instruction, [Wanted(town, "走访学校周边餐饮店", due) for town in towns],
        by=office[0], at=begun, submission=uuid5(NAMESPACE_OID, "demo:instruction"),
    )  # fmt: skip
    _carry_out(staff, list(given.items.select_related("unit", "order")), DONE, begun, at)
    first = min(shop.merchant.town for shop in shops)
    grids = {unit.grid: unit for unit in staff.units.values() if unit.kind == UnitKind.GRID}
    listed = [shop.merchant for shop in shops if shop.merchant.town == first and shop.merchant.grid in grids][:SHOPS]
    campaign = Given(
        OrderKind.CAMPAIGN, f"演示备〔{at.year}〕2号", "隔油池规范清掏专项行动", "县专班（演示）", begun.date(), "D-TRAP",
        "按批准的方案逐店查看隔油池，发现问题即入清单。", synthetic=True,
    )  # fmt: skip
    if listed:
        given = give(
            campaign, [Wanted(grids[shop.grid], "查看隔油池", due, shop) for shop in listed],
            by=office[0], at=begun, submission=uuid5(NAMESPACE_OID, "demo:campaign"),
        )  # fmt: skip
        _carry_out(staff, list(given.items.select_related("unit", "order", "merchant")), FINE, begun, at)


def _carry_out(staff: Staff, items: Sequence[OrderItem], said: Sequence[str], begun: datetime, at: datetime) -> None:
    """Two in three are answered by now, most of those crossed off."""
    random = stream("orders", items[0].order.number)
    office = staff.of("county_officer", OFFICE)
    for item in items:
        role = "grid_member" if item.unit.kind == UnitKind.GRID else "town_dispatcher"
        people = staff.of(role, item.unit.code)
        if not people or random.random() > 2 / 3:
            continue
        answered = begun + timedelta(days=random.uniform(1, DAYS_AGO - 2))
        answer(item, random.choice(said), by=random.choice(people), at=answered)
        if random.random() < 0.7:
            cross_off(item, by=office[-1], at=min(at, answered + timedelta(hours=20)))
