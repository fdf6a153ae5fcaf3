"""The disk fills up while devices send: nothing is acknowledged that is not stored, and all is well when there is room again."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from lingxiu.database import DatabaseFailed
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.sensing.simulator import SimulatedDevice, Values, buffered_minutes
from tests.sensing.cluster import Fleet, Programs, ask, cluster, mn_of, now
from tests.sensing.frames import COUNTY
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.xdist_group("cluster")]

DEVICES, KEPT_MINUTES = 20, 600
MEGABYTES = 320


@contextmanager
def small_disk() -> Iterator[Path]:
    """A file system of its own; needs root."""
    place = Path(tempfile.mkdtemp(prefix="lingxiu-full-"))
    options = f"size={MEGABYTES}m,mode=755"
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=False
    )
    if not mounted or mounted.returncode:
        place.rmdir()
        pytest.skip("a file system can only be mounted by root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        place.rmdir()


def fill(ballast: Path) -> None:
    """Until there is no room for another byte."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while True:
                    file.write(b"\0" * size)


def source(at: datetime) -> Values:
    return Values(fume_mg_m3=0.5, fan_on=True, purifier_on=True)


def stored(programs: Programs) -> set[tuple[str, datetime]]:
    rows = ask(programs, "SELECT d.mn, r.at FROM reading_fume r JOIN sensing_device d ON d.id = r.device_id")
    return {(mn, at) for mn, at in rows}


def alive_again(programs: Programs) -> bool:
    """PostgreSQL gives up when there is no room for its log; then somebody starts it again."""
    try:
        return bool(ask(programs, "SELECT 1"))
    except psycopg.OperationalError:
        with suppress(DatabaseFailed):
            programs.server.restart()
        return False


def test_a_full_disk_is_waited_out_and_loses_nothing() -> None:
    profile = read_folder(SHIPPED)[0].profile("plain-2017")
    kept = buffered_minutes(now() - timedelta(minutes=30), KEPT_MINUTES)
    devices = [SimulatedDevice(mn_of(number), profile, source, COUNTY, kept=kept) for number in range(DEVICES)]
    with small_disk() as place, cluster(DEVICES, "gateway", home=place / "home") as programs:
        assert place in programs.server.cluster.data.resolve().parents
        with Fleet(devices, programs.port) as fleet:
            eventually(lambda: len(fleet.taken) > 200, within_s=60)
            fill(place / "ballast")
            eventually(lambda: b"store.waits" in programs.log_of("gateway").read_bytes(), within_s=60)
            (place / "ballast").unlink()
            eventually(lambda: alive_again(programs), within_s=120)
            eventually(lambda: not any(set(device.unsent) & set(kept) for device in devices), within_s=120)
        assert set(fleet.taken) - stored(programs) == set()
        assert len(set(fleet.taken)) >= DEVICES * KEPT_MINUTES
