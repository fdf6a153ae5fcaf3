"""What a form sent by our script is answered: where to go next, and whether the server took it. Views stay plain."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

_REDIRECTS = {301, 302, 303, 307, 308}


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
