"""What the tests that kill processes send, and what must be so afterwards: nothing acknowledged lost, no alarm raised twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing.simulator import SimulatedDevice, Source, Values
from tests.sensing.cluster import Fleet, Programs, ask, mn_of
from tests.sensing.frames import COUNTY
from tests.waiting import eventually

HIGH_MINUTES = 40
HIGH_EVERY, ALONE_EVERY = 10, 25  # devices with high values; devices without purifier
EXPECTED = (("ALM-FUME-3", HIGH_EVERY), ("ALM-LINK", ALONE_EVERY))
OURS = f"a.code IN ({', '.join(repr(code) for code, _ in EXPECTED)})"

BEHIND = """
    SELECT count(*) FROM ingest_batch b, sensing_watchcursor c WHERE c.name = 'windows' AND (b.xid, b.id) > (c.xid, c.batch_id)
"""
"""Batches no watch has followed yet."""


def source_of(number: int, began: datetime) -> Source:
    """Forty high minutes for some, forty without purifier for others, then low ones for all; nothing of it changes."""

    def source(at: datetime) -> Values:
        early = at < began + timedelta(minutes=HIGH_MINUTES)
        high, alone = number % HIGH_EVERY == 0 and early, number % ALONE_EVERY == 0 and early
        fume = 2.5 + number / 1000 if high else 0.2 + number / 1000
        return Values(fume_mg_m3=fume, fan_on=True, purifier_on=not alone)

    return source


def devices_with(kept: tuple[datetime, ...], count: int) -> list[SimulatedDevice]:
    """So many devices, each with these minutes still to be told."""
    profile = read_folder(SHIPPED)[0].profile("plain-2017")
    return [
        SimulatedDevice(mn_of(number), profile, source_of(number, kept[0]), COUNTY, kept=kept)
        for number in range(count)
    ]


def nothing_is_lost(programs: Programs, fleets: Sequence[Fleet]) -> None:
    """Whatever was acknowledged is stored, once and as it was sent; nothing was odd about it."""
    rows = ask(
        programs, "SELECT d.mn, r.at, r.fume_mg_m3 FROM reading_fume r JOIN sensing_device d ON d.id = r.device_id"
    )
    taken = [one for fleet in fleets for one in fleet.taken]
    devices = {device.mn: device for fleet in fleets for device in fleet.devices}
    stored = Counter((mn, at) for mn, at, _ in rows)
    assert max(stored.values()) == 1
    assert [one for one in taken if one not in stored] == []
    wrong = [(mn, at) for mn, at, fume in rows if abs(fume - (devices[mn].source(at) or Values()).fume_mg_m3) > 1e-3]  # type: ignore[operator]
    assert wrong == []
    assert len(stored) >= len(set(taken)) >= sum(len(device.kept) for device in devices.values())
    assert ask(programs, "SELECT why FROM odd_frame") == []


def alarms_were_raised_once(programs: Programs, devices: int) -> None:
    """The alarms that had to be raised were, once each, each opened or joined one issue, and a replay changes nothing."""
    expected = sorted(
        (mn_of(number), code) for number in range(devices) for code, every in EXPECTED if number % every == 0
    )
    joined = "FROM sensing_alarm a JOIN sensing_device d ON d.id = a.device_id"
    found = f"SELECT d.mn, a.code {joined} WHERE {OURS} ORDER BY 1, 2"
    untold = f"SELECT count(*) FROM sensing_alarm a WHERE {OURS} AND (issue_number = '' OR cleared_at IS NULL)"
    eventually(lambda: (ask(programs, found), ask(programs, untold)) == (expected, [(0,)]), within_s=120)
    assert ask(
        programs, "SELECT DISTINCT count(*) FROM journal_entry WHERE kind = 'alarm.raised' GROUP BY subject_id"
    ) == [(1,)]
    assert ask(programs, "SELECT DISTINCT count(*) FROM issues_move WHERE data ? 'alarm' GROUP BY data -> 'alarm'") == [
        (1,)
    ]
    assert ask(programs, "SELECT count(*) FROM issues_issue") == ask(
        programs, f"SELECT count(DISTINCT (d.merchant_id, a.code)) {joined} WHERE a.issue_number <> ''"
    )
    everything_is_judged(programs)
    columns = "SELECT device_id, code, raised_at, last_at, cleared_at, peak, evidence::text FROM sensing_alarm"
    lived = [set(ask(programs, rows)) for rows in (columns, "SELECT * FROM window_fume")]
    programs.world("rebuild")
    rebuilt = [set(ask(programs, rows)) for rows in (columns, "SELECT * FROM window_fume")]
    assert [ours ^ theirs for ours, theirs in zip(lived, rebuilt, strict=True)] == [set(), set()]


def everything_is_judged(programs: Programs) -> None:
    """No batch waits for the watch, and no window that is over."""
    due = "SELECT count(*) FROM watch_device WHERE due_at <= now()"
    eventually(lambda: (ask(programs, BEHIND), ask(programs, due)) == ([(0,)], [(0,)]), within_s=60)
