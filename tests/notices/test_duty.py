"""Gas in minutes: the roster, the owner, the next after five minutes, past quiet hours and the hour's bound; never a grid member."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from lingxiu.accounts.duty import enter
from lingxiu.accounts.models import Absence, DutyTurn, User
from lingxiu.journal.models import Entry
from lingxiu.notices.jobs import read_on
from lingxiu.notices.models import Delivery, Notice
from lingxiu.notices.sending import send_due
from lingxiu.policy.queries import in_force
from lingxiu.sensing import point_alarms
from lingxiu.sensing.duty import whom
from lingxiu.sensing.models import Alarm, Device, DutyCall, Mute
from lingxiu.sensing.other_readings import Point, store
from tests.cast import Cast, make_cast
from tests.notices.others import Phone
from tests.sensing.conftest import forget_readings, make_device

NIGHT = datetime(2026, 3, 5, 18, 0, tzinfo=UTC)  # two in the morning, in the middle of everybody's quiet hours


def minutes(n: float) -> datetime:
    return NIGHT + timedelta(minutes=n)


@pytest.fixture
def cast(transactional_db: None) -> Iterator[Cast]:
    yield make_cast()
    forget_readings()


@pytest.fixture
def probe(cast: Cast) -> Device:
    return make_device(cast.merchant.pk, "GAS1", "json-gas", kind="gas_alarm", observe_until=None)


def leak(probe: Device, at: datetime = NIGHT, lel: float = 45.0) -> None:
    store([Point("gas_alarm", probe.pk, at, 0, {"lel_pct": lel})], at)


def watch(at: datetime) -> None:
    point_alarms.run(in_force(), at)


def on_duty(unit: Any, *people: User) -> None:
    for rank, person in enumerate(people, 1):
        enter(unit, person, minutes(-60), minutes(600), rank=rank, at=minutes(-120), by=None)


def called() -> list[tuple[int, str]]:
    return list(DutyCall.objects.order_by("called_at", "id").values_list("step", "person__username"))


def test_the_first_on_duty_and_the_owner_are_called_at_once(cast: Cast, probe: Device) -> None:
    on_duty(cast.town, cast.town_officer, cast.dispatcher)
    leak(probe)
    watch(minutes(0.1))
    assert called() == [(0, "team"), (0, "owner")]
    watch(minutes(0.2))
    assert len(called()) == 2  # the same moment again calls nobody again


def test_the_next_is_called_after_five_minutes_and_so_on_to_the_county(cast: Cast, probe: Device) -> None:
    on_duty(cast.town, cast.town_officer)
    on_duty(cast.county_office, cast.leader)
    leak(probe)
    for n in range(26):
        watch(minutes(n))
    assert called() == [
        (0, "team"), (0, "owner"), (1, "leader"), (2, "dispatcher"), (3, "county"), (4, "team"), (5, "leader"),
    ]  # fmt: skip
    assert list(DutyCall.objects.filter(step=1).values_list("called_at", flat=True)) == [minutes(5)]


def test_it_ends_when_somebody_acknowledges_or_the_air_is_clear(cast: Cast, probe: Device) -> None:
    leak(probe)
    watch(minutes(0))
    Alarm.objects.update(acknowledged_at=minutes(3), acknowledged_by=cast.dispatcher.pk, acknowledgement="已到现场")
    watch(minutes(6))
    assert [step for step, _ in called()] == [0, 0]
    Alarm.objects.update(acknowledged_at=None, acknowledged_by=None, acknowledgement="")
    for n in (1, 2, 3):
        leak(probe, minutes(n), 0.0)
    watch(minutes(7))
    watch(minutes(20))
    assert [step for step, _ in called()] == [0, 0]


def test_after_a_standstill_one_is_called_and_the_next_in_their_own_time(cast: Cast, probe: Device) -> None:
    leak(probe)
    watch(minutes(0))
    watch(minutes(60))
    watch(minutes(61))
    assert [step for step, _ in called()] == [0, 0, 1]
    watch(minutes(65))
    assert [step for step, _ in called()] == [0, 0, 1, 2]


def test_what_is_long_past_calls_nobody_and_what_is_muted_neither(cast: Cast, probe: Device) -> None:
    leak(probe, NIGHT - timedelta(hours=7))
    watch(NIGHT)
    assert called() == []
    leak(probe, NIGHT)
    Mute.objects.create(
        device=probe,
        code="ALM-GAS",
        since=minutes(-1),
        until=minutes(9),
        reason="探头测试",
        muted_by=cast.dispatcher.pk,
    )
    watch(minutes(1))
    assert called() == []
    watch(minutes(10))
    assert [step for step, _ in called()] == [0, 0]


def test_it_stops_after_as_many_calls_as_the_rule_has(cast: Cast, probe: Device) -> None:
    leak(probe)
    for n in range(0, 200, 5):
        leak(probe, minutes(n + 1))
        watch(minutes(n))
    assert max(step for step, _ in called()) == 11


def test_grid_members_are_never_called_and_who_is_away_is_stood_in_for(cast: Cast, probe: Device) -> None:
    DutyTurn.objects.create(unit=cast.town, person=cast.grid_member, since=minutes(-60), until=minutes(60))
    on_duty(cast.town, cast.dispatcher)
    Absence.objects.create(
        user=cast.dispatcher, since=minutes(-600), until=minutes(600), deputy=cast.town_officer,
        reason=Absence.Reason.choices[0][0], declared_at=minutes(-600), declared_by=cast.dispatcher.pk,
    )  # fmt: skip
    assert whom(cast.merchant, NIGHT) == [cast.town_officer.pk, cast.county_officer.pk]


def test_at_night_and_past_the_bound_of_the_hour_it_goes_by_text_message_at_once(
    cast: Cast, probe: Device, phone: Phone
) -> None:
    cast.town_officer.phone = "13800001111"
    cast.town_officer.save()
    on_duty(cast.town, cast.town_officer)
    for n in range(8):  # so much else that is urgent has gone to them within the hour
        notice = Notice.objects.create(
            person=cast.town_officer, entry_id=10_000 + n, kind="issue.supervised", subject_kind="issue", subject_id="0",
            rule="N-SUPERVISED", edition=in_force().id, urgent=True, at=minutes(-20),
        )  # fmt: skip
        Delivery.objects.create(
            notice=notice, person=cast.town_officer, way="sms", urgent=True, next_at=minutes(-20),
            state="sent", message=uuid4(), claimed_at=minutes(-20), sent_at=minutes(-20),
        )  # fmt: skip
    leak(probe)
    watch(minutes(0.1))
    read_on(minutes(0.2))
    assert set(Notice.objects.filter(rule="N-GAS").values_list("person__username", flat=True)) == {"team", "owner"}
    assert send_due(minutes(0.2)) == 2
    sent = [message["text"] for message in phone.messages.values() if message["phone"] == "13800001111"]
    assert len(sent) == 1
    assert "119" in sent[0]
    assert cast.merchant.name in sent[0]


def test_the_roster_is_written_by_who_dispatches_there(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.dispatcher)
    start = timezone.localtime(timezone.now()) + timedelta(hours=1)
    form = {
        "unit": str(cast.town.pk), "person": str(cast.town_officer.pk), "rank": "1",
        "since": f"{start:%Y-%m-%dT%H:%M}", "until": f"{start + timedelta(hours=12):%Y-%m-%dT%H:%M}",
    }  # fmt: skip
    assert client.post("/sensing/duty/", form).status_code == 302
    turn = DutyTurn.objects.get()
    assert (turn.person, turn.unit, turn.entered_by) == (cast.town_officer, cast.town, cast.dispatcher.pk)
    assert cast.town_officer.name in client.get("/sensing/duty/").content.decode()
    assert client.post("/sensing/duty/", form).status_code == 422  # twice at one time
    assert client.post("/sensing/duty/", {**form, "unit": str(cast.other_town.pk)}).status_code == 422
    assert client.post("/sensing/duty/", {**form, "person": str(cast.grid_member.pk)}).status_code == 422
    other = Client()
    other.force_login(cast.other_dispatcher)
    assert other.post(f"/sensing/duty/{turn.pk}/strike/").status_code == 404
    assert client.post(f"/sensing/duty/{turn.pk}/strike/").status_code == 302
    assert not DutyTurn.objects.exists()
    assert list(Entry.objects.filter(kind__startswith="duty.").values_list("kind", flat=True)) == [
        "duty.entered", "duty.struck",
    ]  # fmt: skip
    for stranger in (cast.grid_member, cast.owner, cast.assessor):
        client.force_login(stranger)
        assert client.get("/sensing/duty/").status_code == 403
