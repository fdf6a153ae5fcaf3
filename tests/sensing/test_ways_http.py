"""Readings by HTTP: stored once, and each told what became of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from lingxiu.exchange.keys import READINGS_WRITE
from lingxiu.policy.queries import in_force
from lingxiu.sensing import statistics
from lingxiu.sensing.models import Device, UnknownDevice
from tests.cast import NOON, Cast, make_cast
from tests.exchange.world import System, fields_at_fault, system
from tests.sensing.conftest import forget_readings, make_device

AT = NOON + timedelta(hours=1)
PATH = "/api/v1/readings"


@dataclass(frozen=True)
class Kitchen:
    """A shop with a device of each kind, and the system that speaks for them."""

    cast: Cast
    devices: dict[str, Device]
    sender: System


@pytest.fixture
def kitchen(transactional_db: None) -> Iterator[Kitchen]:
    cast = make_cast()
    kinds = {"GT1": "grease_trap", "GAS1": "gas_alarm", "CAM1": "camera", "PWR1": "power_meter", "FM1": "fume_monitor"}
    names = {
        "grease_trap": "grease",
        "gas_alarm": "gas",
        "camera": "camera",
        "power_meter": "power",
        "fume_monitor": "fume",
    }
    devices = {
        mn: make_device(cast.merchant.pk, mn, f"json-{names[kind]}", kind=kind, observe_until=None)
        for mn, kind in kinds.items()
    }
    with time_machine.travel(AT, tick=False):
        yield Kitchen(cast, devices, system(cast.county_officer, READINGS_WRITE, each_minute=10_000))
    forget_readings()


def said(mn: str, minute: float = 0, **values: Any) -> dict[str, Any]:
    return {"mn": mn, "at": timezone.localtime(NOON + timedelta(minutes=minute)).isoformat(), **values}


def post(kitchen: Kitchen, *rows: Any, **headers: str) -> dict[str, Any]:
    answer = kitchen.sender.post(PATH, list(rows), **headers)
    assert answer.status_code == 200, answer.content
    return answer.json()  # type: ignore[attr-defined]  # Django's test response


def results(body: dict[str, Any]) -> list[str]:
    return [row["result"] for row in body["rows"]]


def fetch(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_the_same_again_changes_nothing_and_says_so(kitchen: Kitchen) -> None:
    rows = [said("GT1", n, level_pct=50 + n, oil_mm=None) for n in range(5)]
    assert results(post(kitchen, *rows)) == ["accepted"] * 5
    assert results(post(kitchen, *reversed(rows))) == ["same"] * 5
    assert fetch("SELECT count(*), sum(level_pct) FROM reading_grease") == [(5, 260.0)]
    assert len(fetch("SELECT dirty_from FROM point_device")) == 1


def test_parts_fill_each_other_and_a_contradiction_is_kept_beside(kitchen: Kitchen) -> None:
    assert results(post(kitchen, said("GT1", level_pct=50), said("GT1", oil_mm=90))) == ["accepted", "accepted"]
    assert results(post(kitchen, said("GT1", temperature_c=21), said("GT1", level_pct=51))) == [
        "accepted",
        "contradicts",
    ]
    assert fetch("SELECT level_pct, oil_mm, temperature_c FROM reading_grease") == [(50.0, 90.0, 21.0)]
    assert fetch("SELECT why FROM odd_frame") == [("contradiction",)]


def test_every_kind_goes_into_its_own_table(kitchen: Kitchen) -> None:
    body = post(
        kitchen,
        said("GAS1", lel_pct=3, state="normal"),
        said("GAS1", channel=2, lel_pct=4),
        said("PWR1", power_w=2200, energy_kwh=10234.57),
        said("CAM1", state="online", hls_url="https://10.1.1.2/live/7.m3u8"),
        said("CAM1", event="smoking", confidence=0.93, picture_url="https://10.1.1.2/p/7.jpg"),
    )
    assert body["accepted"] == 5
    assert fetch("SELECT channel, lel_pct, state FROM reading_gas ORDER BY channel") == [
        (0, 3.0, "normal"),
        (2, 4.0, None),
    ]
    assert fetch("SELECT power_w, energy_kwh FROM reading_power") == [(2200.0, 10234.57)]
    assert fetch("SELECT state, hls_url FROM camera_state") == [("online", "https://10.1.1.2/live/7.m3u8")]
    ((kind, confidence, picture),) = fetch("SELECT kind, confidence, picture_url FROM camera_event")
    assert (kind, confidence, picture) == ("smoking", pytest.approx(0.93), "https://10.1.1.2/p/7.jpg")
    device = Device.objects.get(mn="CAM1")
    assert (device.last_frame_at, device.last_reading_at) == (AT, NOON)


def test_a_fume_monitors_readings_feed_the_same_windows(kitchen: Kitchen) -> None:
    rows = [said("FM1", n, fume_mg_m3=1.5, fan_on=True, purifier_on="on") for n in range(10)]
    assert results(post(kitchen, *rows)) == ["accepted"] * 10
    assert results(post(kitchen, *rows[:2], said("FM1", 3, fume_mg_m3=9))) == ["same", "same", "contradicts"]
    statistics.follow(in_force().catalogues, AT)
    ((count, mean, fan),) = fetch("SELECT count, fume_mean, fan_on_minutes FROM window_fume")
    assert (count, mean, fan) == (10, 1.5, 10)


def test_each_row_is_told_field_value_and_mend(kitchen: Kitchen) -> None:
    body = post(kitchen, said("GT1", level_pct=300), said("GT1", 1, level_pct=5, oil_mm="much"), {"mn": "GT1"}, 7)
    assert results(body) == ["refused", "accepted", "refused", "refused"]
    faults = [[(one["field"], one["value"]) for one in row["errors"]] for row in body["rows"]]
    assert faults == [[("level_pct", 300)], [("oil_mm", "much")], [("at", None)], [("mn", None)]]
    assert all(one["mend"] for row in body["rows"] for one in row["errors"])
    assert fetch("SELECT level_pct, marks->>'oil_mm' FROM reading_grease") == [(5.0, "number")]
    assert len(fetch("SELECT why FROM odd_frame")) == 3


def test_a_device_nobody_registered_waits_to_be_adopted(kitchen: Kitchen) -> None:
    body = post(kitchen, said("NEW-1", level_pct=5), said("NEW-1", 1, level_pct=5))
    assert results(body) == ["refused", "refused"]
    assert [row["errors"][0]["field"] for row in body["rows"]] == ["mn", "mn"]
    waiting = UnknownDevice.objects.get()
    assert (waiting.mn, waiting.frames) == ("NEW-1", 1)
    assert json.loads(bytes(waiting.last_frame))["level_pct"] == 5


def test_lines_are_told_apart(kitchen: Kitchen) -> None:
    lines = "\n".join(
        [json.dumps(said("GT1", 0, level_pct=5)), "{not json", "", json.dumps(said("GT1", 1, level_pct=6))]
    )
    client = Client(headers={"authorization": f"Bearer {kitchen.sender.secret}"})
    answer = client.post(PATH, lines, content_type="application/x-ndjson")
    assert [row["result"] for row in answer.json()["rows"]] == ["accepted", "refused", "accepted"]


def test_a_makers_form_is_read_by_its_mapping(kitchen: Kitchen) -> None:
    message = {
        "device": {"sn": "GT1", "lastClean": "20260301093000"},
        "payload": {"frames": [{"ts": int(NOON.timestamp() * 1000), "sensors": [{"code": "LVL", "value": 825}]}]},
    }
    answer = kitchen.sender.post(f"{PATH}?mapping=trap-cloud", message)
    assert results(answer.json()) == ["accepted"]  # type: ignore[attr-defined]  # Django's test response
    assert fetch("SELECT level_pct, emptied_at AT TIME ZONE 'Asia/Shanghai' FROM reading_grease") == [
        (82.5, datetime(2026, 3, 1, 9, 30))
    ]
    assert fields_at_fault(kitchen.sender.post(f"{PATH}?mapping=nobodys", message)) == ["mapping"]


def test_a_mapping_of_another_kind_reads_nothing(kitchen: Kitchen) -> None:
    message = {"device": {"sn": "GAS1"}, "payload": {"frames": [{"ts": 1772683200000, "sensors": []}]}}
    answer = kitchen.sender.post(f"{PATH}?mapping=trap-cloud", message)
    assert results(answer.json()) == ["refused"]  # type: ignore[attr-defined]  # Django's test response


def test_nobody_speaks_for_a_shop_they_may_not_see(kitchen: Kitchen) -> None:
    other = system(kitchen.cast.other_dispatcher, READINGS_WRITE)
    answer = other.post(PATH, [said("GT1", level_pct=5)])
    assert results(answer.json()) == ["refused"]  # type: ignore[attr-defined]  # Django's test response
    assert fetch("SELECT count(*) FROM reading_grease") == [(0,)]
    assert not UnknownDevice.objects.exists()


def test_an_owner_and_a_key_without_the_scope_bring_nothing(kitchen: Kitchen) -> None:
    assert system(kitchen.cast.owner, READINGS_WRITE).post(PATH, [said("GT1", level_pct=5)]).status_code == 403
    assert system(kitchen.cast.county_officer, "issues.read").post(PATH, []).status_code == 403


def test_too_much_at_once_is_refused_whole(kitchen: Kitchen) -> None:
    assert fields_at_fault(kitchen.sender.post(PATH, [said("GT1", n, level_pct=1) for n in range(1001)])) == ["body"]
    assert kitchen.sender.post(PATH, {"mn": "x" * 2_000_000}).status_code == 413
    assert fields_at_fault(kitchen.sender.post(PATH, "text")) == ["body"]


def test_with_an_idempotency_key_the_same_request_has_the_same_answer(kitchen: Kitchen) -> None:
    row = said("GT1", level_pct=5)
    first = post(kitchen, row, Idempotency_Key="batch-1")
    assert post(kitchen, row, Idempotency_Key="batch-1") == first
    assert results(first) == ["accepted"]


def test_a_retired_device_is_not_heard(kitchen: Kitchen) -> None:
    Device.objects.filter(mn="GT1").update(state="retired")
    assert results(post(kitchen, said("GT1", level_pct=5))) == ["refused"]
