"""A neighbour scans the code on the door and complains; the grid member sees to it the same day; the neighbour rates it.

Click by click in Chromium, with one thumb where people have one: the taps of both are counted, and may not become more.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from tools.driving import desktop, phone, sign_in
from tools.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.cluster, pytest.mark.xdist_group("whole-county")]

WITHIN_MS = 60_000
TO_COMPLAIN = 4
"""Complain · smoke · the picture · send. Words need not be written: the picture and the kind say it."""
TO_RATE = 2
"""Four stars · send."""
TO_HANDLE = 5
"""The issue · been there · what was seen (the keyboard) · the picture · send. Step by step, accepting first, it is 7."""


@dataclass
class Thumb:
    """Somebody's thumb on their page; counts what it touches. Taking a picture is one touch here: the rest is the camera's."""

    page: Page
    taps: int = 0

    def tap(self, what: Locator) -> None:
        what.tap()
        self.taps += 1

    def write(self, field: Locator, words: str) -> None:
        self.tap(field)
        field.fill(words)

    def photograph(self, name: str, picture: Path) -> None:
        """Waits until the phone has written shop and time into it, and made it small."""
        self.page.locator(f"input[type=file][name={name}]").set_input_files(picture)
        self.taps += 1
        expect(self.page.locator(f"input[name={name}_watermarked]")).to_have_value("1")

    def send(self, form: str) -> None:
        self.tap(self.page.locator(f"{form} .actions button").last)


@pytest.fixture
def smoke(tmp_path: Path) -> Path:
    """A picture of some megabytes, as a phone's camera hands it over."""
    picture = tmp_path / "smoke.jpg"
    with io.BytesIO() as out:
        Image.effect_noise((4000, 3000), 40).convert("RGB").save(out, "JPEG", quality=92)
        picture.write_bytes(out.getvalue())
    return picture


def test_a_neighbour_complains_is_answered_the_same_day_and_rates_the_answer(
    county: Installation, browser: Browser, smoke: Path
) -> None:
    member = Thumb(phone(browser).new_page())
    sign_in(member.page, county.address, *county.sign_in_of("grid member"))
    member.page.wait_for_url("**/collect/")
    stop = member.page.locator("#collect a[href^='/merchants/']").last
    portrait, shop = str(stop.get_attribute("href")), stop.locator("b").inner_text()
    dispatcher = desktop(browser).new_page()
    sign_in(dispatcher, county.address, *county.sign_in_of("town dispatcher"))
    code = code_on_the_door(dispatcher, county.address + portrait)

    # The neighbour: no account, no address to write, a picture.
    neighbour = Thumb(phone(browser).new_page())
    neighbour.page.goto(county.address + code)
    expect(neighbour.page.locator("h1")).to_have_text(shop)
    neighbour.tap(neighbour.page.locator(f"a[href='{code}/complain/']"))
    neighbour.tap(neighbour.page.locator("label[for='kind-P-SMOKE']"))
    neighbour.photograph("photo", smoke)
    assert neighbour.page.locator("input[name=photo_lng]").input_value() == "", "where a neighbour stands is not asked"
    neighbour.send("#complain")
    neighbour.page.wait_for_url("**/r/*")
    assert neighbour.taps == TO_COMPLAIN
    number = number_of(neighbour.page)

    # The dispatcher sends it to the grid, which the form has chosen already.
    dispatcher.goto(f"{county.address}/issues/?view=unit&source=public")
    dispatcher.locator(f"a[href='/issues/{number}/']").first.click()
    expect(dispatcher.locator("#issue-now .photos img")).to_have_count(1)  # the neighbour's, for the dispatcher
    dispatcher.locator("#move-dispatch .actions button").last.click()
    expect(dispatcher.locator("#issue-now")).to_contain_text("已分派")
    neighbour.page.reload()
    expect(neighbour.page.locator("main")).to_contain_text("已派人前去查看")

    # The grid member: it appears by itself; been there, put right, with a picture.
    found = member.page.locator(f"#collect a[href='/issues/{number}/']")
    expect(found).to_be_visible(timeout=WITHIN_MS)
    member.tap(found)
    expect(member.page.locator("#issue-timeline")).not_to_contain_text("投诉人")
    member.tap(member.page.locator("#put-right-more > summary"))
    member.write(member.page.locator("#put-right textarea[name=words]"), "净化器电场积油，店家当场清洗。")
    member.photograph("photo_put_right", smoke)
    member.send("#put-right")
    expect(member.page.locator("#issue-now")).to_contain_text("待复查")
    # the neighbour's own picture is not for the grid
    expect(member.page.locator("#issue-timeline img")).to_have_count(1)
    assert member.taps == TO_HANDLE

    # A second person looks at the pictures and closes it; what goes out is marked as such.
    dispatcher.goto(f"{county.address}/issues/{number}/")
    expect(dispatcher.locator("#move-close")).to_contain_text("此内容将发给反映人")
    answer = "已到店检查，店家当场清洗了净化器，请您再观察。"
    dispatcher.locator("#move-close textarea[name=answer]").fill(answer)
    dispatcher.locator("#move-close .actions button").last.click()
    expect(dispatcher.locator("#issue-now")).to_contain_text("已办结")

    # The neighbour reads the answer, rates it, and the dispatcher reads that.
    neighbour.page.reload()
    told = neighbour.page.locator("main")
    expect(told).to_contain_text(answer)
    for secret in ("积油", member_name(dispatcher)):
        expect(told).not_to_contain_text(secret)
    neighbour.tap(neighbour.page.locator("label[for='stars-4']"))
    neighbour.send("#rate")
    expect(told).to_contain_text("感谢您的评价")
    expect(told.locator(".stars").first).to_have_attribute("aria-label", re.compile("4"))
    assert neighbour.taps == TO_COMPLAIN + TO_RATE
    dispatcher.reload()
    expect(dispatcher.locator("#issue-now .stars")).to_have_attribute("aria-label", re.compile("4"))


def code_on_the_door(page: Page, portrait: str) -> str:
    """What the shop's code opens, from its portrait."""
    page.goto(portrait)
    return str(page.locator("a[href^='/m/']").first.get_attribute("href"))


def number_of(page: Page) -> str:
    """The number a reporter is given."""
    found = re.search(r"\b\d{13}\b", page.locator("main").inner_text())
    assert found, page.locator("main").inner_text()
    return found.group()


def member_name(page: Page) -> str:
    """Who visited, as the issue's own timeline names them: unit · name."""
    visited = page.locator("#issue-timeline .event", has_text="走访").first
    return visited.locator(".event-head span").inner_text().split(" · ")[-1]
