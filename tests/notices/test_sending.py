"""What leaves the program: claimed by one, folded, bounded by the hour, quiet at night, tried again, given up, sent anew."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from lingxiu.notices.actions import mark, send_again
from lingxiu.notices.models import Delivery
from lingxiu.notices.sending import LEASE, attempt, claim, send_due
from lingxiu.policy.queries import in_force
from tests.cast import NOON, Cast, make_cast
from tests.notices.others import Phone
from tests.notices.world import states, waiting

NIGHT = datetime(2026, 3, 5, 15, 0, tzinfo=UTC)  # 23:00 in the county
MORNING = datetime(2026, 3, 5, 23, 30, tzinfo=UTC)  # 07:30 of the next day
MINUTE = timedelta(minutes=1)


def test_what_is_due_goes_and_what_is_not_does_not(cast: Cast, phone: Phone) -> None:
    waiting(cast.owner, "sms")
    waiting(cast.stranger_owner, "sms", at=NOON + MINUTE)
    assert send_due(NOON) == 1
    assert [said["phone"] for said in phone.messages.values()] == [cast.owner.phone]
    assert send_due(NOON) == 0
    assert states(cast.owner, "sms") == ["sent"]


def test_several_go_as_one_message(cast: Cast, phone: Phone) -> None:
    waiting(cast.owner, "sms", count=5)
    assert send_due(NOON) == 1
    [said] = phone.messages.values()
    assert "5 条" in said["text"]
    assert len(set(Delivery.objects.values_list("message", flat=True))) == 1
    assert states(cast.owner, "sms") == ["sent"] * 5


def test_urgent_goes_first_alone_and_at_night(cast: Cast, phone: Phone) -> None:
    waiting(cast.owner, "sms", at=NIGHT, count=2)
    waiting(cast.owner, "sms", at=NIGHT, urgent=True)
    assert send_due(NIGHT) == 1
    assert states(cast.owner, "sms") == ["waiting", "waiting", "sent"]
    assert send_due(MORNING - MINUTE) == 0
    assert send_due(MORNING) == 1, "the rest of the night comes as one"
    assert states(cast.owner, "sms") == ["sent"] * 3


def test_never_more_than_so_many_an_hour_and_the_rest_as_one(cast: Cast, phone: Phone) -> None:
    for minute in range(10):
        waiting(cast.owner, "sms", at=NOON + minute * MINUTE)
        send_due(NOON + minute * MINUTE)
    assert len(phone.messages) == 4, "of six an hour, two are kept for what is urgent"
    assert Counter(states(cast.owner, "sms")) == {"sent": 4, "waiting": 6}
    assert send_due(NOON + 59 * MINUTE) == 0
    assert send_due(NOON + 60 * MINUTE) == 1
    assert Counter(states(cast.owner, "sms")) == {"sent": 10}
    assert len(phone.messages) == 5


def test_urgent_messages_have_a_bound_as_well(cast: Cast, phone: Phone) -> None:
    for minute in range(10):
        waiting(cast.owner, "sms", at=NOON + minute * MINUTE, urgent=True)
        send_due(NOON + minute * MINUTE)
    assert len(phone.messages) == in_force().catalogues.notices.most_an_hour
    assert send_due(NOON + 60 * MINUTE) == 1


def test_a_message_is_tried_again_with_the_same_id_and_then_given_up(cast: Cast, phone: Phone) -> None:
    [row] = waiting(cast.owner, "sms")
    phone.broken = 100
    now, ids = NOON, set()
    for wait in in_force().catalogues.notices.retry_minutes[:4]:
        send_due(now)
        row.refresh_from_db()
        assert (row.state, row.next_at) == ("waiting", now + wait * MINUTE)
        ids.add(row.message)
        assert send_due(now + wait * MINUTE - timedelta(seconds=1)) == 0
        now += wait * MINUTE
    assert len(ids) == 1
    assert "503" in row.error
    phone.broken = 0
    assert send_due(now) == 1
    row.refresh_from_db()
    assert (row.state, row.tries, row.error) == ("sent", 5, "")


def test_what_is_given_up_waits_for_an_administrator_who_has_it_sent_anew(cast: Cast, phone: Phone) -> None:
    waiting(cast.owner, "sms", count=2)
    last = len(in_force().catalogues.notices.retry_minutes)
    Delivery.objects.update(tries=last)
    phone.broken = 1
    send_due(NOON)
    assert states(cast.owner, "sms") == ["failed", "failed"]
    assert send_due(NOON + timedelta(days=1)) == 0
    row = Delivery.objects.order_by("pk")[0]
    assert send_again(row.pk, by=cast.administrator, at=NOON + timedelta(days=1))
    assert not send_again(row.pk, by=cast.administrator, at=NOON + timedelta(days=1))
    assert send_due(NOON + timedelta(days=1)) == 1
    assert states(cast.owner, "sms") == ["sent", "sent"]


def test_a_claim_of_a_process_that_died_runs_out_and_is_known_again(cast: Cast, phone: Phone) -> None:
    waiting(cast.owner, "sms")
    died = claim(NOON)
    assert died is not None
    assert claim(NOON) is None, "it is another's"
    assert claim(NOON + LEASE - MINUTE) is None
    again = claim(NOON + LEASE)
    assert again is not None
    assert again.message == died.message
    assert attempt(again, NOON + LEASE)
    assert attempt(died, NOON + LEASE), "it was slow, not dead: the gateway knows the message again"
    assert len(phone.messages) == 1
    assert states(cast.owner, "sms") == ["sent"]


def test_who_lost_the_claim_does_not_write_down_how_it_went(cast: Cast, phone: Phone) -> None:
    waiting(cast.owner, "sms")
    slow, quick = claim(NOON), claim(NOON + LEASE)
    assert slow and quick
    attempt(quick, NOON + LEASE)
    phone.broken = 1
    attempt(slow, NOON + LEASE)
    assert states(cast.owner, "sms") == ["sent"]


def test_what_was_read_in_the_meantime_need_not_be_sent(cast: Cast, phone: Phone) -> None:
    rows = waiting(cast.owner, "sms", count=2)
    mark(cast.owner, [rows[0].notice_id], read=True, at=NOON)
    assert send_due(NOON) == 1
    assert states(cast.owner, "sms") == ["needless", "sent"]


def test_a_fault_of_ours_holds_up_one_message_and_no_other(cast: Cast, phone: Phone) -> None:
    [row] = waiting(cast.owner, "sms")
    type(row.notice).objects.filter(pk=row.notice_id).update(edition=99_999)
    waiting(cast.stranger_owner, "sms")
    assert send_due(NOON) == 1
    row.refresh_from_db()
    assert (row.state, row.error) == ("waiting", "DoesNotExist")
    assert states(cast.stranger_owner, "sms") == ["sent"]


def test_a_way_by_which_nothing_goes_is_left_alone_until_the_next_run(cast: Cast, phone: Phone) -> None:
    people = list(cast.by_role.values())
    for number, user in enumerate(people):
        user.phone = f"1390000{number:04}"
        user.save()
        waiting(user, "sms")
    phone.broken = 1000
    assert send_due(NOON) == 0
    assert phone.requests == 5
    phone.broken = 0
    assert send_due(NOON + MINUTE) == len(people)


def test_without_a_gateway_it_is_tried_again_later(cast: Cast) -> None:
    [row] = waiting(cast.owner, "sms")
    assert send_due(NOON) == 0
    row.refresh_from_db()
    assert "no text-message gateway" in row.error


@pytest.mark.django_db(transaction=True)
def test_each_message_is_claimed_by_exactly_one_of_many(transactional_db: None, settings: Any) -> None:
    cast = make_cast()
    people = list(cast.by_role.values())
    for user in people:
        waiting(user, "robot", count=3)
        waiting(user, "email", count=2)
    taken: list[int] = []
    together = threading.Barrier(6)

    def worker() -> None:
        try:
            together.wait()
            while (found := claim(NOON)) is not None:
                taken.extend(row.pk for row in found.rows)
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    while (left := claim(NOON)) is not None:  # passed over because another held that person's turn
        taken.extend(row.pk for row in left.rows)
    assert sorted(taken) == sorted(Delivery.objects.values_list("pk", flat=True))
    assert Delivery.objects.values("message").distinct().count() == 2 * len(people)
    assert set(Delivery.objects.values_list("tries", flat=True)) == {1}


def test_who_has_left_is_written_to_no_more(cast: Cast, phone: Phone) -> None:
    """What waited for the morning, or to be tried again, tells of shops and issues that are theirs no longer."""
    waiting(cast.grid_member, "sms")
    type(cast.grid_member).objects.filter(pk=cast.grid_member.pk).update(is_active=False, phone="x")
    assert send_due(NOON) == 0
    assert (states(cast.grid_member, "sms"), phone.messages) == (["needless"], {})
