"""Two watches: one is killed -9 in the middle of its work, and the other takes over at once, with the same result."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread

import psycopg
import pytest
from django.db import connection

from lingxiu.journal.models import Entry
from lingxiu.policy.queries import in_force
from lingxiu.sensing.simulator import buffered_minutes
from lingxiu.sensing.watch import write_device_states
from tests.sensing.cluster import Fleet, Programs, ask, cluster, now
from tests.sensing.conftest import Plant
from tests.sensing.killing import BEHIND, alarms_were_raised_once, devices_with, nothing_is_lost
from tests.waiting import eventually

DEVICES, KEPT_MINUTES = 60, 75
STUCK = """
    SELECT a.application_name FROM pg_stat_activity a JOIN pg_locks l USING (pid)
    WHERE a.application_name LIKE 'watch%' AND NOT l.granted AND l.relation = 'window_fume'::regclass
"""


@pytest.mark.cluster
@pytest.mark.xdist_group("cluster")
def test_when_a_watch_dies_in_the_middle_of_its_work_the_other_goes_on() -> None:
    kept = buffered_minutes(now() - timedelta(minutes=30), KEPT_MINUTES)
    devices = devices_with(kept, DEVICES)
    with cluster(DEVICES, "gateway", "watch", "watch 2") as programs:
        with Fleet(devices, programs.port) as fleet:
            for _ in range(2):
                eventually(lambda: ask(programs, BEHIND) == [(0,)] and fleet.taken, within_s=60)
                victim = kill_one_at_work(programs)
                eventually(lambda: ask(programs, BEHIND) == [(0,)], within_s=30)  # the other one, alone
                programs.start(victim)
            eventually(lambda: not any(set(device.unsent) & set(kept) for device in devices), within_s=120)
        nothing_is_lost(programs, [fleet])
        alarms_were_raised_once(programs, DEVICES)


def kill_one_at_work(programs: Programs) -> str:
    """Hold a watch up where it writes windows, kill -9 it there. Returns: its name."""
    with psycopg.connect(programs.server.url) as holding:
        holding.execute("LOCK TABLE window_fume IN EXCLUSIVE MODE")
        ((name,),) = eventually(lambda: ask(programs, STUCK), within_s=60)
        programs.children[name].kill()
        programs.children.pop(name).wait()
        holding.rollback()
    return str(name)


def test_two_watches_tell_a_devices_state_once(plant: Plant) -> None:
    policy, at = in_force(), datetime.now(UTC)

    def write() -> None:
        try:
            write_device_states(policy, at)
        finally:
            connection.close()

    watches = [Thread(target=write) for _ in range(2)]
    with psycopg.connect(plant.database) as holding:
        holding.execute("SELECT 1 FROM merchants_standing FOR UPDATE")
        for watch in watches:
            watch.start()
        eventually(lambda: _waiting() == len(watches))
        holding.rollback()
    for watch in watches:
        watch.join()
    told = list(
        Entry.objects.filter(kind__startswith="device.", subject_kind="merchant").values_list("subject_id", flat=True)
    )
    assert told != []
    assert len(told) == len(set(told))


def _waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        row = cursor.fetchone()
    return int(row[0])
