"""A county with devices, committed: gateway and watch look at it from connections of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db import connection

from lingxiu.sensing.models import Device
from lingxiu.sensing.store import conninfo
from tests.cast import BEGAN, Cast, make_cast

OWN_TABLES = (
    "reading_fume", "window_fume", "hour_fume", "day_fume", "dirty_sum", "watch_device", "ingest_batch", "odd_frame", "recent_frame",
    "reading_grease", "reading_gas", "reading_power", "camera_state", "camera_event", "point_device", "dirty_point",
    *(f"{step}_{what}" for step in ("window", "hour", "day") for what in ("grease", "gas", "power", "camera", "seen")),
)  # fmt: skip
MN = "330421A0B0C0D0E0F0000001"


@dataclass(frozen=True, repr=False)
class Plant:
    """The cast, and one device of each shipped dialect."""

    cast: Cast
    device: Device
    currents: Device
    states: Device
    database: str


def make_device(merchant_id: int, mn: str, profile: str = "plain-2017", **fields: object) -> Device:
    """A fume monitor that is no longer only observing."""
    values: dict[str, object] = {"kind": "fume_monitor", "observe_until": BEGAN, **fields}
    return Device.objects.create(mn=mn, merchant_id=merchant_id, profile=profile, **values)


@pytest.fixture
def plant(transactional_db: None) -> Iterator[Plant]:
    cast = make_cast()
    yield Plant(
        cast,
        make_device(cast.merchant.pk, MN),
        make_device(cast.merchant.pk, "330421A0B0C0D0E0F0000002", "ga-currents"),
        make_device(cast.other_merchant.pk, "330421A0B0C0D0E0F0000003", "sb-states"),
        conninfo(),
    )
    forget_readings()


def forget_readings() -> None:
    """Django empties its own tables after a test; these are ours to empty."""
    with connection.cursor() as cursor:
        cursor.execute(";".join(f"DELETE FROM {table}" for table in OWN_TABLES))
