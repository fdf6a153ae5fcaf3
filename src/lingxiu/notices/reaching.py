"""By which ways somebody can be reached: what this installation has set up, and what address the person has there."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from django.conf import settings

from lingxiu.accounts.actions import gateway
from lingxiu.accounts.models import User
from lingxiu.connectors.sms import Nowhere
from lingxiu.connectors.zhezhengding import App, Client
from lingxiu.notices.models import Reach
from lingxiu.notices.telling import Way

NEEDS_REACH = {Way.ZHEZHENGDING: "zhezhengding", Way.TODO: "zhezhengding", Way.EMAIL: "email", Way.ROBOT: "robot"}


def zhezhengding() -> Client | None:
    """The client of this process, if the application is set up."""
    app = App(
        settings.ZHEZHENGDING_HOST,
        settings.ZHEZHENGDING_KEY,
        settings.ZHEZHENGDING_SECRET,
        settings.ZHEZHENGDING_TENANT,
    )
    return _client(app) if app.host and app.key else None


@cache
def _client(app: App) -> Client:
    return Client(app)


def ways_set_up() -> list[Way]:
    """What this installation can send by."""
    have = {
        Way.ZHEZHENGDING: zhezhengding() is not None,
        Way.SMS: not isinstance(gateway(), Nowhere),
        Way.EMAIL: bool(settings.MAIL_FROM),
        Way.ROBOT: True,
        Way.TODO: zhezhengding() is not None,
    }
    return [way for way, there in have.items() if there]


def addresses_of(user: User) -> Mapping[str, str]:
    """The addresses a person has, by way; the phone of their account among them."""
    rows = Reach.objects.filter(user=user)
    return {row.way: row.address for row in rows} | ({Way.SMS: user.phone} if user.phone else {})


def reached_by(user: User) -> list[Way]:
    """The ways this person can be reached by now."""
    known = addresses_of(user)
    return [way for way in ways_set_up() if NEEDS_REACH.get(way, way) in known]
