"""What is too large, does not say how large it is, or names a NUL is refused before any of it is read."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.test import Client

from tests.cast import Cast

MEGABYTE = 1024 * 1024
EN = {"accept-language": "en"}


class Unread(io.BytesIO):
    """A body nobody may begin to read."""

    def read(self, size: int | None = -1) -> bytes:
        raise AssertionError("the body was read")


def post(path: str, length: int, **extra: Any) -> Any:
    """A form that says it is so long."""
    kind = "application/x-www-form-urlencoded"
    return Client().generic("POST", path, b"", kind, CONTENT_LENGTH=str(length), headers=EN, **extra)


@pytest.mark.parametrize("path", ["/sign-in/", "/sign-in/code/", "/account/size/", "/language/setlang/", "/nowhere/"])
def test_a_page_without_files_takes_a_megabyte_and_no_more(db: None, path: str) -> None:
    answer = post(path, MEGABYTE + 1, **{"wsgi.input": Unread()})
    assert answer.status_code == 413
    assert "At most 1 MB are taken here" in answer.content.decode()
    assert post(path, MEGABYTE).status_code != 413


@pytest.mark.parametrize(
    "path",
    [
        "/complain/",
        "/m/abc/complain/",
        "/r/abc",
        "/merchants/import/",
        "/shop/1/check/",
        "/shop/issues/2026030500001/",
        "/issues/asked/new/",
        "/issues/templates/",
        "/issues/2026030500001/look/",
        "/issues/joint/1/2/",
        "/issues/roster/",
        "/issues/roster/duty/",
        "/issues/lookback/places/",
        "/sensing/import/",
        "/api/v1/photos",
        "/open311/v2/requests.json",
    ],
)
def test_where_photos_and_lists_are_sent_there_is_room_for_them(db: None, path: str) -> None:
    assert post(path, 32 * MEGABYTE + 1, **{"wsgi.input": Unread()}).status_code == 413
    assert post(path, 31 * MEGABYTE).status_code != 413


def test_every_form_that_asks_for_a_file_has_room_for_it(cast: Cast) -> None:
    """As the pages are drawn: a form with a file in it is sent to an address that takes files."""
    number = 0
    for user, page in [
        (cast.grid_member, "/issues/new/"),
        (cast.county_officer, "/merchants/import/"),
        (cast.owner, f"/shop/{cast.merchant.pk}/check/"),
        (cast.owner, f"/shop/{cast.merchant.pk}/cleaning/"),
        (None, "/complain/"),
        (None, f"/m/{cast.merchant.codes.get().token}/complain/"),
    ]:
        client = Client()
        if user:
            client.force_login(user)
        drawn = client.get(page).content.decode()
        if 'type="file"' in drawn:
            number += 1
            answer = client.generic("POST", page, b"", "multipart/form-data; boundary=x", CONTENT_LENGTH="9000000")
            assert answer.status_code != 413, page
    assert number >= 5


@pytest.mark.parametrize("length", ["x", "-1", "1e3", "²"])
def test_a_length_that_is_none_is_refused(db: None, length: str) -> None:
    answer = Client().generic("POST", "/sign-in/", b"", "text/plain", CONTENT_LENGTH=length)
    assert answer.status_code == 411


def test_a_body_that_comes_in_pieces_is_refused(db: None) -> None:
    assert post("/sign-in/", 10, HTTP_TRANSFER_ENCODING="chunked").status_code == 411


@pytest.mark.parametrize("path", ["/files/%00/", "/merchants/?q=%00", "/issues/?view=unit%00", "/m/%00", "/%00"])
def test_a_nul_names_nothing(cast: Cast, path: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(cast.county_officer)
    assert client.get(path).status_code == 404
