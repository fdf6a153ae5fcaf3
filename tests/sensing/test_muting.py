"""The buttons of an alarm's page: who may press them, and that a reason is owed."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from lingxiu.journal.models import Entry
from lingxiu.policy.alarm_rules import PointRule
from lingxiu.policy.queries import in_force
from lingxiu.sensing.models import Alarm, Mute
from lingxiu.sensing.views.alarm import what_it_says
from tests.sensing.conftest import Plant
from tests.sensing.test_watch import NOON


@pytest.fixture
def alarm(plant: Plant) -> Alarm:
    return Alarm.objects.create(
        device=plant.device, code="ALM-FUME-3", severity="orange", raised_at=NOON, last_at=NOON, peak=2.5,
        edition=in_force().id, noticed_at=NOON,
    )  # fmt: skip


def press(client: Client, alarm: Alarm, verb: str, **said: str) -> int:
    return client.post(f"/sensing/alarms/{alarm.pk}/{verb}/", said).status_code


def test_a_dispatcher_acknowledges_and_does_not_mute(plant: Plant, alarm: Alarm, client: Client) -> None:
    client.force_login(plant.cast.dispatcher)
    assert press(client, alarm, "acknowledge", why="") == 302
    alarm.refresh_from_db()
    assert alarm.acknowledged_at is None
    assert press(client, alarm, "acknowledge", why="已电话店主") == 302
    assert press(client, alarm, "mute", why="试试") == 403
    page = client.get(f"/sensing/alarms/{alarm.pk}/").content.decode()
    assert "已电话店主" in page
    assert not Mute.objects.exists()


def test_who_manages_devices_mutes_with_a_reason_and_ends_it(plant: Plant, alarm: Alarm, client: Client) -> None:
    client.force_login(plant.cast.administrator)
    press(client, alarm, "mute", why=" ")
    assert not Mute.objects.exists()
    press(client, alarm, "mute", why="探头送检", days="7")
    mute = Mute.objects.get()
    assert (mute.code, mute.reason, (mute.until - mute.since).days) == ("ALM-FUME-3", "探头送检", 7)
    assert "探头送检" in client.get(f"/sensing/alarms/{alarm.pk}/").content.decode()
    press(client, alarm, "unmute")
    assert "探头送检" not in client.get(f"/sensing/alarms/{alarm.pk}/").content.decode()
    kinds = Entry.objects.filter(subject_kind="device").order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["device.muted", "device.unmuted"]


def test_others_may_neither(plant: Plant, alarm: Alarm, client: Client) -> None:
    for user in (plant.cast.grid_member, plant.cast.owner, plant.cast.assessor):
        client.force_login(user)
        assert press(client, alarm, "acknowledge", why="x") == 403
        assert press(client, alarm, "mute", why="x") == 403
    client.force_login(plant.cast.other_dispatcher)
    assert press(client, alarm, "acknowledge", why="x") == 404
    assert press(client, alarm, "explode", why="x") == 403


def test_every_rule_says_in_a_sentence_what_it_does(plant: Plant) -> None:
    rules = [rule for rule in in_force().catalogues.alarms.rules if not isinstance(rule, PointRule)]
    said = {what_it_says(rule) for rule in rules}
    assert len(said) == len(rules)


def test_the_morning_shows_what_devices_say_that_only_observe(plant: Plant, alarm: Alarm, client: Client) -> None:
    Alarm.objects.filter(pk=alarm.pk).update(observing=True, noticed_at=timezone.now())
    client.force_login(plant.cast.dispatcher)
    link = "/sensing/observing/"
    assert link in client.get("/issues/digest/").content.decode()
    assert plant.cast.merchant.name in client.get(link).content.decode()
    Alarm.objects.filter(pk=alarm.pk).update(observing=False)
    assert plant.cast.merchant.name not in client.get(link).content.decode()
