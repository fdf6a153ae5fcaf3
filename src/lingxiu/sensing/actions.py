"""What people do with devices: adopt one that dialled in, put it under maintenance and end that, take it out of use."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from lingxiu.journal.actions import Scope, record
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.sensing.judging import end_for_good
from lingxiu.sensing.models import Device, Maintenance, UnknownDevice
from lingxiu.sensing.watch import write_device_states


class DeviceKnown(Exception):
    """There is a device of this MN already. `device`: which."""

    def __init__(self, device: Device) -> None:
        super().__init__(f"{device.mn} is registered already")
        self.device = device


class NotActive(Exception):
    """The device is not in a state that allows this. `state`: which it is in."""

    def __init__(self, device: Device) -> None:
        super().__init__(f"{device.mn} is {device.state}")
        self.state = device.state


def register(
    *, mn: str, merchant: Merchant, profile_id: str, vendor: str = "", at: datetime, actor_id: int | None = None
) -> Device:
    """Register a device at a merchant; it only observes for the policy's days. Whatever waited under its MN is adopted.

    Raises: DeviceKnown; KeyError for a profile no catalogue has.
    """
    catalogues = in_force().catalogues
    kind = catalogues.profile(profile_id).device_kind
    with transaction.atomic():
        said = {
            "merchant": merchant,
            "profile": profile_id,
            "kind": kind,
            "vendor": vendor,
            "installed_on": timezone.localdate(at),
            "observe_until": at + timedelta(days=catalogues.alarms.observe_days),
        }
        # Of two at the same instant the second waits here for the first, and then finds its device.
        device, first = Device.objects.get_or_create(mn=mn, defaults=said)
        if not first:
            raise DeviceKnown(device)
        UnknownDevice.objects.filter(mn=mn).delete()
        _tell("device.registered", device, at, actor_id)
        write_device_states(in_force(), at)
    return device


def begin_maintenance(
    device: Device, *, note: str, until: datetime | None = None, at: datetime, actor_id: int | None = None
) -> Maintenance:
    """From now on its readings judge nobody. Raises NotActive."""
    with transaction.atomic():
        device = Device.objects.select_for_update().get(pk=device.pk)
        if device.state != Device.State.ACTIVE:
            raise NotActive(device)
        begun = Maintenance.objects.create(device=device, since=at, note=note, recorded_by=actor_id)
        _change(device, Device.State.MAINTENANCE, note, until)
        _tell("device.maintenance_begun", device, at, actor_id)
        write_device_states(in_force(), at)
    return begun


def end_maintenance(device: Device, *, at: datetime, actor_id: int | None = None) -> None:
    """Its readings count again. Raises NotActive."""
    with transaction.atomic():
        device = Device.objects.select_for_update().get(pk=device.pk)
        if device.state != Device.State.MAINTENANCE:
            raise NotActive(device)
        Maintenance.objects.filter(device=device, until=None).update(until=at)
        _change(device, Device.State.ACTIVE, "", None)
        _tell("device.maintenance_ended", device, at, actor_id)
        write_device_states(in_force(), at)


def retire(device: Device, *, at: datetime, actor_id: int | None = None) -> None:
    """It is taken out of use: no longer answered, no longer missed. What it measured stays; its alarms end. Raises NotActive."""
    with transaction.atomic():
        device = Device.objects.select_for_update().get(pk=device.pk)
        if device.state == Device.State.RETIRED:
            raise NotActive(device)
        Maintenance.objects.filter(device=device, until=None).update(until=at)
        _change(device, Device.State.RETIRED, "", None)
        end_for_good(device, at)
        _tell("device.retired", device, at, actor_id)
        write_device_states(in_force(), at)


def _change(device: Device, state: str, note: str, until: datetime | None) -> None:
    device.state, device.maintenance_note, device.maintenance_until = state, note, until
    device.save(update_fields=["state", "maintenance_note", "maintenance_until"])


def _tell(kind: str, device: Device, at: datetime, actor_id: int | None) -> None:
    merchant = device.merchant
    scope = Scope(town=merchant.town, grid=merchant.grid, merchant_id=merchant.pk)
    record(kind, "device", device.mn, at=at, actor_id=actor_id, scope=scope)
