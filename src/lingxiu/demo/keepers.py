"""Who looks after the demo's devices: three made-up companies, marked synthetic; and of each device when it was put in."""

from __future__ import annotations

from datetime import datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings

from lingxiu.demo import naming
from lingxiu.demo.chance import stream
from lingxiu.demo.monitors import KIND
from lingxiu.sensing.models import Device, DeviceEvent, Maintainer

DUTIES = "每月巡检一次，每季度校准一次，离线后按承诺时限到场"
HOURS = (4, 8, 24)
WITHOUT = 0.08  # of the devices nobody looks after


def write_keepers(at: datetime) -> None:
    """Companies, whom each device was given to, and its first event."""
    names, zone = naming.names(), ZoneInfo(settings.TIME_ZONE)
    companies = Maintainer.objects.bulk_create(
        Maintainer(
            name=name, contact="示范值班", respond_within_hours=hours, duties=DUTIES, synthetic=True,
        )
        for name, hours in zip(names.maintainers, HOURS, strict=True)
    )  # fmt: skip
    devices = list(Device.objects.filter(synthetic=True).order_by("mn"))
    for device in devices:
        random = stream("keeper", device.mn)
        device.maintainer = None if random.random() < WITHOUT else random.choice(companies)
        if device.kind == KIND:
            device.model, device.place = random.choice(names.monitor_models), random.choice(names.kitchen_places)
    Device.objects.bulk_update(devices, ["maintainer", "model", "place"], batch_size=500)
    DeviceEvent.objects.bulk_create(
        DeviceEvent(
            device=device,
            kind=DeviceEvent.Kind.INSTALLED,
            at=min(at, datetime.combine(device.installed_on, time(10), zone)) if device.installed_on else at,
            merchant_id=device.merchant_id,
        )
        for device in devices
    )
