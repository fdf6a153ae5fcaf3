"""What is stored is stored whole, once, or not at all; it is shown to those who may see it and to nobody else."""

from __future__ import annotations

import io
import os
import resource
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client

from lingxiu.files import access
from lingxiu.files.actions import Shot, keeping, prepare_photo, store_document, store_photo, use_file
from lingxiu.files.models import Origin, StoredFile
from tests.cast import Cast
from tests.files.pictures import jpeg

AT = datetime(2026, 3, 5, 4, 0, tzinfo=UTC)


def kept_files(settings: Any) -> list[Path]:
    return [path for path in Path(settings.FILES_ROOT).rglob("*") if path.is_file()]


def shoot(**values: Any) -> StoredFile:
    """A photo stored by somebody."""
    photo = values.pop("photo", None) or jpeg()
    return store_photo(
        photo, shot=values.pop("shot", Shot()), caption=["一鲜居"], stored_at=AT, stored_by=values.get("by")
    )


def status(client: Client, address: str) -> int:
    """What a reader is answered. The answer is read to its end, so that the file behind it is closed."""
    response = client.get(address)
    response.getvalue()
    return response.status_code


@contextmanager
def disk_with_room_for(size_bytes: int) -> Iterator[None]:
    """The operating system refuses to let a file grow larger, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_the_same_picture_is_kept_once(db: None, settings: Any) -> None:
    assert shoot().pk == shoot().pk
    assert len(kept_files(settings)) == 2  # itself and its small version


@pytest.mark.parametrize("room_bytes", [0, 2000], ids=["not even the small one fits", "only the small one fits"])
def test_a_full_disk_leaves_nothing_behind(db: None, settings: Any, room_bytes: int) -> None:
    with disk_with_room_for(room_bytes), pytest.raises(OSError, match=r"too large|space"):
        shoot()
    assert kept_files(settings) == []
    assert not StoredFile.objects.exists()


def test_no_other_account_of_the_machine_can_read_what_is_stored(db: None, settings: Any) -> None:
    before = os.umask(0o022)
    try:
        shoot()
    finally:
        os.umask(before)
    stored = [Path(settings.FILES_ROOT), *Path(settings.FILES_ROOT).rglob("*")]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in stored}
    assert (len(stored), modes) == (5, {0o700, 0o600})  # three folders, the photo and its small version


def test_a_full_disk_does_not_harm_what_was_stored_before(db: None, settings: Any) -> None:
    shoot()
    before = {path: path.read_bytes() for path in kept_files(settings)}
    with disk_with_room_for(100), pytest.raises(OSError, match=r"too large|space"):
        shoot()
    assert {path: path.read_bytes() for path in kept_files(settings)} == before


def test_a_picture_whose_work_is_refused_leaves_neither_row_nor_bytes(db: None, settings: Any) -> None:
    photo = prepare_photo(jpeg(), shot=Shot(), caption=[])
    with pytest.raises(ValueError, match="refused"), keeping([photo], stored_at=AT, stored_by=None) as (row,):
        assert row.sha256 == photo.sha256
        raise ValueError("refused")
    assert kept_files(settings) == []
    assert not StoredFile.objects.exists()


def test_a_picture_without_words_of_its_own_is_marked_as_from_the_album(db: None) -> None:
    assert shoot().origin == Origin.ALBUM
    own = shoot(shot=Shot(watermarked=True, at=AT, lng=120.9, lat=30.8, accuracy_m=12.0))
    assert (own.origin, own.shot_at, own.shot_lng) == (Origin.CAMERA, AT, 120.9)


def test_a_document_is_kept_as_it_is(db: None) -> None:
    document = store_document(b"%PDF-1.7 ...", content_type="application/pdf", stored_at=AT, stored_by=None)
    assert document.path.read_bytes() == b"%PDF-1.7 ..."


# ── who may see it ──


@pytest.fixture
def rooms_answer() -> Iterator[None]:
    """A room that shows files of `test` subjects to signed-in people, and those of subject `open` to anyone."""

    def answer(request: HttpRequest, subject_id: str) -> bool:
        return subject_id == "open" or request.user.is_authenticated

    before = dict(access._answers)
    access.answers_for("test", answer)
    yield
    access._answers.clear()
    access._answers.update(before)


def test_a_file_without_a_use_is_seen_by_its_uploader_alone(cast: Cast, client: Client) -> None:
    file = shoot(by=cast.grid_member.pk)
    address = f"/files/{file.sha256}/"
    assert status(client, address) == 404
    client.force_login(cast.administrator)
    assert status(client, address) == 404
    client.force_login(cast.grid_member)
    assert status(client, address) == 200


def test_a_file_is_seen_by_whom_the_room_that_uses_it_says(cast: Cast, client: Client, rooms_answer: None) -> None:
    file = shoot()
    use_file(file, "test", 17)
    use_file(file, "test", 17)
    assert status(client, f"/files/{file.sha256}/") == 404
    client.force_login(cast.leader)
    assert status(client, f"/files/{file.sha256}/") == 200
    client.logout()
    use_file(file, "test", "open")
    assert status(client, f"/files/{file.sha256}/small/") == 200


def test_a_use_of_a_kind_no_room_answers_for_opens_nothing(cast: Cast, client: Client) -> None:
    file = shoot()
    use_file(file, "nobody's", 1)
    client.force_login(cast.administrator)
    assert status(client, f"/files/{file.sha256}/") == 404


def test_the_browser_is_told_not_to_guess_and_not_to_share(cast: Cast, client: Client) -> None:
    file = shoot(by=cast.grid_member.pk)
    client.force_login(cast.grid_member)
    response = client.get(f"/files/{file.sha256}/")
    assert response["Content-Type"] == "image/jpeg"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Cache-Control"].startswith("private")
    assert response.getvalue()[:2] == b"\xff\xd8"


@pytest.mark.parametrize("name", ["0" * 64, "..", "x", "%2e%2e%2f"])
def test_a_name_that_is_no_file_is_not_found(db: None, client: Client, name: str) -> None:
    assert status(client, f"/files/{name}/") == 404


def test_a_file_whose_bytes_are_gone_is_not_found(cast: Cast, client: Client) -> None:
    file = shoot(by=cast.grid_member.pk)
    file.path.unlink()
    client.force_login(cast.grid_member)
    assert status(client, f"/files/{file.sha256}/") == 404


def test_a_photo_from_the_phone_is_read_from_any_file_object(db: None) -> None:
    assert shoot(photo=io.BytesIO(jpeg().read())).width_px == 640
