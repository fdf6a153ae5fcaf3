"""A request that was not done in time ends, and everybody who looks at its device can read so."""

from __future__ import annotations

from datetime import timedelta

from lingxiu.journal.models import Entry
from lingxiu.sensing import asking
from lingxiu.sensing.models import DeviceRequest
from tests.sensing.conftest import Plant
from tests.sensing.test_watch import NOON


def test_a_request_that_expires_leaves_a_word_in_the_journal_once(plant: Plant) -> None:
    request = asking.ask(plant.device, "clock", at=NOON, actor_id=plant.cast.administrator.pk)
    over = NOON + timedelta(minutes=10)
    assert asking.expire(over - timedelta(seconds=1)) == 0
    assert (asking.expire(over), asking.expire(over)) == (1, 0)
    request.refresh_from_db()
    assert (request.state, request.ended_at) == (DeviceRequest.State.EXPIRED, over)
    (entry,) = Entry.objects.filter(kind="device.answered")
    assert entry.reference == {"request": request.pk, "cn": "1011", "state": "expired"}
    merchant = plant.cast.merchant
    assert (entry.subject_id, entry.merchant_id, entry.town) == (plant.device.mn, merchant.pk, merchant.town)
