"""The database, the stream or the MQTT broker is away for a while, cleanly stopped or killed, and comes back.

Devices go on measuring meanwhile, each with a buffer of its own; they give up lines that do not answer, and dial again. Then
everything they measured is stored once, and nobody had to start anything again but what stops by design. Real processes, on a
database of their own, with fsync on; the seconds are short ones.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from lingxiu.sensing.simulator import SimulatedDevice, buffered_minutes
from tests.sensing.broker import mosquitto, publish
from tests.sensing.cluster import Fleet, Programs, ask, cluster, free_port, mn_of, now
from tests.sensing.killing import alarms_were_raised_once, devices_with, nothing_is_lost
from tests.sensing.nats_cluster import Nodes, nodes
from tests.sensing.test_ways_mqtt import env_of, it_listens
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

DEVICES, KEPT_MINUTES = 40, 75
FILES = 160
"""What the gateway may open: the lines devices give up during the outage would fill it several times."""
TRIES = {"database": 8, "stream": 5}
"""So often the gateway tries to store during an outage: about twenty seconds."""
GROWTH_MB = 24
KILLED_OR_STOPPED = pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
JOB = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, args, scheduled_at)
    VALUES ('default', 'lingxiu.sensing.jobs.keep_house', '{"timestamp": 0}', now() + interval '5 seconds') RETURNING id
"""


def impatient_devices(kept: tuple[Any, ...]) -> list[SimulatedDevice]:
    """Devices that wait half a second for an answer, three times, and then dial again."""
    devices = devices_with(kept, DEVICES)
    for device in devices:
        device.timeout = 0.5
    return devices


def readiness(port: int) -> tuple[bool, str]:
    """What the gateway says of itself: (whether it is ready, why not)."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as line:
        line.request("GET", "/readyz")
        answer = line.getresponse()
        said = json.loads(answer.read())
    assert (answer.status == 200) is said["ready"]
    return said["ready"], said.get("why", "")


def tries(programs: Programs) -> int:
    """How often the gateway has tried in vain to store."""
    return programs.log_of("gateway").read_text(encoding="utf-8").count("store.waits")


def resident_mb(programs: Programs, name: str) -> float:
    status = Path(f"/proc/{programs.children[name].pid}/status").read_text(encoding="ascii")
    (kilobytes,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kilobytes) / 1024


def nobody_ended(programs: Programs, but: str = "") -> None:
    """All run on that we started; but the worker, which ends without its database and is started again by the supervisor."""
    assert [name for name, child in programs.children.items() if child.poll() is not None and name != but] == []


def job_is_done(programs: Programs, job: int) -> bool:
    """A worker takes what is done off its list."""
    programs.revive()
    return ask(programs, f"SELECT 1 FROM procrastinate_jobs WHERE id = {job}") == []


@contextmanager
def outage(what: str, programs: Programs, fleet: Fleet, health: int) -> Iterator[None]:
    """What must be so while nothing can be stored: it says so, acknowledges nobody, and does not grow."""
    eventually(lambda: len(fleet.taken) > 5 * DEVICES, within_s=90)
    eventually(lambda: readiness(health) == (True, ""))
    before = resident_mb(programs, "gateway")
    yield
    eventually(lambda: tries(programs) >= 3, within_s=60)
    ready, why = readiness(health)
    assert not ready
    assert "store" in why
    acknowledged = len(fleet.taken)
    eventually(lambda: tries(programs) >= TRIES[what], within_s=120)
    assert len(fleet.taken) == acknowledged
    assert min(len(device.unsent) for device in fleet.devices) > 0
    assert resident_mb(programs, "gateway") < before + GROWTH_MB


def everything_arrives(programs: Programs, fleet: Fleet, health: int) -> None:
    """What was kept before, and what was measured meanwhile."""
    measured = {device.mn: set(device.unsent) for device in fleet.devices}
    eventually(lambda: not any(measured[device.mn] & set(device.unsent) for device in fleet.devices), within_s=180)
    eventually(lambda: readiness(health) == (True, ""))


@KILLED_OR_STOPPED
def test_a_database_that_was_away_finds_everything_again(ending: signal.Signals) -> None:
    health = free_port()
    kept = buffered_minutes(now() - timedelta(minutes=30), KEPT_MINUTES)
    with cluster(DEVICES, env={"HJ212_HEALTH_PORT": str(health)}) as programs:
        programs.files["gateway"] = FILES
        for name in ("gateway", "watch", "worker"):
            programs.start(name)
        with Fleet(impatient_devices(kept), programs.port) as fleet:
            with outage("database", programs, fleet, health):
                ((job,),) = ask(programs, JOB)
                end_database(programs, ending)
            nobody_ended(programs, but="worker")
            programs.server.restart()
            everything_arrives(programs, fleet, health)
        eventually(lambda: job_is_done(programs, job), within_s=60)
        nobody_ended(programs)
        nothing_is_lost(programs, [fleet])
        alarms_were_raised_once(programs, DEVICES)


def end_database(programs: Programs, ending: signal.Signals) -> None:
    if ending == signal.SIGKILL:
        os.kill(programs.server.pid, signal.SIGKILL)
    else:
        programs.server.stop()


@KILLED_OR_STOPPED
def test_a_stream_that_was_away_finds_everything_again(ending: signal.Signals) -> None:
    health = free_port()
    kept = buffered_minutes(now() - timedelta(minutes=30), KEPT_MINUTES)
    with nodes(1) as servers:
        env = {"NATS_URL": servers.url, "HJ212_HEALTH_PORT": str(health)}
        with cluster(DEVICES, env=env) as programs:
            programs.files["gateway"] = FILES
            for name in ("gateway", "writer", "watch"):
                programs.start(name)
            with Fleet(impatient_devices(kept), programs.port) as fleet:
                with outage("stream", programs, fleet, health):
                    servers.end(0, ending)
                nobody_ended(programs)
                servers.start(0)
                everything_arrives(programs, fleet, health)
            eventually(lambda: stream_is_empty(servers), within_s=60)
            nobody_ended(programs)
            nothing_is_lost(programs, [fleet])
            alarms_were_raised_once(programs, DEVICES)


def stream_is_empty(servers: Nodes) -> bool:
    return servers.waiting() == 0


# ── MQTT ──

PUBLISHERS, EACH = 20, 60


class Publisher(threading.Thread):
    """Devices that keep what the broker has not acknowledged and say it again."""

    def __init__(self, port: int, first: int) -> None:
        super().__init__()
        self.port, self.left = port, list(said(first))

    def run(self) -> None:
        asyncio.run(self._publish())

    async def _publish(self) -> None:
        while self.left:
            with suppress(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", self.port, timeout=2) as client:
                    while self.left:
                        topic, document = self.left[0]
                        await client.publish(topic, json.dumps(document), qos=1)
                        del self.left[0]
            await asyncio.sleep(0.1)


def said(first: int) -> Iterator[tuple[str, dict[str, Any]]]:
    begin = now() - timedelta(hours=1)
    for n in range(first, first + EACH):
        for number in range(PUBLISHERS):
            at = (begin + timedelta(seconds=n)).isoformat()
            yield f"lingxiu/fume/{mn_of(number)}", {"at": at, "fume_mg_m3": 0.5, "fan_on": True}


def stored(programs: Programs) -> int:
    count: int = ask(programs, "SELECT count(*) FROM reading_fume")[0][0]
    return count


def log_has(programs: Programs, words: str, times: int = 1) -> Callable[[], bool]:
    return lambda: programs.log_of("mqtt").read_text(encoding="utf-8").count(words) >= times


@KILLED_OR_STOPPED
def test_a_broker_that_was_away_and_a_database_that_was_away_find_everything_again(ending: signal.Signals) -> None:
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="lingxiu-mqtt-kept-") as folder,
        mosquitto(port, keeps=Path(folder)) as first,
        cluster(PUBLISHERS, "mqtt", env=env_of(first.url)) as programs,
    ):
        eventually(lambda: it_listens(programs), within_s=60)
        # The broker away. A broker that is killed loses what it has not written down yet: it may, first.
        publisher = publishing(port, 0)
        if ending == signal.SIGKILL:
            publisher.join(60)
            asyncio.run(publish(port, [("nobody/listens", {})]))
        else:
            eventually(lambda: len(publisher.left) < PUBLISHERS * EACH // 2, within_s=60)
        first.end(ending)
        second_half = publishing(port, EACH)
        eventually(log_has(programs, "mqtt.waits_for_broker", 4), within_s=60)
        with mosquitto(port, keeps=Path(folder)):
            eventually(lambda: stored(programs) == 2 * PUBLISHERS * EACH, within_s=120)
            publisher.join(60)
            second_half.join(60)
            # The database away.
            last = publishing(port, 2 * EACH)
            eventually(lambda: stored(programs) > 2 * PUBLISHERS * EACH + 100, within_s=60)
            end_database(programs, ending)
            eventually(log_has(programs, "mqtt.waits_for_database", 4), within_s=60)
            programs.server.restart()
            eventually(lambda: stored(programs) == 3 * PUBLISHERS * EACH, within_s=120)
            last.join(60)
            nobody_ended(programs)
            assert ask(programs, "SELECT why FROM odd_frame") == []


def publishing(port: int, first: int) -> Publisher:
    publisher = Publisher(port, first)
    publisher.start()
    return publisher
