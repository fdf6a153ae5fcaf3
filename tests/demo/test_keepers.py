"""The demo's devices have a made-up company that looks after them, and a history that begins when they were put in."""

from __future__ import annotations

from datetime import UTC, date, datetime

from lingxiu.demo.keepers import write_keepers
from lingxiu.sensing.models import Device, DeviceEvent, Maintainer
from tests.cast import Cast
from tests.sensing.conftest import make_device

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


def test_every_synthetic_device_has_one_event_and_companies_are_marked_synthetic(cast: Cast) -> None:
    for n in range(40):
        make_device(cast.merchant.pk, f"D{n:02}", synthetic=True, installed_on=date(2026, 3, 5 if n % 2 else 1))
    make_device(cast.merchant.pk, "REAL")
    write_keepers(NOON)
    assert all(one.synthetic and one.respond_within_hours for one in Maintainer.objects.all())
    events = DeviceEvent.objects.all()
    assert sorted(one.device.mn for one in events) == [f"D{n:02}" for n in range(40)]
    assert all(one.kind == "installed" and one.at <= NOON for one in events)
    assert Device.objects.filter(synthetic=True).exclude(maintainer=None).count() > 30
    assert Device.objects.get(mn="REAL").maintainer is None
