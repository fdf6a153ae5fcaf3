"""Papers of two officers: who must sign hears of it, on the page and on 浙政钉's own list, from which it goes once he has."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client

from lingxiu.issues.inspection_models import Inspection
from lingxiu.issues.inspection_rules import Inspecting
from lingxiu.issues.inspections import inspect, sign
from lingxiu.issues.signing import lock, refuse, shown
from lingxiu.issues.signing_late import follow_unsigned
from lingxiu.notices.jobs import read_on
from lingxiu.notices.models import Delivery, Notice
from lingxiu.notices.telling import Way
from tests.cast import NOON, Cast, make_cast, person
from tests.notices.others import Zhezhengding
from tests.notices.world import SOON, connected

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """Committed: the journal is read only up to what is settled."""
    return make_cast()


@pytest.fixture
def draft(cast: Cast) -> Inspection:
    """Written by one officer of the team, who names the other."""
    second = person("team2", "town_officer", cast.town_team)
    said = Inspecting(second.pk, ("T07",), NOON - timedelta(hours=1), NOON)
    return inspect(cast.merchant, said, officer=cast.town_officer, words="查看", at=NOON, submission=uuid4())


def all_told() -> list[tuple[str, str]]:
    return sorted(Notice.objects.values_list("person__username", "rule"))


def test_the_second_officer_is_told_and_the_notice_opens_the_record(cast: Cast, draft: Inspection) -> None:
    read_on(SOON)
    assert all_told() == [("team2", "N-SIGN")]
    browser = Client()
    browser.force_login(draft.second_officer)
    answer = browser.get(f"/notices/{Notice.objects.get().pk}/")
    assert answer.url == f"/issues/inspections/{draft.pk}/"
    assert browser.get(answer.url).status_code == 200


def test_a_refusal_and_the_last_signature_are_told_to_the_other_one(cast: Cast, draft: Inspection) -> None:
    with transaction.atomic():
        refuse(lock(Inspection, draft.pk), draft.second_officer, shown(draft), "不对", NOON)
    read_on(SOON)
    assert ("team", "N-SIGN-REFUSED") in all_told()


def test_what_nobody_signs_is_told_to_him_and_then_to_the_unit(cast: Cast, draft: Inspection) -> None:
    third = person("team3", "town_officer", cast.town_team)
    follow_unsigned(NOON + timedelta(hours=25))
    read_on(SOON + timedelta(hours=25))
    assert ("team2", "N-SIGN-REMINDER") in all_told()
    assert {who for who, rule in all_told() if rule == "N-SIGN-RAISED"} == {"team", "team2", third.username}


def test_it_stands_on_his_list_until_he_has_signed(cast: Cast, draft: Inspection, zhezhengding: Zhezhengding) -> None:
    connected(draft.second_officer, "5001")
    read_on(SOON)
    assert Delivery.objects.filter(way=Way.TODO, finished_by=None).count() == 1
    Delivery.objects.filter(way=Way.TODO).update(state=Delivery.State.SENT)
    sign(draft.pk, by=draft.second_officer, seen=shown(draft), at=NOON)
    read_on(SOON)
    assert Delivery.objects.filter(way=Way.TODO_DONE).count() == 1
