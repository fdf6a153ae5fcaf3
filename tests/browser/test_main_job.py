"""The main job, as a county would see it: a monitor speaks, an issue is in the right hands, handled, checked, answered, closed.

One whole installation, started as a stranger starts it; a device that sends real HJ 212 over TCP; Chromium for all four people.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from tools.driving import desktop, phone, sign_in
from tools.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.cluster, pytest.mark.xdist_group("whole-county")]

WITHIN_MS = 150_000


@pytest.fixture
def kitchen(tmp_path: Path) -> Path:
    """A picture as a phone's camera would hand it over."""
    picture = tmp_path / "kitchen.jpg"
    with io.BytesIO() as out:
        Image.effect_noise((1600, 1200), 60).convert("RGB").save(out, "JPEG", exif=_position())
        picture.write_bytes(out.getvalue())
    return picture


def _position() -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (30.0, 51.0, 0.0), 3: "E", 4: (120.0, 55.0, 0.0)})
    return exif


def test_a_high_value_becomes_an_issue_that_two_people_close_and_a_neighbour_is_answered(
    county: Installation, browser: Browser, kitchen: Path
) -> None:
    member = phone(browser).new_page()
    sign_in(member, county.address, *county.sign_in_of("grid member"))

    # Within two minutes of the start, by itself, in the list of the member of that grid.
    found = member.locator("#collect a", has_text="油烟持续高值").first
    expect(found).to_be_visible(timeout=WITHIN_MS)
    expect(member).to_have_url(f"{county.address}/collect/")
    found.click()
    number = member.url.rstrip("/").rsplit("/", 1)[1]
    shop = member.locator(".lede a[href^='/merchants/']")
    portrait, name = str(shop.get_attribute("href")), shop.inner_text().splitlines()[0]

    # A neighbour scans the code on the door and complains of the same smoke.
    dispatcher = desktop(browser).new_page()
    sign_in(dispatcher, county.address, *county.sign_in_of("town dispatcher"))
    dispatcher.goto(county.address + portrait)
    code = dispatcher.locator("a[href^='/m/']").first.get_attribute("href")
    neighbour = phone(browser).new_page()
    neighbour.goto(f"{county.address}{code}")
    expect(neighbour.locator("h1")).to_have_text(name)
    neighbour.locator(f"a[href='{code}/complain/']").click()
    neighbour.locator("label[for='kind-P-SMOKE']").click()
    neighbour.locator("textarea[name=words]").fill("晚饭时油烟直往楼上窜，窗户不敢开。")
    send(neighbour, "#complain")
    neighbour.wait_for_url("**/r/*")
    expect(neighbour.locator("main")).to_contain_text("晚饭时油烟直往楼上窜")

    # The member accepts, visits with a picture, feeds back; one thumb, no page in between.
    send(member, "#move-accept")
    member.locator("#move-handle textarea").fill("净化器电场积油，已请店家当场开启并约好清洗。")
    with_picture(member, "photo_handle", kitchen)
    send(member, "#move-handle")
    expect(member.locator("#issue-timeline img")).to_have_count(1)
    member.locator("#move-feed_back input[value=fixed]").check()
    member.locator("#move-feed_back textarea[name=words]").fill("净化器已清洗，数值回落。")
    with_picture(member, "photo_feed_back", kitchen)
    send(member, "#move-feed_back")
    expect(member.locator("#issue-now")).to_contain_text("待复查")
    expect(member.locator("#move-close")).to_have_count(0)  # who handled it does not close it

    # The dispatcher joins the neighbour's report to it, looks at the pictures, and closes it with an answer.
    dispatcher.goto(f"{county.address}/issues/?view=unit&source=public")
    dispatcher.locator("tr", has_text=name).locator("a").first.click()
    dispatcher.locator("#move-join-more summary").click()
    dispatcher.locator("#move-join input[name=into]").fill(number)
    send(dispatcher, "#move-join")
    expect(dispatcher.locator("#issue-now")).to_contain_text(number)
    dispatcher.goto(f"{county.address}/issues/{number}/")
    shown = dispatcher.locator("#issue-now img").first
    expect(shown).to_have_js_property("complete", True)
    assert shown.evaluate("image => image.naturalWidth") > 0
    dispatcher.locator("#move-close textarea[name=answer]").fill(
        "已到店检查，净化器已清洗，请您再观察，有问题随时反映。"
    )
    send(dispatcher, "#move-close")
    expect(dispatcher.locator("#issue-now")).to_contain_text("已办结")

    told = dispatcher.locator("#issue-timeline").inner_text()
    for step in ("上报", "分派", "接收", "走访", "反馈", "并入一件反映", "办结"):
        assert step in told, f"{step} is missing in the timeline:\n{told}"

    neighbour.reload()
    expect(neighbour.locator("main")).to_contain_text("净化器已清洗，请您再观察")


def send(page: Page, form: str) -> None:
    """Press the form's own button."""
    page.locator(f"{form} .actions button").last.click()


def with_picture(page: Page, name: str, picture: Path) -> None:
    """Take a picture; wait until shop, time, place and person are written into it on the phone."""
    page.locator(f"input[type=file][name={name}]").set_input_files(picture)
    expect(page.locator(f"input[name={name}_watermarked]")).to_have_value("1")
