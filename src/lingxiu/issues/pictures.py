"""Pictures that come with a form: read from the request, captioned where the phone wrote no words, stored as files.

Never decides who may see them: `apps.ready()` tells `files` that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from lingxiu.files import actions as files
from lingxiu.files.actions import Prepared, Shot, prepare_photo
from lingxiu.files.claims import taken_on_the_spot
from lingxiu.files.photos import PhotoRefused

REFUSALS = {
    "not_an_image": gettext_lazy("This file is no picture (JPEG, PNG or WebP). Take another one."),
    "too_many_pixels": gettext_lazy("This picture has too many pixels. Take it with the phone's ordinary camera."),
    "too_large": gettext_lazy("This picture is larger than 30 MB. Take a smaller one."),
    "broken": gettext_lazy("This picture is damaged. Take it again."),
}


class NotKept(Exception):
    """The picture could not be written: the disk is full or broken. Nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An uploaded picture and what the phone says of it."""

    file: UploadedFile[bytes]
    shot: Shot
    sha256: str

    @property
    def position(self) -> tuple[float | None, float | None]:
        return self.shot.lng, self.shot.lat


def sent(request: HttpRequest, name: str) -> Picture | None:
    """The picture of this form field, if one was taken."""
    file = request.FILES.get(name)
    if not isinstance(file, UploadedFile) or not file.size:
        return None
    data, shot_at = file.read(), _time(request.POST.get(f"{name}_shot_at", ""))
    file.seek(0)
    marked = request.POST.get(f"{name}_watermarked") == "1" and taken_on_the_spot(data, shot_at, timezone.now())
    shot = Shot(
        watermarked=marked,
        at=shot_at,
        lng=_degrees(request.POST.get(f"{name}_lng", ""), 180),
        lat=_degrees(request.POST.get(f"{name}_lat", ""), 90),
        accuracy_m=_degrees(request.POST.get(f"{name}_accuracy", ""), 1e6),
    )
    return Picture(file, shot, hashlib.sha256(data).hexdigest())


def prepare(picture: Picture | None, caption: list[str]) -> tuple[Prepared, ...]:
    """Decode it, before any transaction; `caption` is written into its pixels where the phone wrote nothing.

    Raises PhotoRefused.
    """
    if picture is None:
        return ()
    picture.file.seek(0)
    return (prepare_photo(BytesIO(picture.file.read()), shot=picture.shot, caption=caption),)


@contextmanager
def keeping(photos: tuple[Prepared, ...], *, at: datetime, by: int | None) -> Iterator[tuple[str, ...]]:
    """Keep them if the work within is not refused; it is given their names. Raises NotKept."""
    try:
        with files.keeping(photos, stored_at=at, stored_by=by) as rows:
            yield tuple(row.sha256 for row in rows)
    except OSError as error:
        raise NotKept from error


def caption(*, shop: str, at: datetime, place: str = "", person: str = "") -> list[str]:
    """What is written into a picture that came without words: shop, that it is from the album, when it reached us, place,
    person."""
    received = _("from the album, received %(time)s") % {"time": timezone.localtime(at).strftime("%Y-%m-%d %H:%M")}
    return [line for line in (shop, received, place, person) if line]


def refusal(error: PhotoRefused | NotKept) -> tuple[str, int]:
    """Why a picture was not taken in and what to do, and the status that says so."""
    if isinstance(error, NotKept):
        return _("Our disk cannot take the picture now. Nothing was recorded; send the form again a little later."), 507
    return str(REFUSALS[error.reason]), 422


def _time(text: str) -> datetime | None:
    try:
        at = parse_datetime(text)
    except ValueError:
        return None
    return at if at is None or at.tzinfo else timezone.make_aware(at)


def _degrees(text: str, most: float) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if -most <= value <= most else None
