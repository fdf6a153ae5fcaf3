"""One thumb in a kitchen doorway, in a real Chromium: near first, phrases, a voice note, for WeChat, and a battery that dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from tools.chromium import find as find_chromium
from tools.driving import ARGUMENTS, PHONE, sign_in

from lingxiu.accounts.models import User
from lingxiu.files.models import StoredFile
from lingxiu.issues.lifecycle import Move
from lingxiu.issues.models import Issue
from lingxiu.merchants.models import Merchant
from tests.cast import Cast, make_cast, make_merchant
from tests.issues.world import do, find

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("whole-county")]

PASSWORD = "wide-river-lantern-7"
MICROPHONE = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]


@pytest.fixture(scope="module", autouse=True)
def _the_database_is_asked_beside_playwrights_loop() -> Iterator[None]:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """Committed, so that the server sees it."""
    made = make_cast()
    made.grid_member.set_password(PASSWORD)
    made.grid_member.save()
    made.dispatcher.phone = "057384010001"
    made.dispatcher.save()
    return made


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "kitchen.jpg"
    Image.effect_noise((1200, 900), 60).convert("RGB").save(path, "JPEG")
    return path


class Phone:
    """A phone whose storage outlives its browser, as a phone's does. It stands at the first shop."""

    def __init__(self, browser: Browser, storage: Path, address: str) -> None:
        self.kind, self.storage, self.address = browser.browser_type, storage, address
        self.context: BrowserContext | None = None

    def on(self) -> Page:
        self.context = self.kind.launch_persistent_context(
            self.storage, executable_path=find_chromium(), args=[*ARGUMENTS, *MICROPHONE], is_mobile=True,
            viewport={"width": PHONE["width"], "height": PHONE["height"]},
            has_touch=True, device_scale_factor=2, locale="zh-CN", timezone_id="Asia/Shanghai",
            geolocation={"longitude": 120.92, "latitude": 30.85}, permissions=["geolocation"],
        )  # fmt: skip
        return self.context.new_page()

    def signed_in(self, user: User) -> Page:
        page = self.on()
        sign_in(page, self.address, user.username, PASSWORD)
        return page

    def battery_dies(self) -> None:
        """Nobody closes anything: the browser is gone between two instructions."""
        (pid,) = (int(one.name) for one in Path("/proc").glob("[0-9]*") if self._is_it(int(one.name)))
        os.kill(pid, signal.SIGKILL)
        self.context = None

    def _is_it(self, pid: int) -> bool:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        own = f"--user-data-dir={self.storage}".encode()
        return own in words and not any(word.startswith(b"--type=") for word in words)

    def off(self) -> None:
        if self.context:
            self.context.close()
        self.context = None


@pytest.fixture
def phone(live_server: Any, browser: Browser, tmp_path: Path) -> Iterator[Phone]:
    made = Phone(browser, tmp_path / "phone", live_server.url)
    yield made
    made.off()


@pytest.fixture
def issue(cast: Cast) -> Issue:
    found = find(cast.grid_member, "D-HOOD", merchant=cast.merchant)
    do(found, Move.ACCEPT, cast.grid_member)
    return found


def with_picture(page: Page, name: str, picture: Path) -> None:
    with page.expect_file_chooser() as camera:
        page.locator(f"label.photo-take[for=id_{name}]").tap()
    camera.value.set_files(picture)
    expect(page.locator(f"input[name={name}_watermarked]")).to_have_value("1")


WRITTEN_DOWN = """async (said) => {
  const kept = () => new Promise((resolve, reject) => {
    const opening = indexedDB.open("lingxiu");
    opening.onerror = reject;
    opening.onsuccess = () => {
      const all = opening.result.transaction("files").objectStore("files").getAll();
      all.onerror = reject;
      all.onsuccess = () => { opening.result.close(); resolve(JSON.stringify(all.result)); };
    };
  });
  for (let looked = 0; looked < 200; looked++) {
    if ((await kept()).includes(said)) return true;
    await new Promise((again) => setTimeout(again, 50));
  }
  return false;
}"""
"""Whether the draft lies where a dead battery leaves it, within ten seconds."""


def test_what_was_typed_photographed_and_said_survives_a_dead_battery(
    phone: Phone, cast: Cast, issue: Issue, picture: Path
) -> None:
    page = phone.signed_in(cast.grid_member)
    page.goto(f"{phone.address}/issues/{issue.number}/")
    form = page.locator("#move-handle")
    form.locator(".phrases button").first.tap()
    with_picture(page, "photo_handle", picture)
    form.get_by_role("button", name="录一段语音").tap()
    expect(form.get_by_role("button", name="停")).to_be_visible()
    page.wait_for_timeout(1200)  # something is said
    form.get_by_role("button", name="停").tap()
    expect(form.locator("audio")).to_be_visible()
    form.locator("textarea").press_sequentially("老板在")
    assert page.evaluate(WRITTEN_DOWN, "老板在")  # by itself, with no key pressed since
    phone.battery_dies()

    page = phone.on()
    page.goto(f"{phone.address}/issues/{issue.number}/")
    if "/sign-in/" in page.url:
        sign_in(page, phone.address, cast.grid_member.username, PASSWORD)
        page.goto(f"{phone.address}/issues/{issue.number}/")
    form = page.locator("#move-handle")
    expect(form.locator(".form-note")).to_contain_text("已恢复上次填写的内容")
    expect(form.locator("textarea")).to_have_value("集气罩油垢重，已请店里今天打烊后清洗。老板在")
    expect(form.locator("canvas:not([hidden])")).to_be_visible()  # of the two pictures there was one
    expect(form.locator("audio")).to_be_visible()
    with page.expect_navigation():
        form.locator(".actions button").last.tap()
    row = issue.moves.latest("version")
    assert (row.move, row.words, len(row.photos)) == (Move.HANDLE, "集气罩油垢重，已请店里今天打烊后清洗。老板在", 1)
    voice = StoredFile.objects.get(sha256=row.data["voice"])
    assert voice.content_type == "audio/webm"
    player = page.locator(f'audio[src="/files/{voice.sha256}/"]')
    assert player.evaluate("player => player.play().then(() => !player.paused)")


def test_a_note_still_being_said_is_sent_with_the_form(phone: Phone, cast: Cast, issue: Issue) -> None:
    page = phone.signed_in(cast.grid_member)
    page.goto(f"{phone.address}/issues/{issue.number}/")
    form = page.locator("#move-handle")
    form.locator(".phrases button").first.tap()
    form.get_by_role("button", name="录一段语音").tap()
    page.wait_for_timeout(800)
    with page.expect_navigation():
        form.locator(".actions button").last.tap()
    assert issue.moves.latest("version").data["voice"]


STEP_BY_STEP, AT_ONCE = 8, 6
"""The issue · accept · a phrase · the picture before · send · fixed · the picture after · send; at once:
the issue · been there · a phrase · both pictures · send."""


def test_a_bin_put_right_on_the_spot_is_one_form(
    phone: Phone, cast: Cast, picture: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    after = tmp_path / "after.jpg"
    Image.effect_noise((1200, 900), 20).convert("RGB").save(after, "JPEG")
    page = phone.signed_in(cast.grid_member)
    taps = {"step by step": 0, "at once": 0}

    def tap(way: str, what: Locator) -> None:
        what.tap()
        taps[way] += 1

    def photograph(way: str, name: str, file: Path) -> None:
        with_picture(page, name, file)
        taps[way] += 1

    def opened(way: str) -> Issue:
        found = find(cast.grid_member, "D-FULL", merchant=cast.merchant)
        page.goto(f"{phone.address}/collect/")
        tap(way, page.locator(f"#stop-{found.number} a").first)
        expect(page.locator("#put-right")).to_be_attached()
        return found

    way = "step by step"
    slow = opened(way)
    tap(way, page.locator("#move-accept .actions button").last)
    tap(way, page.locator("#move-handle .phrases button").first)
    photograph(way, "photo_handle_before", picture)
    tap(way, page.locator("#move-handle .actions button").last)
    expect(page.locator("#issue-timeline img")).to_have_count(1)
    tap(way, page.locator("#move-feed_back input[value=fixed]"))
    photograph(way, "photo_feed_back", after)
    tap(way, page.locator("#move-feed_back .actions button").last)
    expect(page.locator("#issue-now")).to_contain_text("待复查")

    way = "at once"
    quick = opened(way)
    tap(way, page.locator("#put-right-more > summary"))
    tap(way, page.locator("#put-right .phrases button").first)
    photograph(way, "photo_put_right_before", picture)
    photograph(way, "photo_put_right", after)
    tap(way, page.locator("#put-right .actions button").last)
    expect(page.locator("#issue-now")).to_contain_text("待复查")

    made = [[row.move for row in one.moves.order_by("version")] for one in (slow, quick)]
    assert made[0] == made[1]
    with capsys.disabled():
        print(f"\ntaps from the round to fed back, two pictures: {taps}")  # noqa: T201 - the figure people ask for
    assert taps == {"step by step": STEP_BY_STEP, "at once": AT_ONCE}


def test_the_shops_number_is_one_tap_from_the_call(phone: Phone, cast: Cast, issue: Issue) -> None:
    cast.merchant.phone = "13812341234"
    cast.merchant.save()
    page = phone.signed_in(cast.grid_member)
    page.goto(f"{phone.address}/issues/{issue.number}/")
    expect(page.locator("a[href='tel:13812341234']")).to_have_count(0)
    page.get_by_role("button", name="联系店家").tap()
    expect(page.locator("#issue-now a[href='tel:13812341234']")).to_be_visible()
    assert page.url.endswith(f"/issues/{issue.number}/")


def test_the_nearest_stands_first_and_the_position_stays_on_the_phone(phone: Phone, cast: Cast) -> None:
    area = cast.merchant.area
    assert area is not None
    far: Merchant = make_merchant("远处小馆", area, 120.94, 30.86)
    for merchant, what in ((far, "D-BIN"), (cast.merchant, "D-HOOD")):
        find(cast.grid_member, what, merchant=merchant)
    page = phone.signed_in(cast.grid_member)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url + (request.post_data or "")))
    page.goto(f"{phone.address}/collect/")
    rows = page.locator("[data-near] > li")
    expect(rows.first).to_contain_text("0 米")
    assert [row.locator("b").first.inner_text() for row in rows.all()] == ["一鲜居", "远处小馆"]
    expect(rows.nth(1)).to_contain_text("2.2 公里")
    assert not [url for url in sent if "120.92" in url or "30.85" in url]
    expect(rows.first.locator('a[href^="tel:"]')).to_be_visible()
    expect(rows.first.locator('a[href^="amapuri:"]')).to_be_visible()


def test_one_tap_copies_the_text_for_wechat(phone: Phone, cast: Cast, issue: Issue) -> None:
    page = phone.signed_in(cast.grid_member)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=phone.address)
    page.goto(f"{phone.address}/issues/{issue.number}/")
    page.get_by_role("button", name="复制到微信").tap()
    expect(page.locator('[data-island="copy"] [role=status]')).to_contain_text("已复制")
    assert issue.number in page.evaluate("navigator.clipboard.readText()")


def test_text_and_picture_go_by_the_phones_own_sheet_where_there_is_one(
    phone: Phone, cast: Cast, issue: Issue, picture: Path
) -> None:
    page = phone.signed_in(cast.grid_member)
    page.add_init_script(
        "navigator.canShare = () => true;"
        "navigator.share = async ({ text, files: [file] }) => { window.shared = [text, file.type, file.size]; };"
    )
    page.goto(f"{phone.address}/issues/{issue.number}/")
    page.locator("#move-handle textarea").fill("看了")
    with_picture(page, "photo_handle", picture)
    with page.expect_navigation():
        page.locator("#move-handle .actions button").last.tap()
    page.get_by_role("button", name="复制到微信").tap()
    expect(page.locator('[data-island="copy"] [role=status]')).to_contain_text("已转出")
    text, kind, size = page.evaluate("window.shared")
    assert (issue.number in text, kind, size > 1000) == (True, "image/jpeg", True)


def visited(phone: Phone, cast: Cast, issue: Issue, picture: Path, *, first: str) -> Page:
    """The issue's page after a visit with a picture; `first` is run before any script of the page."""
    page = phone.signed_in(cast.grid_member)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=phone.address)
    page.add_init_script(first)
    page.goto(f"{phone.address}/issues/{issue.number}/")
    page.locator("#move-handle textarea").fill("看了")
    with_picture(page, "photo_handle", picture)
    with page.expect_navigation():
        page.locator("#move-handle .actions button").last.tap()
    return page


def test_where_there_is_no_sheet_text_and_picture_are_copied_together(
    phone: Phone, cast: Cast, issue: Issue, picture: Path
) -> None:
    page = visited(phone, cast, issue, picture, first="delete Navigator.prototype.canShare;")
    page.get_by_role("button", name="复制到微信").tap()
    expect(page.locator('[data-island="copy"] [role=status]')).to_contain_text("文字和图片已复制")
    kinds = page.evaluate("navigator.clipboard.read().then(([item]) => item.types)")
    assert set(kinds) == {"text/plain", "image/png"}


def test_within_wechat_the_picture_stands_there_to_be_pressed(
    phone: Phone, cast: Cast, issue: Issue, picture: Path
) -> None:
    wechat = "Object.defineProperty(navigator, 'userAgent', { get: () => 'Android MicroMessenger/8.0' });"
    page = visited(phone, cast, issue, picture, first=wechat)
    page.get_by_role("button", name="复制到微信").tap()
    expect(page.locator('[data-island="copy"] [role=status]')).to_contain_text("长按图片")
    expect(page.locator('[data-island="copy"] img')).to_be_visible()


def test_from_a_shops_page_a_find_is_two_taps_and_a_photo(phone: Phone, cast: Cast, picture: Path) -> None:
    page = phone.signed_in(cast.grid_member)
    page.goto(f"{phone.address}/merchants/{cast.merchant.pk}/")
    page.get_by_role("link", name="餐厨垃圾桶未加盖").tap()
    with_picture(page, "photo", picture)
    with page.expect_navigation():
        page.locator("#find .actions button").last.tap()
    made = Issue.objects.get()
    assert (made.violation, made.merchant_id, page.url.endswith(f"/issues/{made.number}/")) == (
        "D-BIN",
        cast.merchant.pk,
        True,
    )
    row = made.moves.get(move=Move.REPORT)
    assert (row.lng, row.lat) == (120.92, 30.85)  # taken when it was shot
