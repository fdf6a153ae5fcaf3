"""What people do with devices: put one in, move it, let another take its place, maintain it, take it out of use.

Each verb is a transaction of its own and leaves a `DeviceEvent` (what became of the device), a journal entry and the merchants'
states; what a device has measured stays its own. Never touches a reading.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from lingxiu.journal.actions import record
from lingxiu.merchants.actions import scope_of
from lingxiu.merchants.models import Merchant
from lingxiu.policy.queries import in_force
from lingxiu.sensing.judging import end_for_good
from lingxiu.sensing.models import Device, DeviceEvent, Maintainer, Maintenance, UnknownDevice
from lingxiu.sensing.point_alarms import look_at
from lingxiu.sensing.watch import write_device_states

LONGEST_PLANNED: Final = timedelta(days=31)
Happened = DeviceEvent.Kind


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


class Stands(Exception):
    """The device stands at this merchant already. `merchant`: which."""

    def __init__(self, device: Device, merchant: Merchant) -> None:
        super().__init__(f"{device.mn} stands at {merchant.pk}")
        self.merchant = merchant


class PlannedWrongly(Exception):
    """A time of maintenance that has passed, does not last, or lasts longer than LONGEST_PLANNED."""


# ── where it is ──────────────────────────────────────────────────────────────────────────────────────────────────


def register(
    *,
    mn: str,
    merchant: Merchant,
    profile_id: str,
    vendor: str = "",
    model: str = "",
    place: str = "",
    maintainer: Maintainer | None = None,
    at: datetime,
    actor_id: int | None = None,
    note: str = "",
) -> Device:
    """Register a device at a merchant; it only observes for the policy's days. Whatever waited under its MN is adopted.

    Raises: DeviceKnown; KeyError for a profile no catalogue has.
    """
    said = {"vendor": vendor, "model": model, "place": place, "maintainer": maintainer}
    with transaction.atomic():
        device = _new(mn, merchant, profile_id, at, **said)
        happened(device, Happened.INSTALLED, at, actor_id, note)
        _tell("device.registered", device, at, actor_id)
        write_device_states(in_force(), at)
    return device


def move(device: Device, merchant: Merchant, *, note: str = "", at: datetime, actor_id: int | None = None) -> None:
    """It now stands at another merchant, and only observes there for the policy's days.

    Its alarms at the old place end; what it measured there stays the device's, and is not told to the new place's owner.
    Raises: NotActive, Stands.
    """
    with transaction.atomic():
        device = _locked(device)
        if device.state == Device.State.RETIRED:
            raise NotActive(device)
        if device.merchant_id == merchant.pk:
            raise Stands(device, merchant)
        end_for_good(device, at)
        _tell("device.moved_away", device, at, actor_id)
        device.merchant = merchant
        device.installed_on, device.observe_until = timezone.localdate(at), _observes_until(device.kind, at)
        device.save(update_fields=["merchant", "installed_on", "observe_until"])
        happened(device, Happened.MOVED, at, actor_id, note)
        look_at(device, at)
        _tell("device.moved", device, at, actor_id)
        write_device_states(in_force(), at)


def replace(
    device: Device,
    *,
    mn: str,
    profile_id: str,
    vendor: str = "",
    model: str = "",
    note: str = "",
    at: datetime,
    actor_id: int | None = None,
) -> Device:
    """Another device takes its place at the same merchant; it is taken out of use itself. Returns: the new one.

    Raises: NotActive; DeviceKnown for the new MN; KeyError for a profile no catalogue has.
    """
    with transaction.atomic():
        device = _locked(device)
        if device.state == Device.State.RETIRED:
            raise NotActive(device)
        said = {"vendor": vendor, "model": model, "place": device.place, "maintainer": device.maintainer}
        other = _new(mn, device.merchant, profile_id, at, **said)
        _out_of_use(device, at)
        happened(device, Happened.REPLACED, at, actor_id, note, other)
        happened(other, Happened.REPLACES, at, actor_id, note, device)
        _tell("device.replaced", device, at, actor_id)
        _tell("device.registered", other, at, actor_id)
        write_device_states(in_force(), at)
    return other


def retire(device: Device, *, note: str = "", at: datetime, actor_id: int | None = None) -> None:
    """It is taken out of use: no longer answered, no longer missed. What it measured stays; its alarms end. Raises NotActive."""
    with transaction.atomic():
        device = _locked(device)
        if device.state == Device.State.RETIRED:
            raise NotActive(device)
        _out_of_use(device, at)
        happened(device, Happened.RETIRED, at, actor_id, note)
        _tell("device.retired", device, at, actor_id)
        write_device_states(in_force(), at)


# ── what it is ───────────────────────────────────────────────────────────────────────────────────────────────────


def describe(
    device: Device,
    *,
    vendor: str,
    model: str,
    place: str,
    maintainer: Maintainer | None,
    at: datetime,
    actor_id: int | None = None,
) -> None:
    """Who made it, where in the kitchen it hangs, who looks after it."""
    with transaction.atomic():
        device = _locked(device)
        device.vendor, device.model, device.place, device.maintainer = vendor, model, place, maintainer
        device.save(update_fields=["vendor", "model", "place", "maintainer"])
        _tell("device.described", device, at, actor_id)


def change_profile(
    device: Device, profile_id: str, *, ack_style: str | None = None, at: datetime, actor_id: int | None = None
) -> None:
    """From now on it is understood by another profile; what is stored stays as it was understood. KeyError for an unknown one.

    `ack_style`: how it is answered from now on, "" as its profile says; None leaves that as it is.
    """
    profile = in_force().catalogues.dialect(profile_id)
    with transaction.atomic():
        device = _locked(device)
        style = device.ack_style if ack_style is None else Device.AckStyle(ack_style).value if ack_style else ""
        before, after = _spoken(device.profile, device.ack_style), _spoken(profile.id, style)
        if before == after:
            return
        device.profile, device.kind, device.ack_style = profile.id, profile.device_kind, style
        device.save(update_fields=["profile", "kind", "ack_style"])
        happened(device, Happened.PROFILE_CHANGED, at, actor_id, f"{before} → {after}")
        _tell("device.profile_changed", device, at, actor_id)


def _spoken(profile_id: str, ack_style: str) -> str:
    return f"{profile_id}, {ack_style}" if ack_style else profile_id


# ── when it judges nobody ────────────────────────────────────────────────────────────────────────────────────────


def begin_maintenance(
    device: Device, *, note: str, until: datetime | None = None, at: datetime, actor_id: int | None = None
) -> Maintenance:
    """From now on its readings judge nobody. Raises NotActive."""
    with transaction.atomic():
        device = _locked(device)
        if device.state != Device.State.ACTIVE:
            raise NotActive(device)
        begun = Maintenance.objects.create(device=device, since=at, note=note, recorded_by=actor_id)
        _change(device, Device.State.MAINTENANCE, note, until)
        happened(device, Happened.MAINTAINED, at, actor_id, note)
        _tell("device.maintenance_begun", device, at, actor_id)
        write_device_states(in_force(), at)
    return begun


def end_maintenance(device: Device, *, at: datetime, actor_id: int | None = None) -> None:
    """Its readings count again. Raises NotActive."""
    with transaction.atomic():
        device = _locked(device)
        if device.state != Device.State.MAINTENANCE:
            raise NotActive(device)
        Maintenance.objects.filter(device=device, until=None).update(until=at)
        _change(device, Device.State.ACTIVE, "", None)
        _tell("device.maintenance_ended", device, at, actor_id)
        write_device_states(in_force(), at)


def plan(
    device: Device,
    kind: str,
    since: datetime,
    until: datetime,
    *,
    note: str,
    at: datetime,
    actor_id: int | None = None,
) -> Maintenance:
    """A time to come in which its readings judge nobody; one that has begun counts from now. Raises NotActive, PlannedWrongly."""
    since = max(since, at)
    if not timedelta(0) < until - since <= LONGEST_PLANNED:
        raise PlannedWrongly
    with transaction.atomic():
        device = _locked(device)
        if device.state == Device.State.RETIRED:
            raise NotActive(device)
        planned = Maintenance.objects.create(
            device=device, kind=kind, since=since, until=until, note=note, recorded_by=actor_id
        )
        what = Happened.CALIBRATED if kind == Maintenance.Kind.CALIBRATION else Happened.MAINTAINED
        happened(device, what, since, actor_id, note)
        _tell("device.maintenance_planned", device, at, actor_id)
        write_device_states(in_force(), at)
    return planned


def call_off(planned: Maintenance, *, at: datetime, actor_id: int | None = None) -> None:
    """A planned time ends now, or never begins. One that is over stays."""
    with transaction.atomic():
        device = _locked(planned.device)
        open_ones = Maintenance.objects.filter(pk=planned.pk, until__gt=at)
        # What was to come and does not come never happened.
        DeviceEvent.objects.filter(device=device, at=planned.since, at__gt=at, note=planned.note).delete()
        gone, _of = open_ones.filter(since__gte=at).delete()
        if not gone and not open_ones.update(until=at):
            return
        _tell("device.maintenance_called_off", device, at, actor_id)
        write_device_states(in_force(), at)


# ── around it ────────────────────────────────────────────────────────────────────────────────────────────────────


def happened(
    device: Device, kind: str, at: datetime, actor_id: int | None, note: str = "", other: Device | None = None
) -> DeviceEvent:
    """Write down what became of a device, at the merchant it stands at now; in the transaction of what did."""
    return DeviceEvent.objects.create(
        device=device, kind=kind, at=at, merchant=device.merchant, other=other, note=note[:200], recorded_by=actor_id
    )


def _new(mn: str, merchant: Merchant, profile_id: str, at: datetime, **said: object) -> Device:
    """Raises DeviceKnown, KeyError."""
    kind = in_force().catalogues.dialect(profile_id).device_kind
    defaults = {
        **said,
        "merchant": merchant,
        "profile": profile_id,
        "kind": kind,
        "installed_on": timezone.localdate(at),
        "observe_until": _observes_until(kind, at),
    }
    # Of two at the same instant the second waits here for the first, and then finds its device.
    device, first = Device.objects.get_or_create(mn=mn, defaults=defaults)
    if not first:
        raise DeviceKnown(device)
    UnknownDevice.objects.filter(mn=mn).delete()
    return device


def _observes_until(kind: str, at: datetime) -> datetime | None:
    """Monitors only: a gas alarm counts from the first second, wherever it hangs."""
    return at + timedelta(days=in_force().catalogues.alarms.observe_days) if kind == "fume_monitor" else None


def _locked(device: Device) -> Device:
    return Device.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=device.pk)


def _out_of_use(device: Device, at: datetime) -> None:
    """No time of maintenance outlives it, no alarm of its stays open."""
    Maintenance.objects.filter(device=device, since__gte=at).delete()
    Maintenance.objects.filter(device=device, since__lt=at).exclude(until__lte=at).update(until=at)
    _change(device, Device.State.RETIRED, "", None)
    end_for_good(device, at)


def _change(device: Device, state: str, note: str, until: datetime | None) -> None:
    device.state, device.maintenance_note, device.maintenance_until = state, note, until
    device.save(update_fields=["state", "maintenance_note", "maintenance_until"])


def _tell(kind: str, device: Device, at: datetime, actor_id: int | None) -> None:
    scope = scope_of(device.merchant)
    record(kind, "device", device.mn, at=at, actor_id=actor_id, scope=scope)
