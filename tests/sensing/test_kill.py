"""Gateway, PostgreSQL, watch and worker are killed in turn, again and again, while two hundred devices send.

Every acknowledged packet is then stored exactly once, every alarm was raised exactly once, and judging all readings once more
changes nothing. On a cluster of its own, with fsync on, as an installation runs.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest

from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing.simulator import SimulatedDevice, Source, Values, buffered_minutes
from tests.sensing.cluster import Fleet, Programs, ask, cluster, mn_of, now
from tests.sensing.frames import COUNTY
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

DEVICES, ROUNDS = 200, 3
KEPT_MINUTES, HIGH_MINUTES = 90, 40
HIGH_EVERY, ALONE_EVERY = 10, 25  # devices with high values; devices without purifier


def source_of(number: int, began: datetime) -> Source:
    """Forty high minutes for some, forty without purifier for others, then low ones for all; nothing of it changes."""

    def source(at: datetime) -> Values:
        early = at < began + timedelta(minutes=HIGH_MINUTES)
        high, alone = number % HIGH_EVERY == 0 and early, number % ALONE_EVERY == 0 and early
        fume = 2.5 + number / 1000 if high else 0.2 + number / 1000
        return Values(fume_mg_m3=fume, fan_on=True, purifier_on=not alone)

    return source


def test_whatever_is_killed_nothing_acknowledged_is_lost_and_no_alarm_is_raised_twice() -> None:
    profile = read_folder(SHIPPED)[0].profile("plain-2017")
    kept = buffered_minutes(now() - timedelta(minutes=30), KEPT_MINUTES)
    devices = [
        SimulatedDevice(mn_of(number), profile, source_of(number, kept[0]), COUNTY, kept=kept)
        for number in range(DEVICES)
    ]
    with cluster(DEVICES, "gateway", "watch", "worker") as programs:
        with Fleet(devices, programs.port) as fleet:
            for _ in range(ROUNDS):
                for name in ("gateway", "postgres", "watch", "worker"):
                    before = len(fleet.taken)
                    eventually(lambda before=before: len(fleet.taken) > before + 150, within_s=60)
                    programs.kill(name)
                    programs.revive()
            eventually(lambda: not any(set(device.unsent) & set(kept) for device in devices), within_s=120)
            programs.revive()
        nothing_is_lost(programs, fleet)
        alarms_were_raised_once(programs)


def nothing_is_lost(programs: Programs, fleet: Fleet) -> None:
    rows = ask(
        programs, "SELECT d.mn, r.at, r.fume_mg_m3 FROM reading_fume r JOIN sensing_device d ON d.id = r.device_id"
    )
    stored = Counter((mn, at) for mn, at, _ in rows)
    assert max(stored.values()) == 1
    assert [one for one in fleet.taken if one not in stored] == []
    sources = {device.mn: device.source for device in fleet.devices}
    wrong = [(mn, at) for mn, at, fume in rows if abs(fume - (sources[mn](at) or Values()).fume_mg_m3) > 1e-3]  # type: ignore[operator]
    assert wrong == []
    assert len(stored) >= len(set(fleet.taken)) >= DEVICES * KEPT_MINUTES
    assert ask(programs, "SELECT why FROM odd_frame") == []


def alarms_were_raised_once(programs: Programs) -> None:
    expected = sorted(
        (mn_of(number), code)
        for number in range(DEVICES)
        for code, every in (("ALM-FUME-3", HIGH_EVERY), ("ALM-LINK", ALONE_EVERY))
        if number % every == 0
    )
    found = "SELECT d.mn, a.code FROM sensing_alarm a JOIN sensing_device d ON d.id = a.device_id ORDER BY 1, 2"
    told = "SELECT count(*) FROM sensing_alarm WHERE issue_number = '' OR cleared_at IS NULL"
    eventually(lambda: ask(programs, found) == expected and ask(programs, told) == [(0,)], within_s=120)
    assert ask(
        programs, "SELECT DISTINCT count(*) FROM journal_entry WHERE kind = 'alarm.raised' GROUP BY subject_id"
    ) == [(1,)]
    assert ask(programs, "SELECT DISTINCT count(*) FROM issues_move WHERE data ? 'alarm' GROUP BY data -> 'alarm'") == [
        (1,)
    ]
    assert ask(programs, "SELECT count(*) FROM issues_issue") == ask(
        programs,
        "SELECT count(DISTINCT (d.merchant_id, a.code)) FROM sensing_alarm a JOIN sensing_device d ON d.id = a.device_id",
    )
    columns = "SELECT device_id, code, raised_at, last_at, cleared_at, peak, evidence::text FROM sensing_alarm ORDER BY 1, 2, 3"
    windows = "SELECT * FROM window_fume ORDER BY device_id, at"
    lived = ask(programs, columns), ask(programs, windows)
    programs.world("rebuild")
    assert (ask(programs, columns), ask(programs, windows)) == lived
