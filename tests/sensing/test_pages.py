"""Pages of devices and alarms: for those they are for, in both languages, with a fixed number of queries."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from lingxiu.accounts.models import Bond
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Standing
from lingxiu.policy.queries import in_force
from lingxiu.sensing import actions, charting, queries
from lingxiu.sensing.charting import Span
from lingxiu.sensing.jobs import forget, make_room
from lingxiu.sensing.models import Alarm, Device, Maintenance, UnknownDevice, WatchCursor
from lingxiu.sensing.views.device import drift
from tests.cast import BEGAN, Cast
from tests.pages import plain_static
from tests.sensing.conftest import MN, make_device
from tests.sensing.frames import COUNTY

__all__ = ["plain_static"]

NOON = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


@pytest.fixture
def device(cast: Cast) -> Device:
    return make_device(cast.merchant.pk, MN, last_frame_at=NOON)


@pytest.fixture
def reader(client: Client, cast: Cast) -> Any:
    """`reader("leader")`: a client signed in as the person of that role."""

    def sign_in(role: str) -> Client:
        client.force_login(cast.by_role[role])
        return client

    return sign_in


def run(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def window(device: Device, at: datetime, fume: float | None = 0.5, alone: int = 0) -> None:
    run(
        "INSERT INTO window_fume (device_id, at, count, valid, minutes, fume_mean, fume_min, fume_max, fan_on_minutes,"
        " purifier_on_minutes, fan_without_purifier_minutes, minutes_over_1, minutes_over_2, minutes_over_4)"
        " VALUES (%s, %s, 10, 10, 10, %s, %s, %s, 10, %s, %s, 0, 3, 0)",
        device.pk, at, fume, fume, fume, 10 - alone, alone,
    )  # fmt: skip


def raise_alarm(device: Device, at: datetime = NOON, code: str = "ALM-FUME-3", **fields: Any) -> Alarm:
    evidence = {
        "windows": [{"at": at.isoformat(), "fume_mg_m3": 2.5, "fan_on_minutes": 10, "fan_without_purifier_minutes": 0}]
    }
    values = {
        "severity": "orange",
        "last_at": at,
        "noticed_at": at,
        "edition": in_force().id,
        "evidence": evidence,
        "peak": 2.5,
    }
    return Alarm.objects.create(device=device, code=code, raised_at=at, **(values | fields))


# ── the list ──


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("tab", ["devices", "alarms", "unknown"])
def test_the_lists_open_in_both_languages_empty_or_not(reader: Any, cast: Cast, tab: str, language: str) -> None:
    client, headers = reader("county_officer"), {"accept-language": language}
    assert client.get(f"/sensing/?tab={tab}", headers=headers).status_code == 200
    raise_alarm(make_device(cast.merchant.pk, MN))
    stranger("STRANGER-1")
    page = client.get(f"/sensing/?tab={tab}", headers=headers)
    expected = {
        "devices": MN,
        "alarms": "sustained high fume" if language == "en" else "油烟持续高值",
        "unknown": "STRANGER-1",
    }[tab]
    assert expected in page.content.decode()
    assert expected in client.get(f"/sensing/?tab={tab}&part=list", headers=headers).content.decode()


def stranger(mn: str) -> UnknownDevice:
    return UnknownDevice.objects.create(
        mn=mn,
        peer="10.0.0.1:4",
        first_at=NOON,
        last_at=NOON,
        first_frame=b"##0100\xff",
        last_frame=b"##0100QN=1;ST=2&&",
    )


def test_the_list_costs_the_same_however_much_there_is(
    reader: Any, cast: Cast, device: Device, django_assert_max_num_queries: Any
) -> None:
    client = reader("county_officer")
    for n in range(30):
        raise_alarm(make_device(cast.merchant.pk, f"D{n}"))
        stranger(f"STRANGER-{n}")
    for tab in ("devices", "alarms", "unknown"):
        client.get(f"/sensing/?tab={tab}")
        with django_assert_max_num_queries(17):
            assert client.get(f"/sensing/?tab={tab}").status_code == 200


def states() -> dict[str, str]:
    found = queries.with_state(Device.objects.all(), NOON)
    return {device.mn: queries.state_of(device, NOON) for device in found}


def test_a_device_is_in_one_state_and_found_by_it(cast: Cast) -> None:
    heard = {"last_frame_at": NOON}
    make_device(cast.merchant.pk, "online", **heard)
    make_device(cast.merchant.pk, "never")
    make_device(cast.merchant.pk, "observing", **heard | {"observe_until": NOON + timedelta(days=1)})
    make_device(cast.merchant.pk, "retired", **heard | {"state": "retired"})
    held = make_device(cast.merchant.pk, "maintenance", **heard)
    Maintenance.objects.create(device=held, since=NOON - timedelta(hours=1), until=NOON + timedelta(hours=1), note="-")
    over = make_device(cast.other_merchant.pk, "silent", **heard)
    Maintenance.objects.create(device=over, since=BEGAN, until=NOON - timedelta(hours=1), note="-")
    raise_alarm(over, code="ALM-OFF")
    assert states() == {state: state for state in queries.STATES}
    for state in queries.STATES:
        found = queries.find_devices(Device.objects.all(), queries.Wanted(state=state), NOON)
        assert [device.mn for device in found] == [state]
    assert queries.count_devices(Device.objects.all(), NOON) == {
        "all": 5, "online": 1, "silent": 1, "never": 1, "observing": 1, "maintenance": 1,
    }  # fmt: skip
    alarmed = queries.find_devices(Device.objects.all(), queries.Wanted(state="alarm"), NOON)
    assert [(device.mn, device.alarms_open) for device in alarmed] == [("silent", 1)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"q": "yxj"}, ["A1"]),
        ({"q": "一鲜"}, ["A1"]),
        ({"q": "b2"}, ["B2"]),
        ({"town": "330421103"}, ["B2"]),
        ({"profile": "ga-currents"}, ["B2"]),
        ({"q": "nobody"}, []),
    ],
)
def test_devices_are_found_by_merchant_pinyin_mn_town_and_dialect(
    cast: Cast, wanted: dict[str, str], found: list[str]
) -> None:
    make_device(cast.merchant.pk, "A1")
    make_device(cast.other_merchant.pk, "B2", "ga-currents")
    assert [device.mn for device in queries.find_devices(Device.objects.all(), queries.Wanted(**wanted), NOON)] == found


def test_cleared_alarms_are_shown_when_asked_for_and_withdrawn_ones_never(cast: Cast, device: Device) -> None:
    standing = raise_alarm(device)
    cleared = raise_alarm(device, NOON - timedelta(days=1), cleared_at=NOON)
    raise_alarm(device, NOON - timedelta(days=2), cleared_at=NOON, withdrawn_at=NOON)
    found = Alarm.objects.all()
    assert list(queries.find_alarms(found, queries.Wanted())) == [standing]
    assert list(queries.find_alarms(found, queries.Wanted(open="all"))) == [standing, cleared]
    assert list(queries.find_alarms(found, queries.Wanted(open="all", code="ALM-OFF"))) == []


# ── a device ──


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_device_shows_its_day(reader: Any, device: Device, language: str) -> None:
    now = timezone.now()
    window(device, now.replace(minute=0, second=0, microsecond=0), 1.25)
    raise_alarm(device, now, issue_number="2026030500001")
    run("SELECT sensing_make_partition(%s)", now)
    columns = "device_id, at, cn, channel, received_at, fume_mg_m3, fan_on"
    run(f"INSERT INTO reading_fume ({columns}) VALUES (%s, %s, 2011, 0, %s, 1.5, true)", device.pk, now, now)
    page = reader("county_officer").get(f"/sensing/devices/{MN}/", headers={"accept-language": language})
    text = page.content.decode()
    for expected in ("1.25", "1.50", "2026030500001", "sustained high fume" if language == "en" else "油烟持续高值"):
        assert expected in text


def test_a_devices_page_costs_the_same_however_much_there_is(
    reader: Any, device: Device, django_assert_max_num_queries: Any
) -> None:
    client = reader("county_officer")
    for n in range(12):
        raise_alarm(device, NOON - timedelta(days=n), cleared_at=NOON)
        window(device, timezone.now().replace(microsecond=0) - timedelta(seconds=n))
    client.get(f"/sensing/devices/{MN}/")
    with django_assert_max_num_queries(17):
        client.get(f"/sensing/devices/{MN}/")


def test_raw_frames_are_for_those_who_manage_devices(reader: Any, device: Device) -> None:
    run(
        "INSERT INTO odd_frame (device_id, at, why, frame) VALUES (%s, %s, 'crc', %s)",
        device.pk,
        NOON,
        b"##0100\xffsecret;b",
    )
    run("INSERT INTO recent_frame (device_id, at, frame) VALUES (%s, %s, %s)", device.pk, NOON, b"##0200plain")
    page = reader("county_officer").get(f"/sensing/devices/{MN}/", headers={"accept-language": "en"}).content.decode()
    assert "##0100\\xffsecret;<wbr>" in page
    assert "##0200plain" in page
    assert "wrong check value" in page
    assert "secret" not in reader("leader").get(f"/sensing/devices/{MN}/").content.decode()


def test_an_owner_sees_the_own_device_and_no_other(reader: Any, cast: Cast, device: Device) -> None:
    other = make_device(cast.other_merchant.pk, "OTHER")
    client = reader("owner")
    assert client.get(f"/sensing/devices/{MN}/").status_code == 200
    assert client.get(f"/sensing/devices/{MN}/chart.json").status_code == 200
    assert client.get(f"/sensing/alarms/{raise_alarm(device).pk}/").status_code == 200
    for path in (f"devices/{other.mn}/", f"devices/{other.mn}/chart.json", f"alarms/{raise_alarm(other).pk}/"):
        assert client.get(f"/sensing/{path}").status_code == 404
    assert client.get("/sensing/").status_code == 403


@pytest.mark.parametrize("role", ["cleaning_company", "waste_hauler"])
def test_who_cleans_or_hauls_for_a_shop_sees_nothing_of_what_it_measures(
    reader: Any, cast: Cast, device: Device, role: str
) -> None:
    client, alarm = reader(role), raise_alarm(device)
    for path in (f"devices/{MN}/", f"devices/{MN}/chart.json", f"alarms/{alarm.pk}/"):
        assert client.get(f"/sensing/{path}").status_code == 404
    user = cast.by_role[role]
    assert not Device.objects.visible_to(user).exists()
    assert not Alarm.objects.visible_to(user).exists()


def test_an_owner_who_also_cleans_for_another_shop_sees_the_own_device_only(cast: Cast, device: Device) -> None:
    other = make_device(cast.other_merchant.pk, "OTHER")
    raise_alarm(device)
    raise_alarm(other)
    Bond.objects.create(
        user=cast.owner, merchant_id=cast.other_merchant.pk, kind=Bond.Kind.CLEANING_COMPANY, made_at=BEGAN
    )
    assert list(Device.objects.visible_to(cast.owner)) == [device]
    assert [alarm.device for alarm in Alarm.objects.visible_to(cast.owner)] == [device]


def test_a_high_value_is_never_called_an_exceedance(reader: Any, device: Device) -> None:
    alarm = raise_alarm(device)
    for language in ("zh-hans", "en"):
        for path in ("/sensing/?tab=alarms", f"/sensing/devices/{MN}/", f"/sensing/alarms/{alarm.pk}/"):
            page = reader("county_officer").get(path, headers={"accept-language": language}).content.decode()
            assert not [word for word in ("超标", "exceed", "violat") if word in page.lower()]


def test_a_span_in_numbers(device: Device) -> None:
    window(device, NOON, 1.0, alone=4)
    window(device, NOON + timedelta(minutes=10), 3.0)
    found = charting.rows_of(device.pk, Span.of("day", NOON.date()))
    day = queries.Sum.of(found, 40)
    assert (day.highest, day.peak, day.minutes_over_2, day.complete, day.linked) == (3.0, 3.0, 6, 50.0, 80.0)
    assert queries.Sum.of([], 40) == queries.Sum(None, None, 0, 0.0, None)


@pytest.mark.parametrize("day", ["2026-03-05", "yesterday", "", "2999-01-01", "2026-13-45"])
def test_any_day_may_be_asked_for(reader: Any, device: Device, day: str) -> None:
    assert reader("leader").get(f"/sensing/devices/{MN}/?day={day}").status_code == 200
    assert reader("leader").get(f"/sensing/devices/{MN}/chart.json?day={day}").status_code == 200


def test_a_wrong_clock_is_told_from_a_re_send() -> None:
    def reading(at: float, received: float) -> dict[str, Any]:
        return {"at": NOON + timedelta(minutes=at), "received_at": NOON + timedelta(minutes=received)}

    assert drift([]) is None
    assert drift([reading(0, 0.1)]) is None
    assert drift([reading(-8, 0)]) == -8
    assert drift([reading(7, 0)]) == 7
    assert drift([reading(0, 0.1), reading(-300, -1)]) is None


# ── an alarm ──


@pytest.mark.parametrize("language", ["zh-hans", "en"])
@pytest.mark.parametrize("code", ["ALM-FUME-3", "ALM-LINK", "ALM-OFF"])
def test_an_alarm_shows_what_raised_it_and_says_its_rule(reader: Any, device: Device, code: str, language: str) -> None:
    alarm = raise_alarm(
        device, code=code, issue_number="2026030500007", evidence={} if code == "ALM-OFF" else evidence()
    )
    page = reader("leader").get(f"/sensing/alarms/{alarm.pk}/", headers={"accept-language": language}).content.decode()
    assert "/issues/2026030500007/" in page
    assert ("2.50" in page) == (code != "ALM-OFF")
    assert code in page


def evidence() -> dict[str, Any]:
    window = {"at": NOON.isoformat(), "fume_mg_m3": 2.5, "fan_on_minutes": 10, "fan_without_purifier_minutes": 10}
    return {"windows": [window]}


# ── what may be done ──


def test_a_stranger_device_is_taken_in(reader: Any, cast: Cast) -> None:
    stranger("STRANGER-1")
    client = reader("county_officer")
    assert cast.merchant.name in client.get("/sensing/unknown/STRANGER-1/?q=yxj").content.decode()
    address = f"/sensing/unknown/STRANGER-1/?merchant={cast.merchant.pk}"
    assert client.get(address).status_code == 200
    assert client.post(address, {"profile": "no such"}).status_code == 422
    answer = client.post(address, {"profile": "sb-states", "vendor": "V"})
    assert answer.headers["Location"] == "/sensing/devices/STRANGER-1/"
    device = Device.objects.get(mn="STRANGER-1")
    assert (device.merchant, device.profile, device.vendor, device.kind) == (
        cast.merchant,
        "sb-states",
        "V",
        "fume_monitor",
    )
    assert device.observe_until is not None and device.observe_until > timezone.now() + timedelta(days=6)
    assert not UnknownDevice.objects.exists()
    assert Entry.objects.filter(kind="device.registered", subject_id="STRANGER-1").count() == 1
    assert client.get("/sensing/unknown/STRANGER-1/").status_code == 404


@pytest.mark.parametrize("role", ["leader", "town_dispatcher", "owner", "grid_member"])
def test_only_who_manages_devices_takes_one_in_or_changes_it(reader: Any, device: Device, role: str) -> None:
    stranger("STRANGER-1")
    client = reader(role)
    assert client.get("/sensing/unknown/STRANGER-1/").status_code == 403
    assert client.post(f"/sensing/devices/{MN}/retire/").status_code == 403
    assert "STRANGER-1" not in client.get("/sensing/?tab=unknown").content.decode()


def test_maintenance_holds_the_alarms_and_ends(reader: Any, cast: Cast, device: Device) -> None:
    client = reader("county_officer")
    client.post(f"/sensing/devices/{MN}/maintain/", {"note": ""})
    assert not Maintenance.objects.exists()
    client.post(f"/sensing/devices/{MN}/maintain/", {"note": "cleaning", "until": "2026-03-09"})
    device.refresh_from_db()
    assert (device.state, device.maintenance_note) == ("maintenance", "cleaning")
    assert device.maintenance_until == datetime(2026, 3, 9, 23, 59, tzinfo=COUNTY)
    begun = Maintenance.objects.get()
    assert (begun.until, begun.note, begun.recorded_by) == (None, "cleaning", cast.county_officer.pk)
    assert Standing.objects.get(merchant=cast.merchant).device_state == "maintenance"
    client.post(f"/sensing/devices/{MN}/maintain/", {"note": "again"})
    assert Maintenance.objects.count() == 1
    client.post(f"/sensing/devices/{MN}/resume/")
    device.refresh_from_db()
    begun.refresh_from_db()
    assert (device.state, device.maintenance_note, begun.until is not None) == ("active", "", True)


def test_a_device_taken_out_of_use_counts_nowhere(reader: Any, cast: Cast, device: Device) -> None:
    client, alarm = reader("county_officer"), raise_alarm(device)
    assert client.post(f"/sensing/devices/{MN}/explode/").status_code == 404
    client.post(f"/sensing/devices/{MN}/retire/")
    alarm.refresh_from_db()
    assert alarm.cleared_at is not None
    assert Standing.objects.get(merchant=cast.merchant).device_state == "none"
    assert queries.count_devices(Device.objects.all(), NOON)["all"] == 0
    assert [entry.kind for entry in Entry.objects.filter(subject_id=MN)] == ["device.retired"]


def test_a_device_is_registered_once(cast: Cast, device: Device) -> None:
    with pytest.raises(actions.DeviceKnown):
        actions.register(mn=MN, merchant=cast.merchant, profile_id="plain-2017", at=NOON)
    with pytest.raises(KeyError):
        actions.register(mn="X", merchant=cast.merchant, profile_id="no such", at=NOON)


def test_who_comes_second_to_a_stranger_device_is_told_so(reader: Any, cast: Cast) -> None:
    client = reader("county_officer")
    actions.register(mn="STRANGER-1", merchant=cast.other_merchant, profile_id="plain-2017", at=NOON)
    answer = client.post(
        f"/sensing/unknown/STRANGER-1/?merchant={cast.merchant.pk}",
        {"profile": "sb-states"},
        headers={"accept-language": "en"},
        follow=True,
    )
    assert answer.redirect_chain == [("/sensing/devices/STRANGER-1/", 302)]
    assert "Somebody else has registered this device" in answer.content.decode()
    assert Device.objects.get(mn="STRANGER-1").merchant == cast.other_merchant


@pytest.mark.django_db(transaction=True)
def test_two_who_adopt_one_device_at_the_same_instant_do_not_both(cast: Cast) -> None:
    stranger("STRANGER-1")

    def second() -> Any:
        try:
            client = Client(headers={"accept-language": "en"})
            client.force_login(cast.county_officer)
            address = f"/sensing/unknown/STRANGER-1/?merchant={cast.merchant.pk}"
            return client.post(address, {"profile": "sb-states"}, follow=True)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            actions.register(mn="STRANGER-1", merchant=cast.other_merchant, profile_id="plain-2017", at=NOON)
            answered = other.submit(second)
            by = time.monotonic() + 10
            while run("SELECT count(*) FROM pg_locks WHERE NOT granted") == [(0,)]:
                assert not answered.done() and time.monotonic() < by
        answer = answered.result(timeout=20)
    assert answer.redirect_chain == [("/sensing/devices/STRANGER-1/", 302)]
    assert "Somebody else has registered this device" in answer.content.decode()
    assert Device.objects.get(mn="STRANGER-1").merchant == cast.other_merchant
    assert Entry.objects.filter(kind="device.registered").count() == 1


# ── keeping house ──


def test_weeks_to_come_have_room_and_what_is_past_its_time_goes(cast: Cast) -> None:
    old = NOON - timedelta(days=800)
    run("SELECT sensing_make_partition(%s)", old)
    make_room(NOON)
    weeks = (
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'reading_fume'::regclass AND inhrelid::regclass::text = %s"
    )
    for name in ("reading_fume_20260302", "reading_fume_20260323"):
        assert run(weeks, name) == [(1,)]
    run(
        "INSERT INTO odd_frame (at, why, frame) VALUES (%s, 'crc', ''), (%s, 'crc', '')",
        NOON,
        NOON - timedelta(days=100),
    )
    batch = "INSERT INTO ingest_batch (at, device_ids, windows, latest) VALUES (%s, '{}', '{}', '{}') RETURNING xid::text, id"
    ((xid, first),) = run(batch, NOON - timedelta(days=3))
    run(batch, NOON - timedelta(days=3))
    WatchCursor.objects.create(name="windows", xid=int(xid), batch_id=first)
    stranger("STRANGER-1")
    UnknownDevice.objects.filter(mn="STRANGER-1").update(last_at=NOON - timedelta(days=91))
    forget(NOON)
    assert run(weeks, f"reading_fume_{monday_of(old):%Y%m%d}") == [(0,)]
    assert run("SELECT count(*) FROM odd_frame") == [(1,)]
    assert run("SELECT count(*) FROM ingest_batch") == [(1,)]  # one of them nobody has read yet
    assert not UnknownDevice.objects.exists()


def monday_of(at: datetime) -> datetime:
    return at - timedelta(days=at.weekday())
