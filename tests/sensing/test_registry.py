"""What becomes of a device: put in, moved, replaced, maintained, calibrated, retired; and who looks after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Standing
from lingxiu.sensing import actions, queries
from lingxiu.sensing.models import Alarm, Device, DeviceEvent, Maintainer, Maintenance
from tests.cast import Cast
from tests.pages import plain_static
from tests.sensing.conftest import MN, make_device
from tests.sensing.test_pages import device, raise_alarm, reader

__all__ = ["device", "plain_static", "reader"]

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)
ADDRESS = f"/sensing/devices/{MN}"


def history(of: Device) -> list[tuple[str, int]]:
    return list(DeviceEvent.objects.filter(device=of).order_by("at", "id").values_list("kind", "merchant_id"))


def company(**fields: Any) -> Maintainer:
    return Maintainer.objects.create(name="某某运维", contact="王工", phone="13812345678", duties="每月校准", **fields)


# ── history ──


def test_a_device_put_in_says_so(cast: Cast) -> None:
    made = actions.register(
        mn="NEW", merchant=cast.merchant, profile_id="plain-2017", model="M1", maintainer=company(), at=NOON, actor_id=3
    )
    assert history(made) == [("installed", cast.merchant.pk)]
    assert (made.model, made.maintainer) == ("M1", Maintainer.objects.get())
    assert made.events.get().recorded_by == 3


def test_a_moved_device_leaves_its_alarms_and_its_readings_behind(reader: Any, cast: Cast, device: Device) -> None:
    actions.happened(device, DeviceEvent.Kind.INSTALLED, NOON - timedelta(days=90), None)
    alarm = raise_alarm(device, issue_wanted_at=NOON)
    client = reader("county_officer")
    assert cast.other_merchant.name in client.get(f"{ADDRESS}/registry/?q=ljmg").content.decode()
    assert client.get(f"{ADDRESS}/registry/?to={cast.other_merchant.pk}").status_code == 200
    answer = client.post(f"{ADDRESS}/move/", {"merchant": cast.other_merchant.pk, "note": "店铺搬迁"})
    assert answer.headers["Location"] == f"{ADDRESS}/"
    device.refresh_from_db()
    alarm.refresh_from_db()
    assert (device.merchant, alarm.cleared_at is not None, alarm.issue_wanted_at) == (cast.other_merchant, True, None)
    assert device.observe_until is not None and device.observe_until > timezone.now()
    assert history(device) == [("installed", cast.merchant.pk), ("moved", cast.other_merchant.pk)]
    assert queries.stands_there_since(device) == DeviceEvent.objects.get(kind="moved").at
    assert not Alarm.objects.visible_to(cast.stranger_owner).exists()  # it was raised at another's shop
    assert Alarm.objects.visible_to(cast.county_officer).get() == alarm
    assert Standing.objects.get(merchant=cast.merchant).device_state == "none"
    with pytest.raises(actions.Stands):
        actions.move(device, cast.other_merchant, at=NOON)


def test_a_gas_alarm_counts_from_the_first_second_wherever_it_hangs(cast: Cast) -> None:
    made = actions.register(mn="GAS", merchant=cast.merchant, profile_id="json-gas", at=NOON)
    assert made.observe_until is None
    actions.move(made, cast.other_merchant, at=NOON)
    made.refresh_from_db()
    assert made.observe_until is None


def test_a_replaced_device_and_the_one_in_its_place_know_of_each_other(reader: Any, cast: Cast, device: Device) -> None:
    Device.objects.filter(pk=device.pk).update(place="后厨", maintainer=company())
    client, said = reader("county_officer"), {"mn": "NEW", "profile": "sb-states", "vendor": "V", "note": "坏了"}
    make_device(cast.merchant.pk, "TAKEN")
    assert client.post(f"{ADDRESS}/replace/", said | {"mn": "TAKEN"}).status_code == 422
    device.refresh_from_db()
    assert device.state == "active"
    assert client.post(f"{ADDRESS}/replace/", said).headers["Location"] == "/sensing/devices/NEW/"
    new = Device.objects.get(mn="NEW")
    device.refresh_from_db()
    assert (device.state, new.merchant, new.place, new.maintainer) == (
        "retired", cast.merchant, "后厨", Maintainer.objects.get(),
    )  # fmt: skip
    assert [(row.kind, row.other) for row in device.events.all()] == [("replaced", new)]
    assert [(row.kind, row.other) for row in new.events.all()] == [("replaces", device)]
    for mn, other in (("NEW", MN), (MN, "NEW")):
        assert f"/sensing/devices/{other}/" in client.get(f"/sensing/devices/{mn}/").content.decode()


def test_every_change_is_in_the_history_and_the_journal(cast: Cast, device: Device) -> None:
    actions.begin_maintenance(device, note="a", at=NOON)
    actions.end_maintenance(device, at=NOON + timedelta(hours=1))
    actions.change_profile(device, "sb-states", at=NOON + timedelta(hours=2))
    actions.retire(device, note="关店", at=NOON + timedelta(hours=3))
    assert [kind for kind, _shop in history(device)] == ["maintained", "profile_changed", "retired"]
    told = Entry.objects.filter(subject_kind="device", subject_id=MN).order_by("id").values_list("kind", flat=True)
    assert list(told) == [
        "device.maintenance_begun", "device.maintenance_ended", "device.profile_changed", "device.retired",
    ]  # fmt: skip
    device.refresh_from_db()
    for again in (actions.retire, lambda of, at: actions.move(of, cast.other_merchant, at=at)):
        with pytest.raises(actions.NotActive):
            again(device, at=NOON)


def test_how_a_single_device_is_answered_is_chosen_on_its_page_and_written_down(
    reader: Any, cast: Cast, device: Device
) -> None:
    client = reader("county_officer")
    assert 'name="ack_style"' in client.get(f"{ADDRESS}/registry/").content.decode()
    client.post(f"{ADDRESS}/profile/", {"profile": device.profile, "ack_style": "st21"})
    device.refresh_from_db()
    assert device.ack_style == "st21"
    (event,) = DeviceEvent.objects.filter(device=device)
    assert (event.kind, event.note, event.recorded_by) == (
        "profile_changed", f"{device.profile} → {device.profile}, st21", cast.county_officer.pk,
    )  # fmt: skip
    assert Entry.objects.filter(kind="device.profile_changed", subject_id=MN).count() == 1
    assert client.post(f"{ADDRESS}/profile/", {"profile": device.profile, "ack_style": "9014"}).status_code == 422
    assert reader("grid_member").post(f"{ADDRESS}/profile/", {"profile": device.profile}).status_code == 403


# ── times planned ahead ──


def test_a_planned_calibration_holds_the_alarms_when_it_comes_and_can_be_called_off(
    reader: Any, cast: Cast, device: Device
) -> None:
    client, now = reader("county_officer"), timezone.localtime()
    said = {"kind": "calibration", "note": "某某运维 年检"}
    since, until = now + timedelta(days=1), now + timedelta(days=1, hours=2)
    form = "%Y-%m-%dT%H:%M"
    assert (
        client.post(
            f"{ADDRESS}/plan/", said | {"since": until.strftime(form), "until": since.strftime(form)}
        ).status_code
        == 422
    )
    client.post(f"{ADDRESS}/plan/", said | {"since": since.strftime(form), "until": until.strftime(form)})
    planned = Maintenance.objects.get()
    assert (planned.kind, planned.recorded_by) == ("calibration", cast.county_officer.pk)
    for at, state in ((now, "online"), (since + timedelta(hours=1), "maintenance"), (until, "online")):
        assert queries.state_of(queries.with_state(Device.objects.all(), at).get(), at) == state
    page = client.get(f"{ADDRESS}/").content.decode()
    assert "某某运维 年检" in page
    client.post(f"{ADDRESS}/call-off/", {"planned": planned.pk})
    assert not Maintenance.objects.exists()
    assert history(device) == []


def test_a_time_that_has_begun_is_ended_not_undone(device: Device) -> None:
    planned = actions.plan(
        device, "maintenance", NOON - timedelta(days=3), NOON + timedelta(hours=2), note="x", at=NOON
    )
    assert planned.since == NOON
    actions.call_off(planned, at=NOON + timedelta(hours=1))
    planned.refresh_from_db()
    assert planned.until == NOON + timedelta(hours=1)
    with pytest.raises(actions.PlannedWrongly):
        actions.plan(device, "maintenance", NOON, NOON + timedelta(days=40), note="x", at=NOON)


# ── who looks after it ──


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_companies_are_entered_counted_changed_and_taken_away(
    reader: Any, cast: Cast, device: Device, language: str
) -> None:
    client, headers = reader("county_officer"), {"accept-language": language}
    said = {"name": "某某运维", "phone": "13812345678", "respond_within_hours": "4"}
    client.post("/sensing/maintainers/new/", said)
    one = Maintainer.objects.get()
    assert client.post("/sensing/maintainers/new/", said).status_code == 422
    client.post(f"{ADDRESS}/describe/", {"vendor": "V", "model": "M", "place": "后厨", "maintainer": one.pk})
    raise_alarm(device, code="ALM-OFF")
    page = client.get("/sensing/maintainers/", headers=headers).content.decode()
    assert f'/sensing/?maintainer={one.pk}&amp;state=dark"' in page
    assert "13812345678" in page
    found = client.get(f"/sensing/?maintainer={one.pk}&state=dark", headers=headers).content.decode()
    assert MN in found
    assert MN not in client.get("/sensing/?maintainer=0", headers=headers).content.decode()
    client.post(f"/sensing/maintainers/{one.pk}/", {"wish": "remove"})
    assert Maintainer.objects.exists()
    client.post(f"/sensing/maintainers/{one.pk}/", said | {"respond_within_hours": "2"})
    Device.objects.update(maintainer=None)
    client.post(f"/sensing/maintainers/{one.pk}/", {"wish": "remove"})
    assert not Maintainer.objects.exists()


def test_a_companys_phone_is_masked_for_who_does_not_manage_devices(reader: Any, cast: Cast, device: Device) -> None:
    Device.objects.update(maintainer=company())
    for role in ("leader", "owner"):
        page = reader(role).get(f"{ADDRESS}/").content.decode()
        assert "13812345678" not in page
        assert "138****5678" in page
    assert "13812345678" not in reader("leader").get("/sensing/maintainers/").content.decode()


# ── the list ──


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("vendor=V", ["A1"]),
        ("kind=camera", ["B2"]),
        ("state=dark", ["B2"]),
        ("sort=heard", ["B2", "A1"]),
        ("sort=-heard", ["A1", "B2"]),
        ("sort=name&state=observing", []),
        ("maintainer=0", ["A1", "B2"]),
        ("maintainer=99", []),
    ],
)
def test_devices_are_filtered_and_ordered(reader: Any, cast: Cast, query: str, found: list[str]) -> None:
    make_device(cast.merchant.pk, "A1", vendor="V", last_frame_at=NOON)
    make_device(cast.other_merchant.pk, "B2", kind="camera")
    page = reader("leader").get(f"/sensing/?{query}&part=list").content.decode()
    there = sorted((page.find(f">{mn}<"), mn) for mn in ("A1", "B2") if f">{mn}<" in page)
    order = [mn for _at, mn in there]
    assert order == found if "sort" in query else sorted(order) == sorted(found)


def test_alarms_of_other_devices_are_left_alone(cast: Cast, device: Device) -> None:
    other = make_device(cast.merchant.pk, "OTHER")
    raise_alarm(other)
    actions.retire(device, at=NOON)
    assert Alarm.objects.filter(device=other, cleared_at=None).exists()
    assert Standing.objects.get(merchant=cast.merchant).open_alarms == 1
