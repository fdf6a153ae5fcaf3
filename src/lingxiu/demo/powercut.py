"""A town of the demo was without power for two hours some days ago: its monitors fell silent together, and that is one thing.

Which town and when is decided here, and the storm is found among the demo's silences by the sensing room's own rule. Most came back
with the power, one by one; a monitor that is dark anyway is dark since then. Nothing is written where a town has too few of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from lingxiu.demo.chance import stream
from lingxiu.policy.alarm_rules import Storms
from lingxiu.policy.queries import InForce
from lingxiu.sensing.judging import silence_rules
from lingxiu.sensing.models import Alarm, Storm
from lingxiu.sensing.storms import COUNTY, Fall, Gale, gales
from lingxiu.sensing.telling import in_use

DAYS_AGO = 4
BEGAN, LASTED = time(13, 35), timedelta(hours=1, minutes=50)
BACK_AFTER = (40, 460)  # seconds until a monitor has dialled again


@dataclass(frozen=True)
class PowerCut:
    """Which town was without power, and when."""

    town: str
    since: datetime
    until: datetime

    def back(self, mn: str) -> datetime:
        """When this monitor was heard again."""
        return self.until + timedelta(seconds=stream("power", mn).randint(*BACK_AFTER))


def power_cut(towns: Iterable[str], rule: Storms, at: datetime) -> PowerCut | None:
    """The one of the demo; `towns`: where each monitor that sends stands."""
    count, town = max(((count, town) for town, count in Counter(towns).items()), default=(0, ""))
    if count < rule.devices_at_least:
        return None
    since = datetime.combine(at.date() - timedelta(days=DAYS_AGO), BEGAN, at.tzinfo)
    return PowerCut(town, since, since + LASTED)


def write_storms(policy: InForce) -> None:
    """The storms among the silences there are, as the watch would have kept them."""
    devices = in_use()
    for rule in silence_rules(policy):
        rows = Alarm.objects.filter(code=rule.id, withdrawn_at=None)
        falls = [Fall(*row) for row in rows.values_list("pk", "device__merchant__town", "raised_at", "cleared_at")]
        for gale in gales(policy.catalogues.alarms.storms, falls, devices):
            of = sum(devices.values()) if gale.town == COUNTY else devices[gale.town]
            Alarm.objects.filter(pk__in=gale.alarm_ids).update(storm=_kept(policy, rule.id, gale, of))


def _kept(policy: InForce, code: str, gale: Gale, of: int) -> Storm:
    noticed = gale.since + timedelta(minutes=policy.catalogues.alarms.storms.within_minutes, seconds=1)
    return Storm.objects.create(
        town=gale.town, code=code, since=gale.since, until=gale.until, devices=len(gale.alarm_ids), of=of,
        edition=policy.id, noticed_at=noticed,
    )  # fmt: skip
