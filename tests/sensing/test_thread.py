"""The way of one reading, whole: a frame on a socket is a row, a window, an alarm, an issue."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from lingxiu.issues.models import Issue
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Standing
from lingxiu.sensing.models import Alarm
from lingxiu.sensing.profiles import microseconds
from lingxiu.sensing.watch import run_once
from tests.sensing.conftest import Plant
from tests.sensing.frames import minutes, reading_frame
from tests.sensing.peers import gateway

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


def test_forty_buffered_minutes_of_high_values_become_one_alarm_and_one_issue(plant: Plant) -> None:
    now = NOON + timedelta(minutes=42)

    async def resend() -> None:
        async with gateway(plant.database, clock=lambda: microseconds(now)) as (_, dial):
            peer = await dial()
            for at in minutes(NOON, 40):
                await peer.say(reading_frame(plant.device.mn, at, 2.6))
                (ack,) = await peer.hear()
                assert (ack.cn, ack.mn, ack.st, ack.flag) == ("9014", plant.device.mn, "91", "4")

    asyncio.run(resend())
    run_once(now)
    run_once(now + timedelta(seconds=6))

    # Three of one family: near the limit, above it once, above it for half an hour. Only the last opens an issue.
    assert sorted(Alarm.objects.values_list("code", flat=True)) == ["ALM-FUME-1", "ALM-FUME-2", "ALM-FUME-3"]
    alarm = Alarm.objects.exclude(issue_number="").get()
    assert (alarm.code, alarm.raised_at, alarm.last_at) == (
        "ALM-FUME-3",
        NOON + timedelta(minutes=30),
        NOON + timedelta(minutes=40),
    )
    issue = Issue.objects.get()
    assert alarm.issue_number == issue.number
    assert (issue.violation, issue.merchant_id, issue.source) == ("L-FUME", plant.cast.merchant.pk, "alarm")
    assert Standing.objects.get(merchant=plant.cast.merchant).open_alarms == 3
    assert Entry.objects.filter(kind="alarm.raised").count() == 3
    assert Entry.objects.filter(kind="alarm.told").count() == 1
