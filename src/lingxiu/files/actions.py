"""Store a photo or a document once, and say what it is part of."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import transaction

from lingxiu.files.models import FileUse, Origin, StoredFile
from lingxiu.files.photos import Photo, take_in


@dataclass(frozen=True, slots=True)
class Shot:
    """What the phone says of a picture: `watermarked` if it wrote the words into the pixels itself when it was shot."""

    watermarked: bool = False
    at: datetime | None = None
    lng: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture decoded and made ours, in memory still: nothing of it is on the disk or in the database."""

    photo: Photo
    sha256: str
    shot: Shot


def prepare_photo(file: BinaryIO, *, shot: Shot, caption: list[str]) -> Prepared:
    """Decode a picture. One without words in its pixels gets `caption` from us and is marked as from the album.

    Takes as long as whoever sent it pleases, so never within a transaction: the journal is read only up to the
    oldest one still running. Raises: PhotoRefused.
    """
    photo = take_in(file, None if shot.watermarked else caption)
    return Prepared(photo, hashlib.sha256(photo.jpeg).hexdigest(), shot)


@contextmanager
def keeping(photos: Sequence[Prepared], *, stored_at: datetime, stored_by: int | None) -> Iterator[list[StoredFile]]:
    """The rows of these pictures at once, so that the work within can name them; their bytes last, in the same transaction.

    Work that is refused leaves neither. Raises: OSError when the disk is full (nothing is recorded then).
    """
    with transaction.atomic():
        rows = [_keep(_draft(one, stored_at, stored_by)) for one in photos]
        yield rows
        for one, row in zip(photos, rows, strict=True):
            _write({row.path: one.photo.jpeg, row.small_path: one.photo.small})


def keep_photo(prepared: Prepared, *, stored_at: datetime, stored_by: int | None) -> StoredFile:
    """Keep one picture, where nothing can be refused any more. Raises: OSError when the disk is full."""
    with keeping([prepared], stored_at=stored_at, stored_by=stored_by) as (row,):
        return row


def store_photo(
    file: BinaryIO, *, shot: Shot, caption: list[str], stored_at: datetime, stored_by: int | None
) -> StoredFile:
    """Take a picture in at once: for what we made ourselves. Raises: PhotoRefused; OSError when the disk is full."""
    return keep_photo(prepare_photo(file, shot=shot, caption=caption), stored_at=stored_at, stored_by=stored_by)


@contextmanager
def keeping_document(
    data: bytes, *, content_type: str, stored_at: datetime, stored_by: int | None
) -> Iterator[StoredFile]:
    """The row of a document at once, its bytes last: work within that is refused leaves neither. Raises OSError: disk full."""
    with transaction.atomic():
        row = _keep(_document(data, content_type, stored_at, stored_by))
        yield row
        _write({row.path: data})


def store_document(data: bytes, *, content_type: str, stored_at: datetime, stored_by: int | None) -> StoredFile:
    """Keep a document as it is (a scan, a report made by us)."""
    draft = _document(data, content_type, stored_at, stored_by)
    _write({draft.path: data})
    return _keep(draft)


def use_file(file: StoredFile, subject_kind: str, subject_id: object) -> None:
    """Say that this file is part of that subject."""
    FileUse.objects.get_or_create(file=file, subject_kind=subject_kind, subject_id=str(subject_id))


def use_files(files: Iterable[StoredFile], subject_kind: str, subject_id: object) -> None:
    """`use_file` for some files of one subject, in one statement."""
    uses = [FileUse(file=file, subject_kind=subject_kind, subject_id=str(subject_id)) for file in files]
    FileUse.objects.bulk_create(uses, ignore_conflicts=True)


def _document(data: bytes, content_type: str, stored_at: datetime, stored_by: int | None) -> StoredFile:
    return StoredFile(
        sha256=hashlib.sha256(data).hexdigest(),
        content_type=content_type,
        size_bytes=len(data),
        stored_at=stored_at,
        stored_by=stored_by,
    )


def _draft(prepared: Prepared, stored_at: datetime, stored_by: int | None) -> StoredFile:
    photo, shot = prepared.photo, prepared.shot
    return StoredFile(
        sha256=prepared.sha256,
        content_type="image/jpeg",
        size_bytes=len(photo.jpeg),
        width_px=photo.width_px,
        height_px=photo.height_px,
        origin=Origin.CAMERA if shot.watermarked else Origin.ALBUM,
        shot_at=shot.at,
        shot_lng=shot.lng,
        shot_lat=shot.lat,
        shot_accuracy_m=shot.accuracy_m,
        stored_at=stored_at,
        stored_by=stored_by,
    )


def _keep(draft: StoredFile) -> StoredFile:
    """The row of this content: the one that is there, else the draft."""
    StoredFile.objects.bulk_create([draft], ignore_conflicts=True)
    return StoredFile.objects.get(sha256=draft.sha256)


def _write(contents: dict[Path, bytes]) -> None:
    """Write all of them whole or none: on a full disk nothing is left behind, under whatever name."""
    drafts = {path: path.with_name(f".{path.name}.{secrets.token_hex(4)}") for path in contents}
    try:
        for path, data in contents.items():
            _make_folder(path.parent)
            _write_through(drafts[path], data)
        for path, draft in drafts.items():
            draft.rename(path)
    except OSError:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
        raise
    for folder in {path.parent for path in contents}:
        _sync_folder(folder)


def _make_folder(folder: Path) -> None:
    """The folder and those above it up to `FILES_ROOT`, closed to the machine's other accounts."""
    root = Path(settings.FILES_ROOT)
    for part in (root, *reversed([above for above in folder.parents if root in above.parents]), folder):
        part.mkdir(mode=0o700, exist_ok=True)


def _write_through(path: Path, data: bytes) -> None:
    """Write the bytes down to the disk: the row that names them is committed next. Nobody else's to read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Write the names down, too: a file without a name is lost."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
