"""What no view need ask: whether a request is within bounds, and what a form sent by our script is answered."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from lingxiu.ui.views import not_found

_REDIRECTS = {301, 302, 303, 307, 308}


class WithinBounds:
    """Refuses, before any of it is read, what is longer than its address takes or does not say how long it is.

    PostgreSQL keeps no NUL in a text: an address with one in it names nothing here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.takes_files = re.compile(settings.TAKES_FILES)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            return not_found(request)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if "Transfer-Encoding" in request.headers or not length.isdecimal():
            return HttpResponse(status=411)  # no browser sends a form so
        most = settings.MOST_BYTES_WITH_FILES if self.takes_files.match(request.path) else settings.MOST_BYTES
        if int(length) > most:
            return render(request, "errors/too_large.html", {"megabytes": most // 1024 // 1024}, status=413)
        return self.get_response(request)


class FormAnswers:
    """Turns a redirect into 204 with `X-Lingxiu-Location`, which a script can read and a redirect's own is not.

    `X-Lingxiu-Accepted` is 1 unless the way leads to the sign-in page: then nothing was written, and the reader's
    draft must stay. Without the script's header nothing changes.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if "X-Lingxiu-Form" not in request.headers or response.status_code not in _REDIRECTS:
            return response
        location = response.headers["Location"]
        answer = HttpResponse(status=204)
        answer.cookies = response.cookies
        answer.headers["X-Lingxiu-Location"] = location
        answer.headers["X-Lingxiu-Accepted"] = "0" if _is_sign_in(request, location) else "1"
        patch_vary_headers(answer, ["X-Lingxiu-Form"])
        return answer


def _is_sign_in(request: HttpRequest, location: str) -> bool:
    """A redirect to the sign-in page from anywhere but itself: the session has ended."""
    sign_in = str(settings.LOGIN_URL)
    return urlsplit(location).path == sign_in and request.path != sign_in
