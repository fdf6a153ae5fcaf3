"""Make a stranger's picture ours: decoded within bounds, scaled, re-encoded without a byte of its metadata, captioned if need be."""

from __future__ import annotations

import io
import re
import struct
import threading
import zlib
from contextlib import nullcontext
from dataclasses import dataclass
from typing import BinaryIO

from PIL import ExifTags, Image, ImageDraw, ImageFont, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from lingxiu.ui.fonts import chinese_font

MAX_UPLOAD_BYTES = 30 * 1024 * 1024
# A JPEG of one scan is decoded at a fraction of its size. Every other picture stands whole in memory while it is scaled,
# at up to a dozen bytes a pixel, WebP at twenty: half a gigabyte at the most.
MAX_PIXELS = {"JPEG": 100_000_000, "PNG": 40_000_000, "WEBP": 25_000_000}
MAX_PIXELS_OF_MANY_SCANS = 40_000_000
# Cameras and programs write ten or so. Each scan costs a walk over the whole picture, however few its bytes.
MAX_SCANS = 50
LONGEST_SIDE_PX = 2560
SMALL_SIDE_PX = 480

# Of pictures that take hundreds of megabytes while they are scaled, one a process may; ordinary photos wait for none.
LARGE_PIXELS = 16_000_000
_one_large_at_a_time = threading.Lock()
# ITU-T T.81, B.1.1.2: what follows 0xFF is a marker unless it is stuffing, a restart, or another 0xFF.
MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
END_OF_IMAGE, START_OF_SCAN = 0xD9, 0xDA

# What Pillow raises on bytes that only begin like a picture.
BROKEN = (OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError, struct.error, zlib.error)
# Exif 2.32, 4.6.4: how to turn what was stored to see what was shot.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Our own bound is checked before any pixel is decoded; Pillow's would only warn, at another figure.
Image.MAX_IMAGE_PIXELS = None


class PhotoRefused(Exception):
    """A picture that is not taken in. `reason`: not_an_image | too_many_pixels | too_large | broken."""

    def __init__(self, reason: str, found: str) -> None:
        super().__init__(f"{reason}: {found}")
        self.reason = reason
        self.found = found


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture as we keep it: JPEG without metadata, and a small one for lists."""

    jpeg: bytes
    small: bytes
    width_px: int
    height_px: int


def take_in(file: BinaryIO, caption: list[str] | None = None) -> Photo:
    """Read, check, turn upright, scale to 2,560 px and re-encode a picture; write `caption` into its pixels if given.

    Raises: PhotoRefused.
    """
    data = file.read(MAX_UPLOAD_BYTES + 1)
    if len(data) > MAX_UPLOAD_BYTES:
        raise PhotoRefused("too_large", f"{MAX_UPLOAD_BYTES // 1024 // 1024} MB")
    source = _opened(data)
    with _one_large_at_a_time if source.width * source.height > LARGE_PIXELS else nullcontext():
        picture = _decode(source)
    if caption:
        picture = write_caption(picture, caption)
    small = picture.copy()
    small.thumbnail((SMALL_SIDE_PX, SMALL_SIDE_PX), Image.Resampling.BILINEAR)
    return Photo(_jpeg(picture, 82), _jpeg(small, 75), picture.width, picture.height)


def _opened(data: bytes) -> ImageFile:
    """The picture with nothing but its header read, and found within what we can hold; JPEG at the size it will have.

    JPEG can be decoded at a half, a quarter or an eighth: a 40-megapixel photo never stands whole in memory.
    """
    try:
        source = Image.open(io.BytesIO(data), formats=list(MAX_PIXELS))
    except UnidentifiedImageError as error:
        raise PhotoRefused("not_an_image", f"{len(data)} B") from error
    except BROKEN as error:
        raise PhotoRefused("broken", type(error).__name__) from error
    scans = count_scans(data) if source.format == "JPEG" else 0
    if scans > MAX_SCANS:
        raise PhotoRefused("broken", f"{scans} scans")
    if source.width * source.height > (MAX_PIXELS_OF_MANY_SCANS if scans > 1 else MAX_PIXELS[str(source.format)]):
        raise PhotoRefused("too_many_pixels", f"{source.width} × {source.height}")
    if scans == 1:
        source.draft("RGB", (LONGEST_SIDE_PX, LONGEST_SIDE_PX))
    return source


def count_scans(jpeg: bytes) -> int:
    """How often the whole picture would be walked over; what lies behind its end, or inside a segment, does not count."""
    scans, at = 0, 2
    while (found := MARKER.search(jpeg, at)) and (kind := found[1][0]) != END_OF_IMAGE:
        scans += kind == START_OF_SCAN
        at = found.end() + max(2, int.from_bytes(jpeg[found.end() : found.end() + 2], "big"))
    return scans


def _decode(source: ImageFile) -> Image.Image:
    """Upright RGB pixels, 2,560 a side at most."""
    try:
        picture = _on_white(source)
        picture.thumbnail((LONGEST_SIDE_PX, LONGEST_SIDE_PX), Image.Resampling.LANCZOS)
        return _upright(picture, source)
    except BROKEN as error:
        raise PhotoRefused("broken", type(error).__name__) from error


def _on_white(source: Image.Image) -> Image.Image:
    """The pixels as RGB; what is transparent becomes white, not whatever colour lies hidden under it."""
    source.load()
    if not source.has_transparency_data:
        return source if source.mode == "RGB" else source.convert("RGB")
    seen = source if source.mode == "RGBA" else source.convert("RGBA")
    picture = Image.new("RGB", seen.size, "white")
    picture.paste(seen, mask=seen)
    return picture


def _upright(picture: Image.Image, source: Image.Image) -> Image.Image:
    """The picture turned as the camera said it was held."""
    turn = TURNS.get(source.getexif().get(ExifTags.Base.Orientation, 1))
    return picture if turn is None else picture.transpose(turn)


def write_caption(picture: Image.Image, lines: list[str]) -> Image.Image:
    """The picture with these lines burned into its lower left corner, on a dark band so that they can be read."""
    size_px = max(16, picture.width // 32)
    font = ImageFont.truetype(str(chinese_font()), size_px)
    line_px = int(size_px * 1.4)
    band_px = line_px * len(lines) + size_px // 2
    draw = ImageDraw.Draw(picture, "RGBA")
    draw.rectangle((0, picture.height - band_px, picture.width, picture.height), fill=(0, 0, 0, 140))
    for row, line in enumerate(lines):
        draw.text(
            (size_px // 2, picture.height - band_px + size_px // 4 + row * line_px), line, font=font, fill="white"
        )
    return picture


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    """The pixels and nothing else: Pillow would carry a comment over from the picture it was opened from."""
    picture.info = {}
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, optimize=False)
    return out.getvalue()
