"""Whether a picture can be what its sender says it is: taken on the spot, its words written by our page. Never proves it.

Anybody can send `watermarked=1`. What cannot have come from the page's canvas, or was not shot when that would have to be,
is from the album: the caption is then ours, and says so.
"""

from __future__ import annotations

import io
from datetime import datetime, timedelta

from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base

from lingxiu.files.photos import LONGEST_SIDE_PX

DRAFT_LASTS = timedelta(days=7)
"""As long as a phone keeps a form that was not sent (docs/frontend.md, forms)."""
CLOCK_AHEAD = timedelta(minutes=10)
OF_A_CAMERA = frozenset({Base.Make, Base.Model, Base.DateTime, Base.GPSInfo})
"""Exif 2.32, 4.6.4: what a camera or an album writes, and no canvas."""


def taken_on_the_spot(data: bytes, shot_at: datetime | None, received_at: datetime) -> bool:
    """Whether these bytes can be a picture our page drew on, shot when a draft sent now could have been begun."""
    if shot_at is None or not received_at - DRAFT_LASTS <= shot_at <= received_at + CLOCK_AHEAD:
        return False
    return _drawn_by_a_page(data)


def _drawn_by_a_page(data: bytes) -> bool:
    """A canvas gives JPEG of the size we ask for, and says nothing of a camera; Safari's tells its size and colours in Exif."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as picture:
            return max(picture.size) <= LONGEST_SIDE_PX and not OF_A_CAMERA & set(picture.getexif())
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return False
