"""How Chromium is driven here: by tests, by the pictures, by the benchmark of the map. One place for its arguments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, sync_playwright

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


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium that draws WebGL in software."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=ARGUMENTS)
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
