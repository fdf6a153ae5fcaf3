"""What a form sent by script is told, and that built files survive being hashed for good."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.test import RequestFactory, override_settings

from lingxiu.ui.middleware import FormAnswers
from tests.frontend.conftest import PLAIN_STATIC

HASHED_STATIC = PLAIN_STATIC | {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}


def asked(response: HttpResponse, *, path: str = "/issues/1/", by_script: bool = True) -> HttpResponse:
    """What the middleware makes of a view's response."""

    def view(request: HttpRequest) -> HttpResponse:
        return response

    headers = {"X-Lingxiu-Form": "1"} if by_script else {}
    answer = FormAnswers(view)(RequestFactory().post(path, headers=headers))
    assert isinstance(answer, HttpResponse)
    return answer


def test_a_redirect_tells_the_script_where_to_go_and_that_it_was_taken() -> None:
    answer = asked(HttpResponseRedirect("/issues/"))
    assert (answer.status_code, answer["X-Lingxiu-Location"], answer["X-Lingxiu-Accepted"]) == (204, "/issues/", "1")


def test_a_redirect_to_sign_in_took_nothing() -> None:
    assert asked(HttpResponseRedirect("/sign-in/?next=/issues/1/"))["X-Lingxiu-Accepted"] == "0"


def test_signing_in_itself_may_lead_back_to_signing_in() -> None:
    assert asked(HttpResponseRedirect("/sign-in/?step=2"), path="/sign-in/")["X-Lingxiu-Accepted"] == "1"


def test_cookies_of_the_answer_are_kept() -> None:
    response = HttpResponseRedirect("/")
    response.set_cookie("sessionid", "new")
    assert asked(response).cookies["sessionid"].value == "new"


@pytest.mark.parametrize("response", [HttpResponse("errors", status=422), HttpResponse("page")])
def test_pages_pass_unchanged(response: HttpResponse) -> None:
    assert asked(response) is response


def test_a_browser_without_the_script_is_redirected_as_ever() -> None:
    assert asked(HttpResponseRedirect("/issues/"), by_script=False).status_code == 302


def test_built_files_can_be_hashed_and_compressed(tmp_path: Path) -> None:
    with override_settings(STATIC_ROOT=tmp_path, STORAGES=HASHED_STATIC):
        call_command("collectstatic", interactive=False, verbosity=0)
        style = staticfiles_storage.url("built/style.css")
        worker = staticfiles_storage.url("built/map-worker.js")
    assert re.fullmatch(r"/static/built/style\.[0-9a-f]{12}\.css", style)
    assert (tmp_path / worker.removeprefix("/static/")).with_suffix(".js.br").exists()
