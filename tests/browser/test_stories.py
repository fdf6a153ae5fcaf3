"""Stories of issues told click by click: grid to county with several departments; a forecast that the shop answers.

A county of two towns in this process, so that days can pass between two clicks; Chromium for every person.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tools.driving import desktop, phone, sign_in

from lingxiu.accounts.models import User
from lingxiu.issues.actions.opening import Found, report
from lingxiu.issues.models import Issue, Source
from lingxiu.issues.overdue import follow_up
from tests.cast import Cast, make_cast, person
from tests.issues.world import alarm

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("whole-county")]

PASSWORD = "wide-river-lantern-7"


@pytest.fixture(scope="module", autouse=True)
def _the_database_is_asked_beside_playwrights_loop() -> Iterator[None]:
    """Its loop runs in the thread of the test, which prepares and looks at rows between two clicks, never in the loop."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """Committed, so that the server sees it."""
    return make_cast()


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """What a phone's camera hands over."""
    path = tmp_path / "kitchen.jpg"
    Image.effect_noise((1200, 900), 60).convert("RGB").save(path, "JPEG")
    return path


class Street:
    """Everybody's own browser, at the live server."""

    def __init__(self, browser: Browser, address: str) -> None:
        self.browser, self.address = browser, address
        self.contexts: list[BrowserContext] = []

    def at_desk(self, user: User) -> Page:
        return self._sign_in(desktop(self.browser), user)

    def on_phone(self, user: User) -> Page:
        return self._sign_in(phone(self.browser), user)

    def _sign_in(self, context: BrowserContext, user: User) -> Page:
        user.set_password(PASSWORD)
        user.save()
        self.contexts.append(context)
        page = context.new_page()
        sign_in(page, self.address, user.username, PASSWORD)
        return page

    def open(self, page: Page, issue: Issue) -> Page:
        page.goto(f"{self.address}/issues/{issue.number}/")
        return page


@pytest.fixture
def street(live_server: Any, browser: Browser) -> Iterator[Street]:
    made = Street(browser, live_server.url)
    yield made
    for context in made.contexts:
        context.close()


def send(page: Page, form: str) -> None:
    """Press the form's own button, and wait for the page that answers."""
    with page.expect_navigation():
        page.locator(f"{form} .actions button").last.click()


def unfold(page: Page, form: str) -> None:
    """What is not the first thing to do stands folded below it."""
    if page.locator(f"#{form}-more").count():
        page.locator(f"#{form}-more summary").first.click()


def write(page: Page, move: str, words: str) -> None:
    unfold(page, f"move-{move}")
    page.locator(f"#move-{move} textarea[name=words]").fill(words)


def with_picture(page: Page, name: str, picture: Path) -> None:
    page.locator(f"input[type=file][name={name}]").set_input_files(picture)
    expect(page.locator(f"input[name={name}_watermarked]")).to_have_value("1")


def give(page: Page, move: str, to: str) -> None:
    unfold(page, f"move-{move}")
    page.locator(f"#move-{move} select[name=to]").select_option(label=to)


def reload(issue: Issue) -> Issue:
    issue.refresh_from_db()
    return issue


def test_repeated_high_values_go_from_the_grid_to_the_county_and_end_as_a_case(
    cast: Cast, street: Street, picture: Path
) -> None:
    now = timezone.now()
    issue = alarm(cast.merchant, 1, at=now)
    assert alarm(cast.merchant, 2, at=now) == issue  # the same monitor again: it joins what is open
    enforcer = person("enforcer", "department_officer", cast.enforcement)
    marketer = person("marketer", "department_officer", cast.market)

    # The grid member sees it, and what a grid can do does not help.
    member = street.open(street.on_phone(cast.grid_member), issue)
    send(member, "#move-accept")
    write(member, "handle", "到店三次，净化器一直没有修，老板不配合。")
    with_picture(member, "photo_handle", picture)
    send(member, "#move-handle")
    write(member, "escalate", "老板拒不整改，请镇里出面。")
    send(member, "#move-escalate")
    assert (reload(issue).level, issue.state) == ("town", "received")

    # The town sends its team, which finds that one body alone cannot settle it.
    room = street.open(street.at_desk(cast.dispatcher), issue)
    give(room, "dispatch", cast.town_team.name)
    send(room, "#move-dispatch")
    team = street.open(street.on_phone(cast.town_officer), issue)
    send(team, "#move-accept")
    write(team, "escalate", "涉及环评、证照和城管三家，请县里牵头。")
    send(team, "#move-escalate")
    assert (reload(issue).level, issue.state) == ("county", "received")

    # The county names the lead and who works along.
    office = street.open(street.at_desk(cast.county_officer), issue)
    unfold(office, "move-involve")
    for unit in (cast.enforcement, cast.market):
        office.locator(f"#move-involve input[name=units][value='{unit.pk}']").check()
    day = timezone.localdate(reload(issue).due_at)
    office.locator("#move-involve input[name=part_due]").fill(day.isoformat())
    office.locator("#move-involve textarea[name=words]").fill("请按职责分头核查。")
    send(office, "#move-involve")
    give(office, "dispatch", cast.ecology.name)
    send(office, "#move-dispatch")
    assert reload(issue).flow == "joint"
    expect(office.locator("#issue-now")).to_contain_text(cast.enforcement.name)

    lead = street.open(street.at_desk(cast.department_officer), issue)
    send(lead, "#move-accept")
    expect(lead.locator("#issue-now")).to_contain_text(cast.market.name)

    # One of them disagrees; the lead replies, and the county reads both sides and settles it.
    market = street.at_desk(marketer)
    expect(market.locator("main")).to_contain_text(issue.number)
    street.open(market, issue)
    write(market, "object", "三定规定：餐饮油烟不属市场监管职责，该店证照齐全。")
    send(market, "#move-object")
    street.open(office, issue)
    expect(office.locator("#issue-now")).to_contain_text("证照齐全")
    expect(office.locator("#issue-now")).to_contain_text("等待答复")
    expect(office.locator("#move-settle")).to_have_count(0)
    street.open(lead, issue)
    write(lead, "reply", "该店证照与净化设备登记不符，仍请核对经营范围。")
    send(lead, "#move-reply")
    street.open(office, issue)
    both = office.get_by_role("region", name=f"异议 · {cast.market.name}")
    expect(both).to_contain_text("证照齐全")
    expect(both).to_contain_text("仍请核对经营范围")
    unfold(office, "move-settle")
    office.locator("#move-settle input[name=upheld][value=no]").check()
    office.locator("#move-settle textarea[name=words]").fill("同意，市场监管不再参与。")
    send(office, "#move-settle")

    # The other is late: the clocks tell it, its own officer and the county see it.
    part = issue.assignments.get(part="cooperating", ended_at=None)
    follow_up(part.due_at + timedelta(minutes=1))
    assert issue.reminders.filter(rule="E-PART-100").count() == 1
    street.open(office, issue)
    office.locator("#issue-now details summary").first.click()
    expect(office.locator("#issue-now")).to_contain_text("协办已超时")

    # What it did at last is not enough: the lead sends it back, with what is missing.
    late = street.open(street.at_desk(enforcer), issue)
    write(late, "contribute", "已现场检查。")
    send(late, "#move-contribute")
    street.open(lead, issue)
    write(lead, "hand_back", "请附取证情况和处理意见。")
    send(lead, "#move-hand_back")
    street.open(late, issue)
    expect(late.locator("#issue-now")).to_contain_text("请附取证情况和处理意见")
    write(late, "contribute", "已现场检查，取得证据，建议立案。")
    send(late, "#move-contribute")
    unfold(late, "move-file_case")
    late.locator("#move-file_case input[name=case_number]").fill("善综执立〔2026〕12号")
    late.locator("#move-file_case textarea[name=words]").fill("油烟未经净化直接排放，依法立案。")
    send(late, "#move-file_case")

    assert (reload(issue).state, issue.result, issue.found_true) == ("closed", "case_filed", True)
    street.open(office, issue)
    expect(office.locator("#issue-now")).to_contain_text("善综执立〔2026〕12号")
    told = office.locator("#issue-timeline").inner_text()
    for step in (
        "上报",
        "接收",
        "走访",
        "上报上级",
        "邀请协办",
        "提出异议",
        "已答复异议",
        "裁定",
        "退回协办结果",
        "完成协办",
        "已立案",
    ):
        assert step in told, f"{step} is missing in the timeline:\n{told}"


def test_a_forecast_is_confirmed_answered_by_the_shop_done_again_and_closed(
    cast: Cast, street: Street, picture: Path
) -> None:
    now = timezone.now()
    issue = report(Found(Source.FORECAST, "F-TRAP", "隔油池预计五天内满", now, cast.merchant), at=now)
    assert issue.state == "predicted"
    assert not issue.assignments.exclude(unit=cast.town).exists()  # it goes nowhere by itself

    # Somebody believes it; the rules send it to the grid.
    room = street.open(street.at_desk(cast.dispatcher), issue)
    send(room, "#move-confirm")
    assert (reload(issue).state, issue.lead_unit) == ("dispatched", cast.grid)

    # The owner, on a phone, says what was done.
    owner = street.on_phone(cast.owner)
    owner.goto(f"{street.address}/shop/")
    owner.locator(f"a[href='/shop/issues/{issue.number}/']").first.click()
    owner.locator("#right textarea[name=words]").fill("今天上午已叫清掏公司清掏。")
    with_picture(owner, "photo", picture)
    send(owner, "#right")
    assert issue.moves.latest("version").move == "correct"

    member = street.open(street.on_phone(cast.grid_member), issue)
    expect(member.locator("#issue-timeline")).to_contain_text("清掏公司")
    send(member, "#move-accept")
    write(member, "handle", "池面仍有油层，盖板没盖好。")
    with_picture(member, "photo_handle", picture)
    send(member, "#move-handle")
    member.locator("#move-feed_back input[value=reminded]").check()
    member.locator("#move-feed_back textarea[name=words]").fill("已清掏一半，店里答应明天清完。")
    with_picture(member, "photo_feed_back", picture)
    send(member, "#move-feed_back")

    # The re-check fails: it goes back to who had it.
    street.open(room, issue)
    write(room, "rework", "照片上还有油层，请清完再报。")
    send(room, "#move-rework")
    assert (reload(issue).state, issue.lead_person) == ("handling", cast.grid_member)

    street.open(member, issue)
    unfold(member, "move-feed_back")
    member.locator("#move-feed_back input[value=fixed]").check()
    member.locator("#move-feed_back textarea[name=words]").fill("已全部清掏，盖板盖好。")
    with_picture(member, "photo_feed_back", picture)
    send(member, "#move-feed_back")
    street.open(room, issue)
    send(room, "#move-close")
    assert (reload(issue).state, issue.result) == ("closed", "fixed")
