"""Joint inspections: planned, walked shop by shop, taken back; what each body may check, the cap, and what came of it."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from PIL import Image

from lingxiu.accounts.models import Bond, Unit, User
from lingxiu.files.models import StoredFile
from lingxiu.issues import joint
from lingxiu.issues.inspection_rules import InspectionRefused, Outcome, Why
from lingxiu.issues.inspections import before, for_notice, inspect, used_and_cap
from lingxiu.issues.joint import JointRefused, Round, Seen, Walked, leave_out, plan, results, walk, withdraw
from lingxiu.issues.joint_forms import RoundForm
from lingxiu.issues.joint_models import JointInspection, JointShop
from lingxiu.issues.models import Inspection, Issue
from lingxiu.issues.order_models import OrderKind
from lingxiu.issues.orders import Given, Wanted, give
from lingxiu.journal.models import Entry
from lingxiu.merchants.models import Merchant, Standing
from lingxiu.policy.queries import in_force
from tests.cast import BEGAN, NOON, Cast, person
from tests.issues.races import meanwhile, together
from tests.issues.test_inspections import said
from tests.issues.world import all_signed, photo
from tests.pages import plain_static

__all__ = ["plain_static"]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def crew(cast: Cast) -> dict[Unit, list[User]]:
    """Two officers each of ecology, enforcement and market."""
    found = {cast.ecology: [cast.department_officer, person("ecology2", "department_officer", cast.ecology)]}
    for unit, name in ((cast.enforcement, "enforcement"), (cast.market, "market")):
        found[unit] = [person(f"{name}{n}", "department_officer", unit) for n in (1, 2)]
    return found


def a_round(cast: Cast, crew: dict[Unit, list[User]], *shops: Merchant, **values: Any) -> Round:
    officers = [(unit, one) for unit, people in crew.items() for one in people]
    return Round(
        **{
            "title": "餐饮油烟联合检查", "day": NOON.date(), "lead": cast.ecology, "officers": officers,
            "shops": list(shops) or [cast.merchant, cast.other_merchant], **values,
        }
    )  # fmt: skip


def planned(cast: Cast, crew: dict[Unit, list[User]], *shops: Merchant, **values: Any) -> JointInspection:
    return plan(a_round(cast, crew, *shops, **values), by=cast.county_officer, at=NOON, submission=uuid4()).joint


def at_shop(made: JointInspection, merchant: Merchant) -> JointShop:
    return made.shops.get(merchant=merchant)


def walked(cast: Cast, made: JointInspection, merchant: Merchant, *, by: User | None = None, submission: UUID | None = None,
           **values: Any) -> JointShop:  # fmt: skip
    shop = at_shop(made, merchant)
    parts = joint.parts_at(merchant, joint.units_of(made), Why(made.why), made.day, NOON, joint=made.pk)
    usual = {
        "present": frozenset(made.officers.values_list("user", flat=True)),
        "checked": {part.unit.pk: part.wanted for part in parts if part.may},
        "words": "出示证件，检查净化器与隔油池", "started_at": NOON, "ended_at": NOON + HOUR, **values,
    }  # fmt: skip
    return walk(
        shop, Walked(**usual), by=by or cast.department_officer, at=NOON + HOUR, submission=submission or uuid4()
    )


def refused(cast: Cast, wanted: Round, by: User | None = None) -> tuple[str, str]:
    with pytest.raises(JointRefused) as told:
        plan(wanted, by=by or cast.county_officer, at=NOON, submission=uuid4())
    return told.value.field, told.value.why


# ── planning ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_round_is_planned_once_however_often_it_is_sent(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    submission = uuid4()
    wanted = a_round(cast, crew)
    made = [plan(wanted, by=cast.county_officer, at=NOON, submission=submission).joint for _ in range(2)]
    assert made[0] == made[1]
    assert (made[0].shops.count(), made[0].officers.count()) == (2, 6)
    entry = Entry.objects.get(kind="joint.planned")
    assert (entry.subject_id, entry.merchant_id) == (str(made[0].pk), None)


def test_a_round_sent_twice_at_the_same_instant_is_one_and_both_are_told_the_same(committed: Cast) -> None:
    crew = {unit: [person(f"{unit.code}-{n}", "department_officer", unit) for n in (1, 2)]
            for unit in (committed.ecology, committed.market)}  # fmt: skip
    for n in range(3):
        wanted, submission = a_round(committed, crew, title=f"联合检查{n}", day=NOON.date() + n * DAY), uuid4()
        office = committed.county_officer
        made: Any = together(*[lambda: plan(wanted, by=office, at=NOON, submission=submission)] * 2)  # noqa: B023
        assert made[0].joint == made[1].joint, made
        withdraw(made[0].joint, "改期", by=office, at=NOON)
    assert JointInspection.objects.count() == Entry.objects.filter(kind="joint.planned").count() == 3


def test_a_round_is_not_taken_back_while_a_shop_of_it_is_being_walked(committed: Cast) -> None:
    crew = {unit: [person(f"{unit.code}-{n}", "department_officer", unit) for n in (1, 2)]
            for unit in (committed.ecology, committed.market)}  # fmt: skip
    made = planned(committed, crew, lead=committed.ecology)
    told = meanwhile(
        lambda: walked(committed, made, committed.merchant, by=crew[committed.ecology][0]),
        lambda: withdraw(made, "下雨", by=committed.county_officer, at=NOON + HOUR),
    )
    made.refresh_from_db()
    assert getattr(told, "why", told) == "begun"
    assert made.withdrawn_at is None


def test_the_form_of_a_round_sent_twice_at_once_leads_to_the_same_page(committed: Cast) -> None:
    crew = {unit: [person(f"{unit.code}-{n}", "department_officer", unit) for n in (1, 2)]
            for unit in (committed.ecology, committed.market)}  # fmt: skip
    today = timezone.localdate().isoformat()
    sent: dict[str, Any] = {
        "title": "春季联合检查", "day": today, "why": "plan", "lead": committed.ecology.pk, "town": "*", "most": 5,
        "officers": [f"{unit.pk}:{one.pk}" for unit, people in crew.items() for one in people], "submission": str(uuid4()),
    }  # fmt: skip
    both = [browser(committed.county_officer) for _ in range(2)]
    answers: Any = together(*[lambda one=one: one.post("/issues/joint/new/", sent) for one in both])  # type: ignore[misc]  # a default binds it
    assert [answer.status_code for answer in answers] == [302, 302]
    assert answers[0].url == answers[1].url
    again: Any = browser(committed.county_officer).post("/issues/joint/new/", {**sent, "title": "另一个"})
    assert again.status_code == 422
    assert JointInspection.objects.count() == 1


def test_a_list_of_shops_begins_with_the_worst_then_with_those_nobody_was_at(
    cast: Cast, crew: dict[Unit, list[User]]
) -> None:
    for name, level, visited in [("乙", 2, NOON - DAY), ("丙", 3, NOON - DAY), ("丁", 3, None), ("戊", None, None)]:
        shop = Merchant.objects.create(
            name=name, town=cast.town.town, grid=cast.grid.grid, lng=120.92, lat=30.83, created_at=NOON, updated_at=NOON
        )
        Standing.objects.update_or_create(merchant=shop, defaults={"fume_level": level, "last_visit_at": visited})
    form = RoundForm(cast.county_officer, NOON, {
        "title": "春季联合检查", "day": NOON.date().isoformat(), "why": "plan", "lead": cast.ecology.pk, "town": "*", "most": 3,
        "officers": [f"{unit.pk}:{one.pk}" for unit, people in crew.items() for one in people],
    })  # fmt: skip
    assert form.is_valid(), form.errors
    assert [shop.name for shop in form.round().shops] == ["丁", "丙", "乙"]


def test_what_was_found_was_so_when_it_was_seen_not_when_it_was_entered(
    cast: Cast, crew: dict[Unit, list[User]]
) -> None:
    made = planned(cast, crew)
    seen = (Seen("V-A1b", "旁路直排"),)
    walked(cast, made, cast.merchant, found=seen, started_at=NOON - HOUR, ended_at=NOON)
    issue = Issue.objects.get()
    assert (issue.act_at, issue.reported_at) == (NOON - HOUR, NOON + HOUR)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"title": " "}, ("title", "title")),
        ({"day": NOON.date() - DAY}, ("day", "day")),
        ({"shops": []}, ("shops", "no_shops")),
        ({"why": Why.COMPLAINT, "number": "1"}, ("why", "why")),
        ({"why": Why.CAMPAIGN}, ("number", "number")),
        ({"why": Why.CAMPAIGN, "number": "nobody's"}, ("number", "unknown_number")),
    ],
)
def test_what_a_round_needs(
    cast: Cast, crew: dict[Unit, list[User]], change: dict[str, Any], told: tuple[str, str]
) -> None:
    assert refused(cast, a_round(cast, crew, **change)) == told


def test_each_body_goes_with_two_certified_officers_and_several_bodies_go(
    cast: Cast, crew: dict[Unit, list[User]]
) -> None:
    def of(people: dict[Unit, list[User]], **values: Any) -> tuple[str, str]:
        return refused(cast, a_round(cast, people, **values))

    assert of({cast.ecology: crew[cast.ecology]}) == ("officers", "bodies")
    assert of({**crew, cast.market: crew[cast.market][:1]}) == ("officers", "two_each")
    assert of({**crew, cast.market: crew[cast.ecology]}) == ("officers", "one_body")
    assert of({**crew, cast.market: [cast.leader, crew[cast.market][0]]}) == ("officers", "certificate")
    assert of({unit: crew[unit] for unit in (cast.enforcement, cast.market)}) == ("lead", "lead")


def test_grid_members_and_leaders_plan_nothing(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    for somebody in (cast.grid_member, cast.leader, cast.assessor):
        assert refused(cast, a_round(cast, crew), somebody) == ("", "person")


def test_a_campaign_takes_only_the_shops_it_is_about(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    given = Given(OrderKind.CAMPAIGN, "善环专〔2026〕3号", "油烟专项", "县环委办", NOON.date(), "D-HOOD")
    give(
        given, [Wanted(cast.grid, "x", NOON.date(), cast.merchant)], by=cast.county_officer, at=NOON, submission=uuid4()
    )
    wanted = a_round(cast, crew, why=Why.CAMPAIGN, number="善环专〔2026〕3号")
    made = plan(wanted, by=cast.county_officer, at=NOON, submission=uuid4())
    assert [shop.merchant for shop in made.joint.shops.all()] == [cast.merchant]
    assert made.left_out == [cast.other_merchant]


# ── walking ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_nothing_found_is_recorded_by_every_body_that_checked(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    made = planned(cast, crew)
    walked(cast, made, cast.merchant)
    rows = Inspection.objects.filter(joint_shop__joint=made)
    assert {row.unit for row in rows} == set(crew)
    assert {row.outcome for row in rows} == {"in_order"}
    assert all(row.officer != row.second_officer and row.items for row in rows)
    assert not Issue.objects.exists()
    done = results(made)
    assert (done.shops, done.walked, done.in_order, done.issues, done.to_do) == (2, 1, 1, 0, 1)


def test_each_find_becomes_an_issue_of_the_list(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    made = planned(cast, crew)
    picture = photo()
    walked(
        cast, made, cast.merchant, outcome=Outcome.ORDERED,
        found=(Seen("V-A1b", "旁路直排", (picture,)), Seen("D-HOOD")),
    )  # fmt: skip
    issues = {issue.violation: issue for issue in Issue.objects.all()}
    assert set(issues) == {"V-A1b", "D-HOOD"}
    assert {issue.source for issue in issues.values()} == {"joint_inspection"}
    assert (issues["V-A1b"].summary, issues["V-A1b"].moves.first().photos) == ("旁路直排", [picture])  # type: ignore[union-attr]  # it has one
    by_unit = dict(Inspection.objects.filter(joint_shop__joint=made).values_list("unit__code", "outcome"))
    assert by_unit[cast.enforcement.code] == "ordered"
    done = results(made)
    assert (done.issues, done.issues_open, done.in_order) == (2, 2, 0)
    assert dict(done.by_violation) == {"V-A1b": 1, "D-HOOD": 1}


def test_a_notice_may_rest_on_the_round_that_found_it(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    made = planned(cast, crew)
    walked(cast, made, cast.merchant, found=(Seen("V-A1b"),), outcome=Outcome.ORDERED)
    issue = Issue.objects.get()
    all_signed()
    Inspection.objects.filter(unit=cast.enforcement).update(act_code="模拟-1")
    rests_on = for_notice(issue, cast.enforcement.pk)
    assert rests_on is not None
    assert rests_on.unit == cast.enforcement


def test_a_walk_sent_twice_is_one(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    made, submission = planned(cast, crew), uuid4()
    for _ in range(2):
        walked(cast, made, cast.merchant, found=(Seen("D-HOOD"),), submission=submission)
    assert (Issue.objects.count(), Inspection.objects.count()) == (1, 3)
    with pytest.raises(JointRefused, match="walked"):
        walked(cast, made, cast.merchant)


def test_who_is_not_of_the_round_records_nothing(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    made = planned(cast, crew)
    for somebody in (cast.county_officer, cast.town_officer, cast.grid_member):
        with pytest.raises(JointRefused, match="person"):
            walked(cast, made, cast.merchant, by=somebody)


def test_what_a_walk_needs(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    made = planned(cast, crew)
    first = cast.department_officer.pk
    for values, why in [
        ({"words": " "}, "words"),
        ({"present": frozenset()}, "nobody"),
        ({"present": frozenset({first})}, "two_came"),
        ({"checked": {}}, "nothing_checked"),
        ({"started_at": NOON - DAY}, "too_early"),
        ({"found": (Seen("P-SMOKE"),)}, "unknown_find"),
    ]:
        with pytest.raises(JointRefused, match=why):
            walked(cast, made, cast.merchant, **values)  # type: ignore[arg-type]  # by name
    assert not Inspection.objects.exists()


def test_a_body_that_stayed_away_is_left_out_by_checking_nothing(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    made = planned(cast, crew)
    without = frozenset(one.pk for unit, people in crew.items() for one in people if unit != cast.market)
    items = {unit.pk: joint.items_of(unit, made.day) for unit in crew if unit != cast.market}
    walked(cast, made, cast.merchant, present=without, checked=items)
    assert Inspection.objects.filter(joint_shop__joint=made).count() == 2


def test_who_answers_for_the_shop_stays_outside(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    made = planned(cast, crew)
    own = crew[cast.market][0]
    Bond.objects.create(user=own, merchant_id=cast.merchant.pk, kind="owner", made_at=BEGAN)
    with pytest.raises(InspectionRefused) as told:
        walked(cast, made, cast.merchant)
    assert told.value.item == cast.market.name


# ── the cap, and what another body has checked ───────────────────────────────────────────────────────────────────


def test_several_bodies_at_once_are_one_inspection_of_the_shop(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    walked(cast, planned(cast, crew), cast.merchant)
    assert used_and_cap(cast.merchant, NOON)[0] == 1
    left = before(cast.merchant, cast.ecology.pk, NOON).allowance
    assert (left.used, left.used_by_department, left.left) == (1, 1, 0)


def test_what_another_body_has_checked_is_not_checked_again(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    second = person("team2", "town_officer", cast.town_team)
    items = joint.items_of(cast.enforcement, NOON.date())
    inspect(
        cast.merchant, said(second, at=NOON - DAY, items=items[:1]), officer=cast.town_officer, words="x", at=NOON - DAY,
        submission=uuid4(),
    )  # fmt: skip
    made = planned(cast, crew)
    parts = joint.parts_at(cast.merchant, joint.units_of(made), Why.PLAN, made.day, NOON, joint=made.pk)
    (part,) = [part for part in parts if part.unit == cast.enforcement]
    assert set(part.settled) == {items[0]}
    assert items[0] not in part.wanted
    with pytest.raises(InspectionRefused, match="checked"):
        walked(cast, made, cast.merchant, checked={cast.enforcement.pk: items})


def test_a_planned_round_holds_its_place_of_the_cap_until_it_is_taken_back(
    cast: Cast, crew: dict[Unit, list[User]]
) -> None:
    for day in (1, 2):
        people = crew if day == 1 else {unit: crew[unit] for unit in (cast.enforcement, cast.market)}
        first = planned(cast, people, cast.merchant, day=NOON.date() + day * DAY, lead=cast.enforcement)
        if day == 1:
            held = before(cast.merchant, cast.ecology.pk, NOON).allowance
            assert (held.used, held.planned, held.left) == (1, 1, 0)
            withdraw(first, "台风", by=cast.county_officer, at=NOON)
            assert before(cast.merchant, cast.ecology.pk, NOON).allowance.left == 1
    assert refused(cast, a_round(cast, {unit: crew[unit] for unit in (cast.enforcement, cast.market)},
                                 cast.merchant, lead=cast.market)) == ("shops", "none_open")  # fmt: skip


def test_a_round_whose_day_has_passed_holds_nothing(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    planned(cast, crew)
    assert before(cast.merchant, cast.ecology.pk, NOON + DAY).allowance.left == 1


def test_its_own_place_does_not_stand_in_a_rounds_way(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    """Level 1 bears one inspection a year: all three bodies make it together."""
    cast.merchant.standing.fume_level = 1
    cast.merchant.standing.save()
    walked(cast, planned(cast, crew), cast.merchant)
    assert Inspection.objects.count() == 3


# ── not going after all ──────────────────────────────────────────────────────────────────────────────────────────


def test_who_planned_a_round_takes_it_back_for_a_reason_before_it_takes_place(
    cast: Cast, crew: dict[Unit, list[User]]
) -> None:
    made = planned(cast, crew)
    for by, at, why, told in [
        (cast.department_officer, NOON, "x", "planner"),
        (cast.dispatcher, NOON, "x", "planner"),
        (cast.county_officer, NOON, " ", "reason"),
        (cast.county_officer, NOON + DAY, "x", "over"),
    ]:
        with pytest.raises(JointRefused, match=told):
            withdraw(made, why, by=by, at=at)
    withdraw(made, "改期", by=cast.county_officer, at=NOON)
    made.refresh_from_db()
    assert (made.withdrawn_why, made.withdrawn_by) == ("改期", cast.county_officer)
    assert Entry.objects.filter(kind="joint.withdrawn").count() == 1
    with pytest.raises(JointRefused, match="withdrawn"):
        withdraw(made, "改期", by=cast.county_officer, at=NOON)
    with pytest.raises(JointRefused, match="withdrawn"):
        walked(cast, made, cast.merchant)


def test_a_round_that_has_begun_is_not_taken_back_but_shops_are_left_out(
    cast: Cast, crew: dict[Unit, list[User]]
) -> None:
    made = planned(cast, crew)
    walked(cast, made, cast.merchant)
    with pytest.raises(JointRefused, match="begun"):
        withdraw(made, "x", by=cast.county_officer, at=NOON + HOUR)
    with pytest.raises(JointRefused, match="walked"):
        leave_out(at_shop(made, cast.merchant), "x", by=cast.county_officer, at=NOON + HOUR)
    leave_out(at_shop(made, cast.other_merchant), "停业", by=cast.county_officer, at=NOON + HOUR)
    done = results(made)
    assert (done.left_out, done.to_do) == (1, 0)
    with pytest.raises(JointRefused, match="left_out"):
        walked(cast, made, cast.other_merchant)


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


def a_picture(seed: int) -> SimpleUploadedFile:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (seed * 12, 90, 60)).save(file, "PNG")
    return SimpleUploadedFile(f"{seed}.png", file.getvalue(), "image/png")


def browser(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


@time_machine.travel(NOON, tick=False)
def test_a_round_is_planned_walked_and_read_by_its_pages(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    office = browser(cast.county_officer)
    assert "Plan a round" in office.get("/issues/joint/").content.decode()
    sent: dict[str, Any] = {
        "title": "春季联合检查", "day": NOON.date().isoformat(), "why": "plan", "lead": cast.ecology.pk, "town": "*", "most": 5,
        "officers": [f"{unit.pk}:{one.pk}" for unit, people in crew.items() for one in people], "submission": str(uuid4()),
    }  # fmt: skip
    answer: Any = office.post("/issues/joint/new/", sent)
    assert answer.status_code == 302, answer.content.decode()
    made = JointInspection.objects.get()
    assert made.shops.count() == 2
    shop = at_shop(made, cast.merchant)
    path = f"/issues/joint/{made.pk}/{shop.pk}/"
    walker = browser(cast.department_officer)
    form: Any = walker.get(path).context["form"]
    sent = {name: form.initial.get(name, "") for name in form.fields}
    sent |= {"started_at": "2026-03-05T11:30", "ended_at": "2026-03-05T12:00", "outcome": "ordered",
             "find_1": "V-A1b", "told_1": "旁路直排", "act": "found", "submission": str(uuid4())}  # fmt: skip
    answer = walker.post(path, {name: value for name, value in sent.items() if value is not None})
    assert answer.status_code == 302, answer.content.decode()
    number = Issue.objects.get().number
    for page in (path, f"/issues/joint/{made.pk}/"):
        assert number in office.get(page).content.decode()


@time_machine.travel(NOON, tick=False)
def test_as_many_finds_as_there_are_each_with_its_picture(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    made = planned(cast, crew)
    path = f"/issues/joint/{made.pk}/{at_shop(made, cast.merchant).pk}/"
    walker = browser(cast.department_officer)
    form: Any = walker.get(path).context["form"]
    most = in_force().catalogues.inspections.most_finds
    assert [n for n, _find, _told in form.finds] == list(range(1, most + 1))
    kinds = [value for value, _label in form.fields["find_1"].choices if value]
    sent = {name: form.initial.get(name, "") for name in form.fields}
    sent |= {"started_at": "2026-03-05T11:30", "ended_at": "2026-03-05T12:00", "act": "found", "outcome": "ordered"}
    for n in range(1, most + 1):
        sent |= {f"find_{n}": kinds[n % len(kinds)], f"told_{n}": f"第{n}处", f"photo_{n}": a_picture(n)}
    answer: Any = walker.post(path, {**sent, "photo_0": a_picture(0)})
    assert answer.status_code == 302, answer.content.decode()
    assert Issue.objects.count() == most
    assert StoredFile.objects.count() == most + 1


@time_machine.travel(NOON, tick=False)
def test_a_row_with_words_or_a_picture_asks_what_was_found_and_keeps_what_was_typed(
    cast: Cast, crew: dict[Unit, list[User]]
) -> None:
    made = planned(cast, crew)
    path = f"/issues/joint/{made.pk}/{at_shop(made, cast.merchant).pk}/"
    walker = browser(cast.department_officer)
    form: Any = walker.get(path).context["form"]
    sent = {name: form.initial.get(name, "") for name in form.fields}
    sent |= {"started_at": "2026-03-05T11:30", "ended_at": "2026-03-05T12:00", "act": "found", "outcome": "ordered"}
    answer: Any = walker.post(path, {**sent, "find_1": "D-HOOD", "told_7": "后门堆着油桶", "photo_9": a_picture(9)})
    assert answer.status_code == 422
    assert sorted(answer.context["form"].errors) == ["find_7", "find_9"]
    assert "后门堆着油桶" in answer.content.decode()
    assert not Issue.objects.exists()


@time_machine.travel(NOON, tick=False)
def test_nothing_found_is_one_tap_whatever_stands_in_the_rows(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    made = planned(cast, crew)
    shop = at_shop(made, cast.merchant)
    path = f"/issues/joint/{made.pk}/{shop.pk}/"
    walker = browser(cast.department_officer)
    form: Any = walker.get(path).context["form"]
    sent = {name: form.initial.get(name, "") for name in form.fields}
    sent |= {"started_at": "2026-03-05T11:30", "ended_at": "2026-03-05T12:00", "find_2": "D-HOOD", "act": "nothing"}
    assert walker.post(path, sent).status_code == 302
    assert not Issue.objects.exists()
    assert "nothing found" in walker.get(path).content.decode()


@time_machine.travel(NOON, tick=False)
def test_the_page_says_why_something_was_refused(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    made = planned(cast, crew)
    office = browser(cast.county_officer)
    act = f"/issues/joint/{made.pk}/act/"
    assert office.post(act, {"why": ""}).status_code == 409
    assert browser(cast.dispatcher).post(act, {"why": "x"}).status_code == 403
    assert office.post(act, {"why": "改期"}).status_code == 302
    assert "Taken back" in office.get(f"/issues/joint/{made.pk}/").content.decode()
    assert office.post(act, {"why": "again"}).status_code == 409
    for odd in ("x", "0", "99999999999999999999"):
        assert office.post(act, {"why": "x", "shop": odd}).status_code == 404


def test_who_sees_a_round(cast: Cast, crew: dict[Unit, list[User]]) -> None:
    made = planned(cast, crew, cast.merchant)
    sees = {
        user.username
        for user in cast.by_role.values()
        if JointInspection.objects.visible_to(user).filter(pk=made.pk).exists()
    }
    assert cast.grid_member.username not in sees
    assert cast.owner.username not in sees
    assert {cast.county_officer.username, cast.dispatcher.username, cast.department_officer.username} <= sees
    assert not JointInspection.objects.visible_to(cast.other_dispatcher).exists()
