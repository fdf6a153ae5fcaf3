"""What was forecast in the demo county on the nights before now, and how it turned out: by the sensing room's own nightly work.

Looks only at what the demo's devices said. Whom a forecast asked to look, and what they answered, is played like any other
issue; from that, and from what was measured afterwards, each forecast has its outcome. Never draws an outcome by chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta

from lingxiu.demo.desk import Begin, Record
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Source
from lingxiu.issues.writing import JOURNAL
from lingxiu.journal.models import Entry
from lingxiu.policy.queries import InForce
from lingxiu.sensing.forecasting import look_back
from lingxiu.sensing.foresight import Expected
from lingxiu.sensing.foretelling import summary
from lingxiu.sensing.models import Device, Forecast
from lingxiu.sensing.past import Past
from lingxiu.sensing.verdicts import settle

NIGHTS = 57
EVERY = 3  # nights: a third of them cost a third, and say the same a day or two later
AT = time(3, 35)
ASKED_EVERY = timedelta(seconds=7)
JOINS = timedelta(days=14)  # a forecast of the same shop and matter joins what was asked so lately


@dataclass
class Foretold:
    """The issues that forecasts asked for, and which forecasts stand behind each, by the id of its first."""

    begins: list[Begin] = field(default_factory=list)
    behind: dict[int, list[int]] = field(default_factory=dict)

    def ask(self, forecast: Forecast, expected: Expected, past: Past, at: datetime) -> None:
        """Instead of a person who would have been asked that night: remember it, once a forecast."""
        if any(forecast.pk in ids for ids in self.behind.values()):
            return
        shop, violation = forecast.device.merchant, past.rule(forecast.kind).violation
        for begin in reversed(self.begins):
            if begin.forecast and begin.merchant == shop and begin.violation == violation and begin.at > at - JOINS:
                self.behind[begin.forecast[0]].append(forecast.pk)
                return
        told = at + ASKED_EVERY * len(self.begins)
        self.behind[forecast.pk] = [forecast.pk]
        self.begins.append(Begin(
            Source.FORECAST, violation, summary(forecast), told, at, shop, shop.town, shop.grid,
            forecast=(forecast.pk, forecast.device.mn),
        ))  # fmt: skip


def foretell(policy: InForce, at: datetime) -> Foretold:
    """Make and revise forecasts as on the nights up to now. Their issues are not written yet."""
    made = Foretold()
    kinds = ("fume_monitor", "grease_trap")
    devices = list(Device.objects.filter(synthetic=True, kind__in=kinds).select_related("merchant").order_by("mn"))
    look_back(devices, policy, list(nights(at)), made.ask)
    return made


def nights(at: datetime) -> Iterator[datetime]:
    """When the work was done, oldest first, up to the newest night."""
    last = datetime.combine(at.date(), AT, at.tzinfo)
    if last > at:
        last -= timedelta(days=1)
    for back in range(NIGHTS, -1, -EVERY):
        yield last - timedelta(days=back)


def settle_with(foretold: Foretold, records: Iterable[Record], at: datetime) -> None:
    """Name each forecast's issue, and let what people did with it count."""
    told = [record for record in records if record.begin.forecast]
    for record in told:
        assert record.begin.forecast
        ids = foretold.behind[record.begin.forecast[0]]
        Forecast.objects.filter(pk__in=ids).update(issue_number=record.issue.number)
    settle(sorted(_entries(told), key=lambda entry: entry.at), at)


def _entries(records: Sequence[Record]) -> Iterator[Entry]:
    """The moves of these issues as the journal tells of them."""
    for record in records:
        for row in record.moves:
            yield Entry(
                kind=JOURNAL[Move(row.move)], subject_kind="issue", subject_id=record.issue.number, at=row.at,
                actor_id=row.actor_id,
            )  # fmt: skip
