"""Who is told of what, by which way, and when not."""

from __future__ import annotations

from datetime import time
from typing import Literal

from pydantic import Field, model_validator

from lingxiu.policy.alarm_rules import Hearer
from lingxiu.policy.rows import Label, Row, Rule
from lingxiu.policy.schema.checking import refuse_doubles, refuse_unknown
from lingxiu.policy.schema.terms import Flow, Level

NoticeWay = Literal["zhezhengding", "sms", "email", "robot"]


Audience = Literal[
    "holder",
    "cooperating",
    "dispatcher",
    "county",
    "leader",
    "finder",
    "recorder",
    "handler",
    "owner",
    "grid",
    "maintainer",
    "company",
    "crew",
    "ordered",
    "order_giver",
    "order_leader",
    "as_said",
]


class NoticeTopic(Row):
    """What people choose by: a heading of their settings."""

    id: str = Field(pattern=r"^[a-z_]+$")
    label: Label
    help: Label


class TellingCondition(Row):
    """All that are given must hold of the issue; an entry about anything else meets none of them. `tells`: of an alarm or a
    storm, whose rule must name this one among those who hear of it."""

    level: tuple[Level, ...] = ()
    flow: Flow | None = None
    severity_at_least: int | None = None
    violation: tuple[str, ...] = ()
    tells: Hearer | None = None


class Telling(Rule):
    """Of which entries of the journal who is told. A person is told of an entry once, by the first rule that names them.

    `tell`: holder, whoever has it now · cooperating, whose part is open · dispatcher of the place, of a round those of its
    bodies · county office · leader who supervises · finder · recorder, who wrote a report down · handler, who last fed back ·
    owner of the shop, if the shop is told · grid members of the place · maintainer, who looks after devices at the county ·
    company that looks after the device, if it has an account · crew, who goes along on a joint round · ordered, the people of
    the unit that has items of an order · order_giver, who entered it · order_leader, whose it is · as_said: the people,
    units and audiences the entry itself or its rule of escalation names.
    `ways`: beside the page in the program, for whoever has not chosen. `todo`: it stands on their list until it is not theirs to
    do any more.
    `uncounted`: of what is urgent, what no bound of the hour holds back: where gas leaks, six messages were not too many.
    """

    kinds: tuple[str, ...] = Field(min_length=1)
    when: TellingCondition = TellingCondition()
    tell: tuple[Audience, ...] = Field(min_length=1)
    topic: str
    ways: tuple[NoticeWay, ...] = ()
    urgent: bool = False
    uncounted: bool = False
    todo: bool = False


class Notices(Row):
    """Who is told what. Times of the day are the county's; `most_an_hour` counts what one way brings one person.

    `kept_for_urgent`: so many of those wait for what is urgent. `stale_hours`: what is older is told to nobody any more.
    `retry_minutes`: after which time what could not be sent is tried again; after the last it is an administrator's.
    `link_hours`: how long a link signs anybody in. `keep_days`: how long a notice stands on its page.
    `orders_days_before`: so many days before its date a unit is reminded of an order's item, at `rounds_at` too.
    `rounds_at`: from when on the day of a joint round those who go along are told of it; the morning's digest holds it.
    """

    topics: tuple[NoticeTopic, ...] = ()
    rules: tuple[Telling, ...] = ()
    quiet_from: time = time(21)
    quiet_until: time = time(7, 30)
    digest_at: time = time(7, 45)
    rounds_at: time = time(6, 30)
    orders_days_before: int = Field(2, ge=0)
    most_an_hour: int = Field(6, gt=0)
    kept_for_urgent: int = Field(2, ge=0)
    stale_hours: int = Field(72, gt=0)
    retry_minutes: tuple[int, ...] = Field((1, 5, 15, 60, 240, 720), min_length=1)
    link_hours: int = Field(12, gt=0)
    keep_days: int = Field(400, gt=0)

    @model_validator(mode="after")
    def _is_whole(self) -> Notices:
        refuse_doubles([topic.id for topic in self.topics])
        refuse_doubles([rule.id for rule in self.rules])
        for rule in self.rules:
            refuse_unknown(f"notices {rule.id}: topic", [rule.topic], {topic.id for topic in self.topics})
        if self.kept_for_urgent >= self.most_an_hour:
            raise ValueError("kept_for_urgent must lie below most_an_hour, or nothing else is ever sent")
        if self.rounds_at > self.digest_at:
            raise ValueError("rounds_at must not lie after digest_at, or a day's round is told on the day after")
        return self

    def rule(self, rule_id: str) -> Telling:
        """Raises KeyError."""
        return {rule.id: rule for rule in self.rules}[rule_id]
