"""What the pages take, the API takes too: cases and what came of them, pictures of before, numbers elsewhere, orders that change."""

from __future__ import annotations

from typing import Any

import pytest

from lingxiu.accounts.models import User
from lingxiu.exchange.v1.shapes import FindIn, MoveIn
from lingxiu.issues import looking
from lingxiu.issues.find_forms import FindForm
from lingxiu.issues.forms import FIELDS
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue, Report
from tests.cast import Cast, person
from tests.exchange.world import REPORT, System, a_picture, fields_at_fault, system
from tests.issues.world import alarm, do, find, photo, to_recheck

NUMBER = "善综执立〔2026〕12号"
FILE = {"move": "file_case", "comment": "立案调查", "case_number": NUMBER}
ON_PAGES: dict[str, tuple[str, ...]] = {
    "to": ("to_unit", "to_person"),
    "shop": ("merchant",),
    "words": ("comment",),
    "result": ("result",),
    "told": ("form",),
    "reading": ("reading", "measured"),
    "answer": ("answer", "answers"),
    "into": ("into",),
    "report": ("report",),
    "units": ("units",),
    "upheld": ("upheld",),
    "part_due": ("part_due",),
    "colleague": ("to_person",),
    "rest": ("until", "reason"),
    "days": ("days",),
    "which_report": ("report",),
    "one_report": ("report",),
    "one_answer": ("answer", "interim"),
    "violation": ("violation",),
    "other_shop": ("merchant",),
    "case_number": ("case_number",),
    "filing": ("case_body", "case_on", "case_cause"),
    "mention": ("mentioned",),
}
"""What a form of a move asks for → the fields a connecting system says the same by."""


def test_what_a_page_asks_for_with_a_move_has_its_field_here() -> None:
    asked = {name for names in FIELDS.values() for name in names}
    assert asked - set(ON_PAGES) == set(), "name the field of MoveIn by which a system says it"
    assert {name for names in ON_PAGES.values() for name in names} <= set(MoveIn.model_fields)


def test_what_the_page_of_a_find_asks_for_has_its_field_here() -> None:
    here = {
        "violation": "violation", "words": "words", "place": "place", "seen_at": "act_at", "other_system": "other",
        "other_number": "other",
    }  # fmt: skip
    not_here = {"same"}  # a machine that sends a find was not shown what is open there
    assert set(FindForm.base_fields) - set(here) - not_here == set()
    assert set(here.values()) <= set(FindIn.model_fields)


# ── cases ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def enforcer(cast: Cast) -> User:
    return person("enforcement", "department_officer", cast.enforcement)


@pytest.fixture
def enforcement(enforcer: User) -> System:
    return system(enforcer, "issues.read", "issues.write")


@pytest.fixture
def issue(cast: Cast, enforcer: User) -> Issue:
    """With the department of enforcement, which has accepted it."""
    found = find(cast.town_officer, "V-A2", merchant=cast.merchant, photos=(photo(),))
    do(found, Move.DISPATCH, cast.county_officer, unit=cast.enforcement)
    do(found, Move.ACCEPT, enforcer)
    return found


def at(issue: Issue, what: str = "") -> str:
    return f"/api/v1/issues/{issue.number}{what}"


def test_a_case_is_filed_with_body_day_and_cause_and_told_so(cast: Cast, issue: Issue, enforcement: System) -> None:
    more = {"case_body": cast.ecology.code, "case_on": "2026-03-04", "case_cause": "未安装油烟净化设施"}
    assert enforcement.post(at(issue, "/moves"), {**FILE, **more}).status_code == 201
    told: Any = enforcement.get(at(issue)).json()  # type: ignore[attr-defined]  # Django's test response
    assert told["case"] == {
        "number": NUMBER, "body": cast.ecology.name, "day": "2026-03-04", "cause": "未安装油烟净化设施", "result": None,
    }  # fmt: skip
    result = {"outcome": "penalty", "day": "2026-03-05", "number": "善综执罚决〔2026〕8号", "comment": "罚款五千元"}
    assert enforcement.post(at(issue, "/case-result"), result).status_code == 201
    told = enforcement.get(at(issue)).json()  # type: ignore[attr-defined]  # the same
    assert told["case"]["result"] == {key: result[key] for key in ("outcome", "day", "number")}


@pytest.mark.parametrize(
    ("more", "field"),
    [({"case_body": "nobody"}, "case_body"), ({"case_on": "2026-03-06"}, "case_on"), ({"case_number": ""}, "case_number"),
     ({"before": ["0" * 64]}, "before"), ({"case_cause": "x" * 201}, "case_cause")],
)  # fmt: skip
def test_a_case_that_is_not_right_is_told_by_field(
    more: dict[str, Any], field: str, issue: Issue, enforcement: System
) -> None:
    assert fields_at_fault(enforcement.post(at(issue, "/moves"), {**FILE, **more})) == [field]


def test_what_came_of_a_case_is_refused_by_its_day_and_where_there_is_no_case(
    issue: Issue, enforcement: System
) -> None:
    result = {"outcome": "no_penalty", "day": "2026-03-05"}
    assert enforcement.post(at(issue, "/case-result"), result).status_code == 409
    enforcement.post(at(issue, "/moves"), FILE)
    for day in ("2026-03-06", "2026-03-01"):
        assert fields_at_fault(enforcement.post(at(issue, "/case-result"), {**result, "day": day})) == ["day"]


# ── pictures of before, numbers elsewhere, finds ─────────────────────────────────────────────────────────────────


def test_a_visit_brings_how_it_was_and_how_it_is(cast: Cast) -> None:
    found = find(cast.grid_member, merchant=cast.merchant)
    grid = system(cast.grid_member, "issues.write")
    before, after = (grid.upload("/api/v1/photos", a_picture(n)).json()["photo"] for n in (1, 2))  # type: ignore[attr-defined]  # Django's test response
    do(found, Move.ACCEPT, cast.grid_member)
    moved = {"move": "feed_back", "result": "fixed", "before": [before], "photos": [after]}
    assert grid.post(at(found, "/moves"), moved).status_code == 201
    row = found.moves.get(move="feed_back")
    assert (row.photos, row.data["before"]) == ([before, after], [before])


def test_the_number_it_goes_by_elsewhere_is_written_down_later_and_told(cast: Cast) -> None:
    first, second = (find(cast.town_officer, merchant=shop) for shop in (cast.merchant, cast.merchant))
    town = system(cast.town_officer, "issues.read", "issues.write")
    other = {"system": "four-platforms", "number": "st2026-17"}
    assert town.post(at(first, "/other"), other).status_code == 201
    assert town.get(at(first)).json()["other"] == {**other, "number": "ST2026-17"}  # type: ignore[attr-defined]  # Django's test response
    taken: Any = town.post(at(second, "/other"), other)
    assert (taken.status_code, fields_at_fault(taken)) == (409, ["number"])
    assert first.number in taken.json()["detail"]
    assert fields_at_fault(town.post(at(second, "/other"), {**other, "system": "moon"})) == ["other.system"]


def test_a_find_names_its_shop_by_licence_and_its_town_by_code(cast: Cast) -> None:
    cast.merchant.licence_no = "JY23304210012345"
    cast.merchant.save()
    county = system(cast.county_officer, "issues.write")
    say = {"violation": "D-BIN", "act_at": "2026-03-05T12:30:00+08:00"}
    assert county.post("/api/v1/issues", {**say, "licence_no": "JY23304210012345"}).status_code == 201
    assert Issue.objects.latest("pk").merchant == cast.merchant
    assert county.post("/api/v1/issues", {**say, "place": "某处", "town": "330421001"}).status_code == 201
    assert Issue.objects.latest("pk").town == "330421001"
    assert fields_at_fault(county.post("/api/v1/issues", {**say, "place": "某处", "town": "1"})) == ["town"]
    assert fields_at_fault(county.post("/api/v1/issues", {**say, "licence_no": "JY1"})) == ["licence_no"]


# ── a look for the re-check ──────────────────────────────────────────────────────────────────────────────────────


def test_a_colleague_is_sent_and_tells_what_they_saw_with_a_picture(cast: Cast) -> None:
    waits, colleague = to_recheck(cast, alarm(cast.merchant)), person("grid-b", "grid_member", cast.grid)
    office, there = system(cast.dispatcher, "issues.write"), system(colleague, "issues.write")
    look = at(waits, "/looks")
    sent = {"do": "send", "comment": "看看桶盖了没有", "person": colleague.username}
    assert fields_at_fault(office.post(look, {**sent, "person": cast.grid_member.username})) == ["person"], "handled it"
    assert fields_at_fault(office.post(look, {**sent, "comment": " "})) == ["comment"]
    assert fields_at_fault(office.post(look, {**sent, "person": ""})) == ["person"], "whom to send is always named"
    assert office.post(look, sent).status_code == 201
    seen = {"do": "saw", "comment": "已盖好"}
    assert fields_at_fault(there.post(look, seen)) == ["photos"]
    kept: Any = there.upload("/api/v1/photos", a_picture())
    shown = {**seen, "photos": [kept.json()["photo"]]}
    assert fields_at_fault(office.post(look, shown)) == ["photos"], "another's picture"
    assert there.post(look, shown).status_code == 201
    assert there.post(look, shown).status_code == 409, "they were sent once"
    assert waits.moves.latest("version").photos == shown["photos"]


def test_a_shop_is_asked_for_a_picture_while_the_re_check_waits(cast: Cast) -> None:
    waits, office = to_recheck(cast, alarm(cast.merchant)), system(cast.dispatcher, "issues.write")
    asked = {"do": "shop", "comment": "请拍净化器滤网"}
    assert office.post(at(waits, "/looks"), asked).status_code == 201
    told = looking.asked_of_shop(waits)
    assert told is not None and told.words == asked["comment"]
    do(waits, Move.CLOSE, cast.dispatcher, answer="已整改")
    assert office.post(at(waits, "/looks"), asked).status_code == 409


# ── orders that change ───────────────────────────────────────────────────────────────────────────────────────────

ORDER = "/api/v1/reports/12345/JX202603050001"


def test_an_order_comes_with_its_due_time_and_is_changed_by_patch(cast: Cast) -> None:
    hotline = system(cast.county_officer, "reports.12345")
    sent = {**REPORT, "due_at": "2026-03-09T12:00:00+08:00"}
    assert hotline.post("/api/v1/reports", sent).status_code == 201
    assert hotline.get(ORDER).json()["due_at"] == sent["due_at"]  # type: ignore[attr-defined]  # Django's test response
    earlier = {"due_at": "2026-03-06T12:00:00+08:00"}
    assert fields_at_fault(hotline.post("/api/v1/reports", {**sent, **earlier})) == ["due_at"], "never silently"
    changed: Any = hotline.patch(ORDER, {**earlier, "words": "又打来电话，更严重了"})
    assert (changed.status_code, changed.json()["due_at"]) == (200, earlier["due_at"])
    report = Report.objects.get()
    assert (report.words, report.additions.get().words) == (REPORT["words"], "又打来电话，更严重了")
    assert hotline.patch(ORDER, earlier).status_code == 200
    assert report.issue.moves.filter(data__has_key="again").count() == 1, "the same once more changes nothing"


def test_the_kind_of_order_says_by_when_where_nobody_else_does(cast: Cast) -> None:
    hotline = system(cast.county_officer, "reports.12345")
    assert hotline.post("/api/v1/reports", {**REPORT, "kind": "consult"}).status_code == 201
    assert Report.objects.get().due_by == "consult"


def test_an_answered_order_is_not_changed_any_more(cast: Cast) -> None:
    hotline = system(cast.county_officer, "reports.12345")
    hotline.post("/api/v1/reports", REPORT)
    do(Report.objects.get().issue, Move.DISMISS, cast.dispatcher, words="查无此事", answer="未发现")
    assert hotline.patch(ORDER, {"words": "又来了"}).status_code == 409
    assert system(cast.grid_member, "reports.12345").patch(ORDER, {"words": "x"}).status_code == 403
    assert hotline.patch("/api/v1/reports/12345/none", {"words": "x"}).status_code == 404
