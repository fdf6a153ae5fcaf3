"""A link opened in 浙政钉, in a real Chromium: the client says who holds the phone, and the to-do opens its issue signed in."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from tools.driving import phone

from lingxiu.notices import links
from lingxiu.notices.actions import Wishes, choose
from lingxiu.notices.jobs import read_on
from lingxiu.notices.models import Link
from lingxiu.notices.sending import send_due
from tests.cast import Cast, make_cast
from tests.issues.world import alarm
from tests.notices.conftest import zhezhengding
from tests.notices.others import Zhezhengding
from tests.notices.test_zhezhengding import path_of
from tests.notices.world import connected
from tests.pages import plain_static

__all__ = ["plain_static", "zhezhengding"]

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("whole-county"), pytest.mark.usefixtures("plain_static")]

PROMISES = "window.dd = { getAuthCode: (asked) => Promise.resolve({ code: 'theirs' }) };"
CALLS_BACK = "window.dd = { getAuthCode: (asked) => asked.onSuccess({ auth_code: 'theirs' }) };"
REFUSES = "window.dd = { getAuthCode: () => Promise.reject(new Error('no permission')) };"
IS_SILENT = "window.dd = { getAuthCode: () => new Promise(() => undefined) };"


@pytest.fixture(scope="module", autouse=True)
def _the_database_is_asked_beside_playwrights_loop() -> Iterator[None]:
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Script:
    """Where the county serves the client's script; `text`: what it says, None: there is none."""

    def __init__(self) -> None:
        self.text: str | None = PROMISES
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                raw = (outer.text or "").encode()
                self.send_response(200 if outer.text is not None else 404)
                self.send_header("Content-Type", "text/javascript")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/gdt/index.js"


@pytest.fixture
def script(settings: Any) -> Iterator[Script]:
    """The client's script, served from an origin of its own, and the setting that names it."""
    made = Script()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    settings.ZHEZHENGDING_JSAPI = made.url
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def cast(transactional_db: None, zhezhengding: Zhezhengding) -> Cast:
    """Committed, so that the server sees it; the grid member's account there is known."""
    made = make_cast()
    zhezhengding.now = timezone.now()
    zhezhengding.codes = {"theirs": "5001"}
    connected(made.grid_member, "5001")
    return made


@pytest.fixture
def page(live_server: Any, browser: Browser) -> Iterator[Page]:
    context = phone(browser, language="en", wechat=False)
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


def address(live_server: Any, cast: Cast) -> str:
    path = path_of(links.make(cast.grid_member.pk, "/notices/", at=timezone.now()))
    return f"{live_server.url}{path}"


def test_a_todo_opens_its_very_issue_signed_in(
    live_server: Any, page: Page, cast: Cast, script: Script, zhezhengding: Zhezhengding
) -> None:
    now = zhezhengding.now
    choose(cast.grid_member, Wishes({}, time(0), time(0), 6, {}), at=now)  # no quiet hours, whenever this runs
    issue = alarm(cast.merchant, at=now)
    read_on(now)
    send_due(now)
    [task] = zhezhengding.open_tasks
    page.goto(live_server.url + path_of(task["mobileUrl"]))
    page.wait_for_url(f"**/issues/{issue.number}/")
    expect(page.get_by_text(issue.number).first).to_be_visible()


def test_a_script_that_calls_back_is_understood_too(live_server: Any, page: Page, cast: Cast, script: Script) -> None:
    script.text = CALLS_BACK
    page.goto(address(live_server, cast))
    page.wait_for_url("**/notices/")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (REFUSES, "Zhezhengding does not say who you are."),
        ("window.other = 1;", "This page is not open in Zhezhengding, or its script cannot be reached."),
        (None, "This page is not open in Zhezhengding, or its script cannot be reached."),
    ],
)
def test_a_client_that_cannot_say_it_is_told_in_words_and_the_sign_in_leads_on(
    live_server: Any, page: Page, cast: Cast, script: Script, text: str | None, words: str
) -> None:
    script.text = text
    at = address(live_server, cast)
    page.goto(at)
    expect(page.get_by_role("status")).to_contain_text(words)
    page.get_by_role("link", name="Sign in").last.click()
    page.wait_for_url("**/sign-in/?next=%2Fn%2F*")
    assert Link.objects.get().used_at is None


def test_a_client_that_is_silent_is_waited_for_eight_seconds(
    live_server: Any, page: Page, cast: Cast, script: Script
) -> None:
    script.text = IS_SILENT
    page.clock.install()
    page.goto(address(live_server, cast))
    expect(page.get_by_role("status")).to_contain_text("Asking Zhezhengding who you are")
    page.clock.fast_forward(8_000)
    expect(page.get_by_role("status")).to_contain_text("Zhezhengding does not answer.")


def test_the_code_of_somebody_else_and_a_link_that_is_spent_meanwhile_are_refused(
    live_server: Any, page: Page, cast: Cast, script: Script, zhezhengding: Zhezhengding
) -> None:
    zhezhengding.codes = {"theirs": "5002"}
    page.goto(address(live_server, cast))
    expect(page.get_by_text("names somebody else, or this link is used up")).to_be_visible()
    assert "sessionid" not in {cookie["name"] for cookie in page.context.cookies()}
    script.text = "window.dd = { getAuthCode: (asked) => { window.say = asked.onSuccess; } };"
    page.goto(address(live_server, cast))
    page.wait_for_function("() => window.say")
    Link.objects.update(used_at=timezone.now())
    page.evaluate("() => window.say({ code: 'theirs' })")
    expect(page.get_by_text("names somebody else, or this link is used up")).to_be_visible()


def test_without_script_there_is_the_sign_in(live_server: Any, browser: Browser, cast: Cast, script: Script) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en")
    page = context.new_page()
    page.goto(address(live_server, cast))
    expect(page.get_by_role("status")).to_have_text("Sign in: what the notice is about opens then.")
    expect(page.get_by_role("link", name="Sign in").last).to_be_visible()
    context.close()
