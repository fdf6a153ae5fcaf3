"""`make shots`: a picture of every page, as its readers see it, desktop and phone, Chinese and English, into `.shots/`.

Says of each page what a machine can see: text that runs out of the page, errors in the console, what axe finds.

    python tools/shots.py                          starts a demo of its own
    python tools/shots.py --home DIR --address URL uses one that runs
    python tools/shots.py --only issues,map        only pages whose name begins so
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import Browser, BrowserContext, Page

from tools.driving import chromium, desktop, phone, sign_in
from tools.installation import running_demo

ROOT = Path(__file__).resolve().parents[1]
SHOTS = ROOT / ".shots"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# Rules that need a person's eye, or that a page cannot help.
AXE_OFF = ["region"]


@dataclass(frozen=True, slots=True)
class Shot:
    """A page of one role. `path`: an address, or how to find it from the role's own pages."""

    name: str
    role: str
    path: str | Callable[[Page, str], str]
    sizes: tuple[str, ...] = ("desktop", "phone")


def first(listed_at: str, pattern: str) -> Callable[[Page, str], str]:
    """The first link of a list whose address has this shape."""

    def find(page: Page, address: str) -> str:
        return page_links(page, address, listed_at, pattern)[0]

    return find


def page_links(page: Page, address: str, listed_at: str, pattern: str) -> list[str]:
    """The links of a page whose address has this shape."""
    page.goto(address + listed_at)
    links = page.eval_on_selector_all("a[href]", "links => links.map(link => link.getAttribute('href'))")
    return [link for link in links if re.fullmatch(pattern, link)]


def with_somebody(page: Page, address: str) -> str:
    """What lies with the first of those who could hand over."""
    page.goto(address + "/issues/hand-over/")
    return f"/issues/hand-over/?giver={page.locator('#id_giver option').nth(1).get_attribute('value')}"


ISSUE, MERCHANT, DEVICE, ALARM = (
    r"/issues/\d{13}/",
    r"/merchants/\d+/",
    r"/sensing/devices/[^/]+/",
    r"/sensing/alarms/\d+/",
)
A_MERCHANT = first("/merchants/", MERCHANT)


def beside(find: Callable[[Page, str], str], more: str) -> Callable[[Page, str], str]:
    """A page below the one found."""
    return lambda page, address: find(page, address) + more


def about(find: Callable[[Page, str], str]) -> Callable[[Page, str], str]:
    """The form of an order about the issue found."""
    return lambda page, address: f"/issues/orders/new/?issue={find(page, address).split('/')[2]}"


def chosen(listed_at: str) -> Callable[[Page, str], str]:
    """A list with its first issue beside it."""
    return lambda page, address: f"{listed_at}&issue={first(listed_at, ISSUE)(page, address).split('/')[2]}"


def a_round(page: Page, address: str) -> str:
    """Today's joint inspection, wherever in the list it stands: the earliest."""
    links = page_links(page, address, "/issues/joint/", r"/issues/joint/\d+/")
    days = {link: page.locator(f"li:has(a[href='{link}'])").inner_text() for link in links}
    return min(days, key=lambda link: str(re.findall(r"\d{4}-\d\d-\d\d", days[link])))


def a_shop_of_a_round(page: Page, address: str) -> str:
    """A shop of it that is still to be walked."""
    today = a_round(page, address)
    return page_links(page, address, today, rf"{today}\d+/")[0]


def a_draft(page: Page, address: str) -> str:
    """A record to be signed; in the half hour after midnight the demo has none, and the empty list is taken."""
    return next(iter(page_links(page, address, "/issues/to-sign/", r"/issues/inspections/\d+/")), "/issues/to-sign/")


def a_draft_put_right(page: Page, address: str) -> str:
    """The form that writes it anew."""
    draft = a_draft(page, address)
    return f"{draft}amend/" if "inspections" in draft else draft


def a_code(page: Page, address: str) -> str:
    """What the code of the first merchant opens."""
    page.goto(address + A_MERCHANT(page, address))
    return str(page.locator("a[href^='/m/']").first.get_attribute("href"))


PAGES = [
    Shot("home", "", "/"),
    Shot("sign-in", "", "/sign-in/"),
    Shot("complain", "", "/complain/"),
    Shot("complain-find", "", "/complain/find/"),
    Shot("unknown-code", "", "/m/AAAAAAAAAAAAAAAAAAAAAA"),
    Shot("not-found", "", "/m/AAAAAAAAAAAAAAAAAAAAAA/complain/"),
    Shot("sms", "", "/demo/sms/"),
    Shot("dashboard", "county1", "/"),
    Shot("dashboard-town", "weitang1", "/"),
    Shot("map", "county1", "/map/"),
    Shot("issues-all", "county1", "/issues/?view=all"),
    Shot("issues-unit", "weitang1", "/issues/?view=unit"),
    Shot("issues-beside", "weitang1", chosen("/issues/?view=unit"), ("desktop",)),
    Shot("issues-mine", "g00100102", "/issues/?view=mine"),
    Shot("issues-empty", "g00100102", "/issues/?view=mine&q=zzzz"),
    Shot("issue-dispatcher", "weitang1", first("/issues/?view=unit", ISSUE)),
    Shot("issue-member", "g00100102", first("/issues/?view=all", ISSUE)),
    Shot("issue-county", "county1", first("/issues/?view=all&state=closed", ISSUE)),
    Shot("issue-joint", "county1", first("/issues/?view=all&flow=joint", ISSUE)),
    Shot("issue-new", "g00100102", "/issues/new/"),
    Shot("issue-notice", "ecology1", beside(first("/issues/?view=all&state=closed", ISSUE), "notice/")),
    Shot("to-sign", "ecology1", "/issues/to-sign/"),
    Shot("inspection-draft", "ecology1", a_draft),
    Shot("inspection-amend", "ecology1", a_draft_put_right),
    Shot("templates", "admin", "/issues/templates/"),
    Shot("issues-digest", "weitang1", "/issues/digest/"),
    Shot("issues-views", "weitang1", "/issues/views/"),
    Shot("issues-sheet", "weitang1", "/issues/sheet/"),
    Shot("issues-hand-over", "weitang1", "/issues/hand-over/"),
    Shot("law", "ecology1", "/issues/law/"),
    Shot("law-entry", "g00100102", "/issues/law/V-A1/"),
    Shot("lookback", "county1", "/issues/lookback/"),
    Shot("lookback-units", "county1", "/issues/lookback/units/"),
    Shot("lookback-map", "county1", "/issues/lookback/map/"),
    Shot("lookback-places", "county1", "/issues/lookback/places/"),
    Shot("lookback-listings", "county1", "/issues/lookback/listings/"),
    Shot("asked", "leader1", "/issues/asked/"),
    Shot("asked-office", "county1", "/issues/asked/"),
    Shot("asked-new", "leader1", "/issues/asked/new/"),
    Shot("orders", "county1", "/issues/orders/"),
    Shot("order", "county1", first("/issues/orders/", r"/issues/orders/\d+/")),
    Shot("order-member", "weitang1", first("/issues/orders/", r"/issues/orders/\d+/")),
    Shot("order-add", "county1", beside(first("/issues/orders/", r"/issues/orders/\d+/"), "add/")),
    Shot("order-new", "weitang1", "/issues/orders/new/"),
    Shot("order-about", "county1", about(first("/issues/?view=all&state=open", ISSUE))),
    Shot("joint", "ecology1", "/issues/joint/"),
    Shot("joint-round", "ecology1", a_round),
    Shot("joint-shop", "ecology1", a_shop_of_a_round),
    Shot("joint-new", "ecology1", "/issues/joint/new/"),
    Shot("hand-over", "weitang1", "/issues/hand-over/"),
    Shot("hand-over-shown", "weitang1", with_somebody),
    Shot("roster", "weitang1", "/issues/roster/"),
    Shot("routing", "county1", "/issues/routing/"),
    Shot("routing-rule", "admin", "/issues/routing/rules/R-70-GRID/"),
    Shot("roster-duty", "weitang1", "/issues/roster/duty/"),
    Shot("hotline", "weitang1", "/exchange/12345/"),
    Shot("api", "", "/api/v1/docs"),
    Shot("collect", "g00100102", "/collect/", ("phone",)),
    Shot("merchants", "county1", "/merchants/"),
    Shot("portrait", "county1", A_MERCHANT),
    Shot("portrait-member", "g00100102", first("/collect/", MERCHANT)),
    Shot("dossier", "county1", beside(A_MERCHANT, "dossier/")),
    Shot("level", "county1", beside(A_MERCHANT, "level/")),
    Shot("code", "county1", beside(A_MERCHANT, "code/")),
    Shot("labels", "county1", "/merchants/labels/"),
    Shot("import", "county1", "/merchants/import/"),
    Shot("sensing", "county1", "/sensing/"),
    Shot("sensing-alarms", "county1", "/sensing/?tab=alarms"),
    Shot("sensing-unknown", "admin", "/sensing/?tab=unknown"),
    Shot("device", "county1", first("/sensing/", DEVICE)),
    Shot("alarm", "county1", first("/sensing/?tab=alarms", ALARM)),
    Shot("account", "county1", "/account/"),
    Shot("account-absences", "weitang1", "/account/absences/"),
    Shot("account-password", "county1", "/account/password/"),
    Shot("notices", "weitang1", "/notices/?view=all"),
    Shot("notices-empty", "admin", "/notices/"),
    Shot("notices-settings", "g00100102", "/notices/settings/"),
    Shot("notices-shop", "15400200001", "/notices/?view=all"),
    Shot("notices-deliveries", "admin", "/notices/deliveries/"),
    Shot("shop", "15400200001", "/shop/"),
    Shot("shop-check", "15400200001", first("/shop/", r"/shop/\d+/check/")),
    Shot("shop-cleaning", "15400200001", first("/shop/", r"/shop/\d+/cleaning/")),
    Shot("shop-company", "15400500001", "/shop/"),
    Shot("shop-hauler", "15400500005", "/shop/"),
    Shot("public-face", "", a_code),
    Shot("sensing-profiles", "county1", "/sensing/profiles/"),
    Shot("sensing-try", "county1", "/sensing/profiles/numbers-by-id/try/"),
    Shot("sensing-self-test", "", "/sensing/self-test/"),
    Shot("sensing-forecasts", "county1", "/sensing/forecasts/?outcome=all"),
    Shot("sensing-forecast", "county1", first("/sensing/forecasts/?outcome=all", r"/sensing/forecasts/\d+/")),
    Shot("sensing-duty", "county1", "/sensing/duty/"),
    Shot("sensing-trap", "county1", "/sensing/devices/GT3304210001/?span=year"),
    Shot("sensing-gas", "county1", "/sensing/devices/GAS3304210001/"),
    Shot("sensing-camera", "county1", "/sensing/devices/CAM3304210002/"),
    Shot("sensing-meter", "county1", "/sensing/devices/PM3304210001/?span=week"),
    Shot("device-week", "county1", beside(first("/sensing/", DEVICE), "?span=week&with=before&with=kind")),
    Shot("device-registry", "county1", beside(first("/sensing/", DEVICE), "registry/")),
    Shot("device-ask", "county1", beside(first("/sensing/", DEVICE), "ask/")),
    Shot("device-figures", "county1", "/sensing/figures/?by=town"),
    Shot("device-maintainers", "county1", "/sensing/maintainers/"),
    Shot("devices-observing", "county1", "/sensing/observing/"),
    Shot("device-import", "county1", "/sensing/import/"),
]


class Album:
    """Signed-in sessions by reader, and what was seen so far."""

    def __init__(self, browser: Browser, address: str, password_of: Callable[[str], str], folder: Path) -> None:
        self.browser, self.address, self.password_of, self.folder = browser, address, password_of, folder
        self.sessions: dict[str, object] = {}
        self.found: dict[tuple[str, str], str] = {}
        self.remarks: list[str] = []

    def take(self, shot: Shot) -> None:
        """The page in both sizes and both languages."""
        for size in shot.sizes:
            for language in ("zh", "en"):
                self.picture(shot, size, language)

    def picture(self, shot: Shot, size: str, language: str) -> None:
        """The page in one size and one language; what a machine sees wrong with it is added to `remarks`."""
        with self._context(shot.role, size, language) as context:
            self._picture(context, shot, size, language)

    def _context(self, role: str, size: str, language: str) -> BrowserContext:
        spoken = {"zh": "zh-CN", "en": "en-GB"}[language]
        make = desktop if size == "desktop" else phone
        context = make(self.browser, language=spoken)
        if role:
            if role not in self.sessions:
                page = context.new_page()
                password = "" if role.isdigit() else self.password_of(role)
                sign_in(page, self.address, role, password)
                self.sessions[role] = [c for c in context.cookies() if c["name"] in ("sessionid", "csrftoken")]
                page.close()
            context.add_cookies(self.sessions[role])  # type: ignore[arg-type]
        return context

    def _picture(self, context: BrowserContext, shot: Shot, size: str, language: str) -> None:
        page, name = context.new_page(), f"{shot.name}-{size}-{language}"
        errors: list[str] = []
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        try:
            path = self._path(context, shot)
        except StopIteration:
            self.remarks.append(f"{name}: no such page to be found")
            return
        errors.clear()
        page.goto(self.address + path)
        page.wait_for_load_state("networkidle")
        if shot.name == "issues-beside":
            page.locator("[data-pane]").wait_for()
        if shot.name == "map":
            page.locator("[data-drawn]").wait_for(state="attached")
        page.screenshot(path=self.folder / f"{name}.png", full_page=shot.name != "map")
        self.remarks += [f"{name}: console: {error[:160]}" for error in errors if "status of 4" not in error]
        self.remarks += [f"{name}: {remark}" for remark in seen_by_machine(page)]

    def _path(self, context: BrowserContext, shot: Shot) -> str:
        if isinstance(shot.path, str):
            return shot.path
        key = (shot.name, shot.role)
        if key not in self.found:
            if shot.role:
                self.found[key] = self._find(context, shot.path)
            else:
                with self._context("county1", "desktop", "zh") as signed_in:
                    self.found[key] = self._find(signed_in, shot.path)
        return self.found[key]

    def _find(self, context: BrowserContext, find: Callable[[Page, str], str]) -> str:
        with context.new_page() as page:
            return find(page, self.address)


def seen_by_machine(page: Page) -> Iterator[str]:
    """What is wrong with a page that no person need look for."""
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if wide > 1:
        yield f"runs {wide} px out of the page"
    if page.locator("html").get_attribute("lang") == "en":
        text = page.evaluate(
            """() => { const copy = document.body.cloneNode(true);
                       copy.querySelectorAll('[lang=zh],script,style,select,textarea').forEach(part => part.remove());
                       return copy.textContent; }"""
        )
        if chinese := re.search(
            r"\S*[\u4e00-\u9fff]+\S*", text.replace("简体中文", "").replace("中文", "").replace("灵嗅", "")
        ):
            yield f"Chinese in the English page, not marked as data: {chinese.group()[:40]!r}"
    # A bar that stays at the foot of a phone lies over whatever stands there just then: seen whole, nothing lies over anything.
    seen = page.viewport_size or {"width": 1280, "height": 0}
    whole = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": seen["width"], "height": max(seen["height"], whole)})
    # By the debugger, as an extension would: the page's own policy lets no script in that is not its own.
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        """off => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
                     rules: Object.fromEntries(off.map(id => [id, {enabled: false}]))})
             .then(r => r.violations.map(v => v.id + ': ' + v.nodes.length + ' × ' + v.nodes[0].target.join(' ')))""",
        AXE_OFF,
    )
    yield from (f"axe: {one}" for one in found)


@contextmanager
def an_installation(home: str, address: str) -> Iterator[tuple[str, str]]:
    """Home and address of a running one, or of one started for this."""
    if home:
        yield home, address
        return
    with tempfile.TemporaryDirectory(prefix="lingxiu-shots-") as folder, running_demo(Path(folder)) as demo:
        yield folder, demo.address


def main() -> int:
    """Exit code 1 if a machine saw something wrong."""
    words = argparse.ArgumentParser()
    words.add_argument("--home", default="")
    words.add_argument("--address", default="")
    words.add_argument("--only", default="")
    given = words.parse_args()
    SHOTS.mkdir(exist_ok=True)
    wanted = tuple(filter(None, given.only.split(",")))
    with an_installation(given.home, given.address) as (home, address), chromium() as browser:
        os.environ["LINGXIU_HOME"] = home
        from lingxiu.demo.signins import password_of

        album = Album(browser, address, password_of, SHOTS)
        for shot in PAGES:
            if not wanted or shot.name.startswith(wanted):
                album.take(shot)
                print(shot.name, flush=True)
    print("\n".join(album.remarks) or "Nothing a machine could find.")
    return 1 if album.remarks else 0


if __name__ == "__main__":
    sys.exit(main())
