"""Declaring a self-check, recording a cleaning, an emptying, a hand-over: once each, journalled, with pictures."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from lingxiu.accounts.models import Bond, User
from lingxiu.files.models import FileUse, Origin, StoredFile
from lingxiu.issues.models import Issue
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import CareRecord
from lingxiu.policy.queries import in_force
from lingxiu.policy.reading import SHIPPED, read_folder
from lingxiu.selfservice.models import SelfCheck
from tests.cast import BEGAN, NOON, Cast, bound
from tests.issues.world import find

TODAY = date(2026, 3, 5)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _noon() -> Any:
    with time_machine.travel(NOON, tick=False):
        yield


def signed_in(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def answers(**given: str) -> dict[str, str]:
    """All in order, but for those given."""
    return {item.id: "yes" for item in in_force().catalogues.selfcheck.items} | {
        name.replace("_", "-"): value for name, value in given.items()
    }


def photo(colour: str = "red", name: str = "a.jpg") -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (640, 480), colour).save(out, "JPEG")
    return SimpleUploadedFile(name, out.getvalue(), "image/jpeg")


def declare(cast: Cast, user: User | None = None, **body: Any) -> Any:
    data = {"submission": str(uuid4()), **answers(), **body}
    return signed_in(user or cast.owner).post(f"/shop/{cast.merchant.pk}/check/", data)


def record(cast: Cast, what: str, user: User | None = None, **body: Any) -> Any:
    data = {"submission": str(uuid4()), "on": "2026-03-04", "by": "洁源清洗", **body}
    return signed_in(user or cast.owner).post(f"/shop/{cast.merchant.pk}/{what}/", data)


# ── self-check ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_the_owner_needs_help_for_becomes_a_reminder_of_their_own_word(cast: Cast) -> None:
    body = {"submission": str(uuid4()), **answers(SC_TRAP="later", SC_BIN="no")}
    owner = signed_in(cast.owner)
    for _ in range(2):
        response = owner.post(f"/shop/{cast.merchant.pk}/check/", body)
        assert response.status_code == 302
    issue = Issue.objects.get()
    assert (issue.source, issue.violation, issue.merchant, issue.found_by) == (
        "self_check", "D-TRAP", cast.merchant, cast.owner,
    )  # fmt: skip
    assert (issue.state, issue.lead_unit) == ("dispatched", cast.grid), "the grid comes by, no enforcement team"
    told = Entry.objects.get(kind="self_check.declared").reference
    assert (told["not_in_order"], told["issues"]) == (["SC-BIN", "SC-TRAP"], [issue.number])
    shop = owner.get(f"/shop/{cast.merchant.pk}/").content.decode()
    assert "The grease trap was not emptied in time" in shop
    assert "your grid member comes by to help" in shop
    page = owner.get(f"/shop/issues/{issue.number}/").content.decode()
    assert "You told us of this yourselves" in page


def test_the_pictures_of_that_part_of_the_kitchen_come_along_to_the_issue(cast: Cast) -> None:
    given = answers(SC_TRAP="later")
    declare(cast, **given, photo_drains=photo("red"), photo_waste=photo("blue"))
    issue = Issue.objects.get()
    [name] = issue.moves.get(move="report").photos
    file = StoredFile.objects.get(sha256=name)
    kinds = FileUse.objects.filter(file=file).values_list("subject_kind", "subject_id")
    assert set(kinds) == {("self_check", str(SelfCheck.objects.get().pk)), ("issue", issue.number)}
    other = StoredFile.objects.exclude(sha256=name).get()
    assert [use.subject_kind for use in other.uses.all()] == ["self_check"], (
        "what the waste looks like has no business there"
    )
    for seen in (cast.owner, cast.grid_member, cast.county_officer):
        assert may_open(seen, file)
    for stranger in (cast.cleaning_company, cast.waste_hauler, cast.stranger_owner, cast.other_grid_member):
        assert not may_open(stranger, file)


def test_what_is_open_already_is_not_opened_again(cast: Cast) -> None:
    known = find(cast.grid_member, "D-TRAP", merchant=cast.merchant)
    assert declare(cast, **answers(SC_TRAP="later")).status_code == 302
    assert Issue.objects.get() == known


def test_every_item_of_a_self_check_opens_an_everyday_kind_without_a_law() -> None:
    """Who reports himself is reminded, not punished: nothing a notice could rest on."""
    catalogues = read_folder(SHIPPED)[0]
    for item in catalogues.selfcheck.items:
        violation = catalogues.violation(item.violation)
        assert (violation.kind, violation.bases, violation.severity) == ("finding", (), 1)
        assert violation.id in {row.violation for row in catalogues.selfcheck.issues}, "the owner has words for it"


def test_a_self_check_is_declared_for_its_month(cast: Cast) -> None:
    response = declare(cast, **answers(SC_TRAP="no", SC_DEVICE="none"))
    assert response.headers["Location"] == f"/shop/{cast.merchant.pk}/"
    check = SelfCheck.objects.get()
    assert (check.merchant_id, check.month, check.declared_by) == (cast.merchant.pk, date(2026, 3, 1), cast.owner.pk)
    assert (check.answers["SC-TRAP"], check.answers["SC-DEVICE"], check.answers["SC-HOOD"]) == (False, None, True)
    assert check.edition == in_force().id
    entry = Entry.objects.get(kind="self_check.declared")
    assert entry.reference == {"month": "2026-03", "not_in_order": ["SC-TRAP"], "issues": []}
    assert (entry.merchant_id, entry.actor_id) == (cast.merchant.pk, cast.owner.pk)


def test_what_is_not_in_order_is_shown_with_what_to_do(cast: Cast) -> None:
    declare(cast, **answers(SC_TRAP="no"))
    text = signed_in(cast.owner).get("/shop/").content.decode()
    assert "You declared these not in order" in text
    assert "Have it emptied, then record it here." in text


def test_the_same_submission_twice_is_one_self_check(cast: Cast) -> None:
    submission = str(uuid4())
    first, second = (declare(cast, submission=submission) for _ in range(2))
    assert first.status_code == second.status_code == 302
    assert SelfCheck.objects.count() == Entry.objects.filter(kind="self_check.declared").count() == 1


def test_the_same_submission_with_other_answers_is_refused(cast: Cast) -> None:
    submission = str(uuid4())
    declare(cast, submission=submission)
    response = declare(cast, submission=submission, **answers(SC_TRAP="no"))
    assert response.status_code == 422
    assert b"sent before with other content" in response.content


def test_a_month_is_declared_once_whoever_of_the_shop_is_first(cast: Cast) -> None:
    partner = bound("partner", "owner", cast.merchant)
    declare(cast)
    response = declare(cast, partner, **answers(SC_TRAP="no"))
    assert response.status_code == 302
    assert SelfCheck.objects.get().declared_by == cast.owner.pk
    assert "it stands as it was" in signed_in_following(partner, cast)


def signed_in_following(user: User, cast: Cast) -> str:
    client = signed_in(user)
    data = {"submission": str(uuid4()), **answers()}
    response = client.post(f"/shop/{cast.merchant.pk}/check/", data, follow=True)
    return response.content.decode()


def test_a_declared_month_shows_what_was_declared(cast: Cast) -> None:
    declare(cast, **answers(SC_TRAP="no"))
    text = signed_in(cast.owner).get(f"/shop/{cast.merchant.pk}/check/").content.decode()
    assert "<form" not in text.split("<main")[1].split("</main>")[0]
    assert "Have it emptied, then record it here." in text


def test_the_next_month_asks_again(cast: Cast) -> None:
    declare(cast)
    with time_machine.travel(NOON + timedelta(days=30), tick=False):
        assert b'id="self-check"' in signed_in(cast.owner).get(f"/shop/{cast.merchant.pk}/check/").content
        declare(cast)
    assert SelfCheck.objects.count() == 2


def test_an_open_question_keeps_the_others_answered(cast: Cast) -> None:
    body = answers()
    del body["SC-TRAP"]
    submission = str(uuid4())
    response = signed_in(cast.owner).post(f"/shop/{cast.merchant.pk}/check/", {"submission": submission, **body})
    text = response.content.decode()
    assert response.status_code == 422
    assert "1 question is still open" in text
    assert text.count("checked") == len(body)
    assert submission in text, "the same submission is sent again"
    assert not SelfCheck.objects.exists()


def test_a_form_without_a_submission_is_asked_for_once_more(cast: Cast) -> None:
    response = declare(cast, submission="nonsense")
    assert response.status_code == 422
    assert b"Send it once more" in response.content


def test_pictures_of_each_medium_are_kept_and_captioned(cast: Cast) -> None:
    declare(cast, photo_exhaust=photo("red"), photo_waste=photo("blue"))
    uses = FileUse.objects.filter(subject_kind="self_check", subject_id=str(SelfCheck.objects.get().pk))
    assert uses.count() == 2
    assert {use.file.origin for use in uses} == {Origin.ALBUM}


def test_a_picture_that_is_none_is_refused_and_nothing_is_declared(cast: Cast) -> None:
    response = declare(cast, photo_exhaust=SimpleUploadedFile("a.jpg", b"not a picture", "image/jpeg"))
    assert response.status_code == 422
    assert b"This file is not a photo" in response.content
    assert not SelfCheck.objects.exists()
    assert not StoredFile.objects.exists()


# ── care ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cleaning_is_recorded(cast: Cast) -> None:
    assert record(cast, "cleaning").headers["Location"] == f"/shop/{cast.merchant.pk}/"
    row = CareRecord.objects.get()
    assert (row.kind, row.on, row.by, row.recorded_by) == (
        "purifier_cleaned", date(2026, 3, 4), "洁源清洗", cast.owner.pk,
    )  # fmt: skip
    entry = Entry.objects.get(merchant_id=cast.merchant.pk)
    assert entry.actor_id == cast.owner.pk


def test_waste_has_a_weight(cast: Cast) -> None:
    assert record(cast, "waste").status_code == 422
    assert record(cast, "waste", kg="0").status_code == 422
    record(cast, "waste", kg="23.5")
    assert CareRecord.objects.get().kg == 23.5


def test_a_company_records_for_the_shop_it_serves_and_returns_to_its_list(cast: Cast) -> None:
    assert record(cast, "trap", cast.cleaning_company).headers["Location"] == "/shop/"
    assert record(cast, "waste", cast.waste_hauler, kg="10").headers["Location"] == "/shop/"
    assert set(CareRecord.objects.values_list("kind", "recorded_by")) == {
        ("trap_emptied", cast.cleaning_company.pk),
        ("waste_handed_over", cast.waste_hauler.pk),
    }


def test_nobody_records_what_they_are_not_bound_for(cast: Cast) -> None:
    assert record(cast, "waste", cast.cleaning_company, kg="10").status_code == 404
    assert record(cast, "cleaning", cast.waste_hauler).status_code == 404
    assert record(cast, "cleaning", cast.stranger_owner).status_code == 404
    assert record(cast, "cleaning", cast.grid_member).status_code == 404
    assert not CareRecord.objects.exists()


@pytest.mark.parametrize(
    ("on", "why"),
    [
        ("2026-03-06", "still to come"),
        ("2025-03-04", "more than a year ago"),
        ("gestern", "Give a day"),
        ("", "Give the day"),
    ],
)
def test_a_day_that_cannot_be_is_refused_in_words(cast: Cast, on: str, why: str) -> None:
    response = record(cast, "cleaning", on=on)
    assert response.status_code == 422
    assert why in response.content.decode()


def test_today_counts_by_the_countys_clock(cast: Cast) -> None:
    with time_machine.travel(NOON + timedelta(hours=12, minutes=5), tick=False):  # 00:05 on the 6th in the county
        assert record(cast, "cleaning", on="2026-03-06").status_code == 302


def test_a_second_tap_makes_no_second_record(cast: Cast) -> None:
    submission = str(uuid4())
    for _ in range(3):
        assert record(cast, "cleaning", submission=submission, photo=photo()).status_code == 302
    assert CareRecord.objects.count() == FileUse.objects.count() == StoredFile.objects.count() == 1


def test_a_submission_of_somebody_else_is_refused(cast: Cast) -> None:
    submission = str(uuid4())
    record(cast, "cleaning", submission=submission)
    assert record(cast, "cleaning", cast.cleaning_company, submission=submission).status_code == 422
    assert CareRecord.objects.count() == 1


def test_who_did_it_last_time_is_offered_again(cast: Cast) -> None:
    record(cast, "cleaning")
    assert 'value="洁源清洗"' in signed_in(cast.owner).get(f"/shop/{cast.merchant.pk}/cleaning/").content.decode()


def test_what_a_phone_says_of_a_picture_is_kept_and_nonsense_is_not(cast: Cast) -> None:
    told = {
        "photo_watermarked": "1", "photo_shot_at": timezone.now().isoformat(), "photo_lng": "120.92", "photo_lat": "30.85",
        "photo_accuracy": "12",
    }  # fmt: skip
    record(cast, "cleaning", photo=photo("red"), **told)
    kept = StoredFile.objects.get()
    assert (kept.origin, kept.shot_lng, kept.shot_lat, kept.shot_accuracy_m) == (Origin.CAMERA, 120.92, 30.85, 12)
    nonsense = {"photo_shot_at": "2026-13-45T99:99:99Z", "photo_lng": "nan", "photo_lat": "95", "photo_accuracy": "x"}
    record(cast, "trap", photo=photo("blue"), **nonsense)
    other = StoredFile.objects.exclude(pk=kept.pk).get()
    assert (other.shot_at, other.shot_lng, other.shot_lat, other.shot_accuracy_m) == (None, None, None, None)


# ── who sees the pictures ────────────────────────────────────────────────────────────────────────────────────────


def may_open(user: User, file: StoredFile) -> bool:
    response: Any = signed_in(user).get(f"/files/{file.sha256}/")
    return response.status_code == 200 and len(b"".join(response.streaming_content)) > 0


def test_pictures_of_a_cleaning_are_for_officers_the_owner_and_cleaners(cast: Cast) -> None:
    record(cast, "cleaning", cast.cleaning_company, photo=photo())
    file = StoredFile.objects.get()
    assert may_open(cast.owner, file)
    assert may_open(cast.cleaning_company, file)
    assert may_open(cast.grid_member, file)
    for stranger in (cast.waste_hauler, cast.stranger_owner, cast.other_grid_member):
        assert not may_open(stranger, file)


def test_pictures_of_a_self_check_are_for_officers_and_the_owner(cast: Cast) -> None:
    declare(cast, photo_drains=photo())
    file = StoredFile.objects.get()
    assert may_open(cast.owner, file)
    assert may_open(cast.county_officer, file)
    for stranger in (cast.cleaning_company, cast.waste_hauler, cast.stranger_owner, cast.other_grid_member):
        assert not may_open(stranger, file)


def test_an_owner_whose_bond_ended_sees_the_shops_pictures_no_more(cast: Cast) -> None:
    partner = bound("partner", "owner", cast.merchant)
    declare(cast, photo_drains=photo())
    file = StoredFile.objects.get()
    assert may_open(partner, file)
    Bond.objects.filter(user=partner).update(ended_at=BEGAN + timedelta(days=1))
    assert not may_open(User.objects.get(pk=partner.pk), file)
