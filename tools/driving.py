"""How Chromium is driven here: by tests, by the pictures, by the benchmark of the map. One place for its arguments."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from lingxiu.ui.fonts import BUILT_FONTS
from tools.chromium import find

ARGUMENTS = [
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
WECHAT = (
    "Mozilla/5.0 (Linux; Android 14; V2309A) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 "
    "Mobile Safari/537.36 XWEB/1260 MMWEBSDK/20240404 MicroMessenger/8.0.49.2600 NetType/4G Language/zh_CN ABI/arm64"
)


FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><include ignore_missing="yes">/etc/fonts/fonts.conf</include><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>
"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium that draws WebGL in software, and Chinese with the font the front-end build brought along."""
    with tempfile.TemporaryDirectory(prefix="lingxiu-fonts-") as folder, sync_playwright() as playwright:
        fonts = Path(folder) / "fonts.conf"
        fonts.write_text(FONTS.format(fonts=BUILT_FONTS, cache=folder))
        environment = {**os.environ, "FONTCONFIG_FILE": str(fonts)}
        browser = playwright.chromium.launch(executable_path=find(), args=ARGUMENTS, env=environment)
        yield browser
        browser.close()


def phone(browser: Browser, *, language: str = "zh-CN", wechat: bool = True) -> BrowserContext:
    """A phone of 390 px, in WeChat unless told otherwise, that gives its position in 魏塘."""
    return browser.new_context(
        viewport=PHONE,
        device_scale_factor=2,
        is_mobile=True,
        has_touch=True,
        locale=language,
        timezone_id="Asia/Shanghai",
        user_agent=WECHAT if wechat else None,
        geolocation={"longitude": 120.92, "latitude": 30.85},
        permissions=["geolocation"],
    )


def desktop(browser: Browser, *, language: str = "zh-CN") -> BrowserContext:
    """A desktop of 1440 × 900."""
    return browser.new_context(viewport=DESKTOP, locale=language, timezone_id="Asia/Shanghai")


def sign_in(page: Page, address: str, name: str, password: str = "") -> None:
    """As an officer by name and password; without one as an owner, by phone and the six digits the demo shows."""
    page.goto(f"{address}/sign-in/?way={'password' if password else 'phone'}")
    if password:
        page.locator("input[name=username]").fill(name)
        page.locator("input[name=password]").fill(password)
        page.locator("input[name=password]").press("Enter")
    else:
        page.locator("input[name=phone]").fill(name)
        page.locator("input[name=phone]").press("Enter")
        page.locator("input[name=digits]").wait_for()
        with page.context.new_page() as messages:
            messages.goto(f"{address}/demo/sms/")
            found = re.search(r"(?<!\d)\d{6}(?!\d)", messages.locator("main").inner_text())
        page.locator("input[name=digits]").fill(found.group() if found else "")
        page.locator("input[name=digits]").press("Enter")
    page.wait_for_url(lambda url: "/sign-in/" not in url)
