"""Whose silence is our own deafness: each way in counts for the devices that come by it, and for no other."""

from __future__ import annotations

import asyncio
import signal
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from lingxiu.policy.queries import in_force
from lingxiu.sensing import figures, point_alarms
from lingxiu.sensing.models import Alarm, Deafness, Device, Maintenance, Process, Way
from lingxiu.sensing.watch import run_once, tick
from lingxiu.sensing.ways.broker import Broker
from lingxiu.sensing.ways.mqtt import Bridge, Receiver
from lingxiu.sensing.ways.receiving import Message, Reception
from tests.sensing.broker import mosquitto, publish
from tests.sensing.cluster import free_port
from tests.sensing.conftest import Plant, make_device
from tests.sensing.test_watch import NOON, gateway_lives, minute, send, watch
from tests.waiting import eventually

HOUR = timedelta(hours=1)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def by_mqtt(plant: Plant, mn: str = "MQTT1", kind: str = "fume_monitor", profile: str = "json-fume") -> Device:
    return make_device(plant.cast.merchant.pk, mn, profile, kind=kind)


def hear(device: Device, at: datetime, way: Way = Way.MQTT, **values: Any) -> None:
    """One reading of a device that comes by this way the moment it was made."""
    values = values or {"fume_mg_m3": 0.5, "fan_on": True}
    document = {"mn": device.mn, "at": at.isoformat(), **values}
    mapping = in_force().catalogues.json_mappings
    name = next(row.id for row in mapping if row.standard and row.device_kind == device.kind)
    ((outcome,),) = Reception(at, way=way).receive([Message(document, "somebody", mapping=name)])
    assert outcome.result == "accepted", outcome


def consumer_lives(at: datetime) -> None:
    """Our consumer is subscribed at the broker, and was not before."""
    Receiver(lambda: at).beat()


def consumer_lives_on(until: datetime) -> None:
    """It has been subscribed all the time since it last said so."""
    Process.objects.filter(kind="mqtt").update(seen_at=until)


def everybody_looks(at: datetime) -> None:
    while run_once(at):
        pass
    gateway_lives(at)
    tick(at)


def silent() -> set[str]:
    return set(Alarm.objects.filter(code="ALM-OFF", cleared_at=None).values_list("device__mn", flat=True))


# ── a broker that is away ──


def test_while_the_broker_is_away_only_those_that_come_another_way_are_silent(plant: Plant) -> None:
    quiet, posts = by_mqtt(plant), make_device(plant.cast.merchant.pk, "HTTP1", "json-fume")
    hear(quiet, minute(0))
    hear(posts, minute(0), Way.HTTP)
    send(plant, plant.device, 0, 1)
    consumer_lives(minute(1))
    everybody_looks(minute(2))
    everybody_looks(minute(120))
    assert silent() == {posts.mn, plant.device.mn}


def test_a_device_that_was_silent_before_the_broker_went_away_is_so_still(plant: Plant) -> None:
    quiet = by_mqtt(plant)
    hear(quiet, minute(0))
    consumer_lives(minute(40))
    everybody_looks(minute(120))
    assert Alarm.objects.get(device=quiet).raised_at == minute(30)


def test_what_came_by_mqtt_counts_anew_when_the_broker_is_back(plant: Plant) -> None:
    quiet = by_mqtt(plant)
    hear(quiet, minute(0))
    consumer_lives(minute(1))
    consumer_lives(minute(180))
    assert [(row.way, row.since, row.until) for row in Deafness.objects.all()] == [("mqtt", minute(1), minute(180))]
    everybody_looks(minute(181))
    assert silent() == set()
    consumer_lives_on(minute(211))
    everybody_looks(minute(211))
    assert Alarm.objects.get(device=quiet).raised_at == minute(210)


def test_a_broker_that_was_away_excuses_no_device_of_the_gateways(plant: Plant) -> None:
    send(plant, plant.device, 0, 1)
    Deafness.objects.create(way=Way.MQTT, since=minute(1), until=minute(100))
    send(plant, plant.device, 100, 1)
    watch(101)
    assert Alarm.objects.get(device=plant.device, code="ALM-OFF").raised_at == minute(30)


def test_a_gateway_that_was_away_excuses_no_device_of_the_brokers(plant: Plant) -> None:
    spoke = by_mqtt(plant)
    hear(spoke, minute(0))
    consumer_lives(minute(1))
    Deafness.objects.create(way=Way.HJ212, since=minute(1), until=minute(100))
    hear(spoke, minute(100))
    consumer_lives_on(minute(100))
    watch(101)
    assert Alarm.objects.get(device=spoke, code="ALM-OFF").raised_at == minute(30)


def test_a_device_counts_by_the_way_it_came_last(plant: Plant) -> None:
    turned = by_mqtt(plant)
    hear(turned, minute(0))
    watch(0)
    hear(turned, minute(1), Way.HTTP)
    consumer_lives(minute(1))
    everybody_looks(minute(120))
    assert silent() == {turned.mn}


def test_the_figures_hold_nothing_against_devices_of_a_way_that_was_deaf(plant: Plant) -> None:
    quiet = by_mqtt(plant)
    hear(quiet, minute(0))
    send(plant, plant.device, 0, 1)
    watch(1)
    Deafness.objects.create(way=Way.MQTT, since=minute(10), until=minute(70))
    rows = figures.of_devices(Device.objects.all(), NOON.date(), NOON.date(), NOON + 20 * HOUR)
    due = {row.mn: row.figures.due for row in rows}
    assert (due[quiet.mn], due[plant.device.mn]) == (23 * 60, 24 * 60)


# ── cameras ──


def offline() -> set[str]:
    return set(Alarm.objects.filter(code="ALM-CAM", cleared_at=None).values_list("device__mn", flat=True))


def judge_points(at: datetime) -> None:
    while point_alarms.judge(in_force(), at):
        pass


def camera(plant: Plant, way: Way) -> Device:
    made = by_mqtt(plant, f"CAM-{way}", "camera", "json-camera")
    hear(made, minute(0), way, state="online")
    return made


def test_while_the_broker_is_away_no_camera_of_its_is_offline(plant: Plant) -> None:
    cameras = {way: camera(plant, way) for way in (Way.MQTT, Way.HTTP)}
    consumer_lives(minute(60))
    judge_points(minute(60))
    judge_points(NOON + 30 * HOUR)
    assert offline() == {cameras[Way.HTTP].mn}
    consumer_lives(NOON + 40 * HOUR)
    judge_points(NOON + 41 * HOUR)
    consumer_lives_on(NOON + 63 * HOUR)
    judge_points(NOON + 63 * HOUR)
    assert offline() == {cameras[Way.HTTP].mn}
    consumer_lives_on(NOON + 64 * HOUR)
    judge_points(NOON + 64 * HOUR)
    assert Alarm.objects.get(device=cameras[Way.MQTT]).raised_at == NOON + 64 * HOUR


def test_a_camera_is_judged_again_when_its_maintenance_is_over(plant: Plant) -> None:
    watched = camera(plant, Way.HTTP)
    judge_points(minute(1))
    held = Maintenance.objects.create(device=watched, since=minute(5), note="-")
    judge_points(NOON + 30 * HOUR)
    assert offline() == set()
    held.until = NOON + 30 * HOUR
    held.save()
    judge_points(NOON + 55 * HOUR)
    assert Alarm.objects.get(device=watched).raised_at == NOON + 54 * HOUR


# ── a real broker ──


def test_a_broker_that_is_killed_and_comes_back_makes_nobody_silent(plant: Plant) -> None:
    """A real one, and our consumer; hours pass on a clock of its own."""
    port, clock = free_port(), Clock(datetime.now(UTC).replace(microsecond=0))
    began = clock.now
    spoke = by_mqtt(plant)

    async def day() -> None:
        bridge = Bridge(Broker.at(f"mqtt://127.0.0.1:{port}", "here"), Receiver(clock))
        running = asyncio.create_task(bridge.run())
        with mosquitto(port) as broker:
            await bridge.listening.wait()
            said = {"at": began.isoformat(), "fume_mg_m3": 0.5, "fan_on": True}
            await publish(port, [(f"lingxiu/fume/{spoke.mn}", said)])
            await beside(lambda: bridge._receiver.counts.readings == 1 and alive())
            broker.end(signal.SIGKILL)
        await beside(lambda: not bridge.listening.is_set())
        clock.now = began + 3 * HOUR
        await asyncio.to_thread(closing(everybody_looks), clock.now)
        with mosquitto(port):
            await beside(Deafness.objects.exists)
            await asyncio.to_thread(closing(everybody_looks), clock.now)
            bridge.stop()
            await asyncio.wait_for(running, 20)

    def alive() -> bool:
        return Process.objects.filter(kind="mqtt", seen_at=began).exists()

    gateway_lives(began)
    asyncio.run(day())
    assert [(row.way, row.since, row.until) for row in Deafness.objects.filter(way=Way.MQTT)] == [
        ("mqtt", began, began + 3 * HOUR)
    ]
    assert silent() == set()
    consumer_lives_on(began + 4 * HOUR)
    everybody_looks(began + 4 * HOUR)
    assert silent() == {spoke.mn}


def closing(do: Any) -> Any:
    """In a thread of its own, whose connection is closed after."""

    def done(*words: Any) -> None:
        try:
            do(*words)
        finally:
            connection.close()

    return done


async def beside(look: Any) -> None:
    """Until it is so, looked at from a thread that may ask the database."""
    await asyncio.to_thread(closing(lambda: eventually(look, within_s=60)))
