"""A stage for islands: real templates and built files behind a server of a few lines, seen by a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from csp.utils import build_policy
from django.contrib.staticfiles import finders
from django.template import engines
from django.test import RequestFactory, override_settings
from django.utils import translation
from django_cotton.compiler_regex import CottonCompiler
from playwright.sync_api import Browser, BrowserContext, Page
from tools.driving import PHONE, WECHAT, chromium

PLAIN_STATIC = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


@dataclass
class Sent:
    """One POST as the server saw it: fields, and files as (name, bytes)."""

    fields: dict[str, str]
    files: dict[str, tuple[str, bytes]]
    headers: Message


@dataclass
class Answer:
    """What the stage's server says."""

    body: str | bytes = ""
    status: int = 200
    kind: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


Say = Callable[[], Answer]


@dataclass
class Stage:
    """Pages and answers by path; what was posted, in order."""

    address: str = ""
    pages: dict[str, Say] = field(default_factory=dict)
    posts: dict[str, Callable[[Sent], Answer]] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    def page(self, path: str, source: str, language: str = "en", **context: Any) -> None:
        """A page of this template source, in this language, seen by reader 7 unless `user` says otherwise."""
        context.setdefault("user", SimpleNamespace(pk=7, is_authenticated=True))

        def say() -> Answer:
            with translation.override(language):  # in the server's thread
                return Answer(render(source, context))

        self.pages[path] = say

    def answer(self, path: str, answer: Answer | Say) -> None:
        self.pages[path] = answer if callable(answer) else lambda: answer


def render(source: str, context: dict[str, Any]) -> str:
    """The source as the house's template engine renders it, components included."""
    return engines["django"].from_string(CottonCompiler().process(source)).render(context, RequestFactory().get("/"))


def _handler(stage: Stage) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            if path.startswith("/static/"):
                return self.reply(_static(path.removeprefix("/static/")))
            return self.reply(stage.pages[path]() if path in stage.pages else Answer("", 404))

        def do_POST(self) -> None:
            sent = _sent(self.headers, self.rfile.read(int(self.headers["Content-Length"])))
            stage.sent.append(sent)
            self.reply(stage.posts[self.path.split("?")[0]](sent))

        def reply(self, answer: Answer) -> None:
            body = answer.body.encode() if isinstance(answer.body, str) else answer.body
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", str(build_policy()))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if answer.status != 204:
                with suppress(ConnectionError):  # the browser may have gone on
                    self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """A test prints what it finds, not every request."""

    return Handler


def _static(name: str) -> Answer:
    found = finders.find(name)
    if not isinstance(found, str):
        return Answer("", 404)
    return Answer(Path(found).read_bytes(), kind=guess_type(name)[0] or "application/octet-stream")


def _sent(headers: Message, body: bytes) -> Sent:
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body)
    sent = Sent({}, {}, headers)
    for part in message.iter_parts():
        name = str(part.get_param("name", header="content-disposition"))
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        if (filename := part.get_filename()) is not None:
            sent.files[name] = (filename, content)
        else:
            sent.fields[name] = content.decode()
    return sent


@pytest.fixture
def stage() -> Iterator[Stage]:
    with override_settings(STORAGES=PLAIN_STATIC):
        stage = Stage()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stage))
        server.daemon_threads = True
        stage.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield stage
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Open only among these tests: Playwright's loop, running in the main thread, would keep others from the database."""
    with chromium() as browser:
        yield browser


@pytest.fixture
def phone(browser: Browser, stage: Stage) -> Iterator[BrowserContext]:
    """A phone standing in 魏塘 with WeChat's browser, its position allowed."""
    context = browser.new_context(
        base_url=stage.address,
        viewport=PHONE,
        has_touch=True,
        user_agent=WECHAT,
        geolocation={"longitude": 120.92, "latitude": 30.85, "accuracy": 12},
        permissions=["geolocation"],
    )
    yield context
    context.close()


@pytest.fixture
def page(phone: BrowserContext) -> Iterator[Page]:
    """A page that may complain of nothing but the network: no script error, no breach of the security policy."""
    page = phone.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page
    assert [text for text in complaints if not re.search(r"net::|status of \d+", text)] == []
