"""Gateway, PostgreSQL, watch and worker are killed in turn, again and again, while two hundred devices send.

Every acknowledged packet is then stored exactly once, every alarm was raised exactly once, and judging all readings once more
changes nothing. On a cluster of its own, with fsync on, as an installation runs.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from lingxiu.sensing.simulator import buffered_minutes
from tests.sensing.cluster import Fleet, cluster, now
from tests.sensing.killing import alarms_were_raised_once, devices_with, nothing_is_lost
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

DEVICES, ROUNDS = 200, 3
KEPT_MINUTES = 90


def test_whatever_is_killed_nothing_acknowledged_is_lost_and_no_alarm_is_raised_twice() -> None:
    kept = buffered_minutes(now() - timedelta(minutes=30), KEPT_MINUTES)
    devices = devices_with(kept, DEVICES)
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
        nothing_is_lost(programs, [fleet])
        alarms_were_raised_once(programs, DEVICES)
