"""Three JetStream servers, two gateways, two writers and two watches; one of each is killed -9 in turn while devices send.

Every acknowledged packet is then stored exactly once, every alarm was raised exactly once, and judging all readings once more
changes nothing. On a database of its own, with fsync on, as an installation runs.
"""

from __future__ import annotations

import os
import signal
from datetime import timedelta

import pytest
from nats.js import JetStreamContext

from lingxiu.sensing.simulator import buffered_minutes
from lingxiu.sensing.stream import STREAM
from tests.sensing.cluster import Fleet, cluster, now
from tests.sensing.killing import alarms_were_raised_once, devices_with, nothing_is_lost
from tests.sensing.nats_cluster import Nodes, nodes
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

DEVICES, KEPT_MINUTES = 60, 75
BETWEEN = 200
"""Readings that must be acknowledged between two kills."""
FEW = 20
PROGRAMS = ("gateway", "gateway 2", "writer", "writer 2", "watch", "watch 2")


def test_a_node_a_gateway_a_writer_and_a_watch_may_die_and_nothing_acknowledged_is_lost_or_told_twice() -> None:
    kept = buffered_minutes(now() - timedelta(minutes=30), KEPT_MINUTES)
    devices = devices_with(kept, DEVICES)
    with nodes(3) as servers, cluster(DEVICES, *PROGRAMS, env={"NATS_URL": servers.url}) as programs:
        here, there = (Fleet(devices[n::2], programs.ports[name]) for n, name in enumerate(PROGRAMS[:2]))
        with here, there:
            for kill in (the_leading_node, "gateway", "writer", "watch"):
                before = len(here.taken), len(there.taken)
                eventually(
                    lambda before=before: (
                        len(here.taken) > before[0] + BETWEEN and len(there.taken) > before[1] + BETWEEN
                    ),
                    within_s=120,
                )
                kill(servers) if callable(kill) else programs.kill(kill)
            eventually(lambda: not any(set(device.unsent) & set(kept) for device in devices), within_s=120)
        eventually(lambda: servers.waiting() == 0, within_s=60)
        assert servers.ask(replicas) == 3
        nothing_is_lost(programs, [here, there])
        alarms_were_raised_once(programs, DEVICES)


def test_while_only_the_database_is_away_devices_are_acknowledged_and_afterwards_all_is_stored() -> None:
    kept = buffered_minutes(now() - timedelta(minutes=30), KEPT_MINUTES)
    devices = devices_with(kept, FEW)
    with nodes(1) as servers, cluster(FEW, "gateway", "writer", "watch", env={"NATS_URL": servers.url}) as programs:
        with Fleet(devices, programs.port) as fleet:
            eventually(lambda: len(fleet.taken) > 5 * FEW, within_s=60)
            os.kill(programs.server.pid, signal.SIGKILL)
            before = len(fleet.taken)
            eventually(lambda: len(fleet.taken) > before + 10 * FEW, within_s=60)
            programs.server.restart()
            eventually(lambda: not any(set(device.unsent) & set(kept) for device in devices), within_s=120)
        eventually(lambda: servers.waiting() == 0, within_s=60)
        nothing_is_lost(programs, [fleet])
        alarms_were_raised_once(programs, FEW)


def the_leading_node(servers: Nodes) -> None:
    """kill -9 the server that leads the stream; it comes back, as a service does."""
    number = servers.leader()
    servers.kill(number)
    servers.start(number)


async def replicas(stream: JetStreamContext) -> int:
    return (await stream.stream_info(STREAM)).config.num_replicas or 1
