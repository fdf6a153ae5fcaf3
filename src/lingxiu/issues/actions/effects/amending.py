"""What an issue is about, and at which shop, put right. What was decided since, who has it and by when stay as they are."""

from __future__ import annotations

from datetime import datetime

from lingxiu.accounts.models import User
from lingxiu.issues import writing
from lingxiu.issues.actions.effects.shape import Data
from lingxiu.issues.holding import dispatchers_unit
from lingxiu.issues.lifecycle import Level, State
from lingxiu.issues.models import Issue
from lingxiu.issues.writing import Brought
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import edition


def amend(issue: Issue, to: State, actor: User | None, brought: Brought, at: datetime) -> Data:
    """The move keeps what it was before. It is not routed anew: a person has it, or a dispatcher is about to judge it."""
    data: Data = {}
    if brought.violation and brought.violation != issue.violation:
        data["violation"] = [issue.violation, brought.violation]
        _be_about(issue, brought.violation)
    if brought.merchant is not None and brought.merchant.pk != issue.merchant_id:
        data["merchant"] = [issue.merchant_id, brought.merchant.pk]
        data["shops"] = [issue.merchant.name if issue.merchant else issue.place, brought.merchant.name]
        _be_at(issue, brought.merchant, at)
    return data


def _be_about(issue: Issue, violation: str) -> None:
    catalogues = edition(issue.edition).catalogues
    was, now = catalogues.violation(issue.violation), catalogues.violation(violation)
    if issue.summary == was.label.zh:
        issue.summary = now.label.zh
    issue.violation, issue.violation_kind = now.id, now.kind
    issue.severity, issue.responsible = now.severity, now.responsible


def _be_at(issue: Issue, shop: Merchant, at: datetime) -> None:
    """What nobody was given yet goes to the dispatcher of the town it lies in."""
    issue.merchant, issue.town, issue.grid, issue.lng, issue.lat = shop, shop.town, shop.grid, shop.lng, shop.lat
    unit = dispatchers_unit(Level(issue.level), issue.town)
    if issue.state == State.RECEIVED and unit.pk != issue.lead_unit_id:
        writing.let_go(issue, done=False, at=at)
        writing.hand_over(issue, State.RECEIVED, unit, at=at)
