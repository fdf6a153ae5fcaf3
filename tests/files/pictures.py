"""Pictures as people and attackers send them, made by Pillow and by hand."""

from __future__ import annotations

import io
import struct
import zlib
from typing import BinaryIO

from PIL import ExifTags, Image, PngImagePlugin

GPS = {1: "N", 2: (30.0, 50.0, 41.5), 3: "E", 4: (120.0, 55.0, 12.25)}
SECRET = "13812345678"


def jpeg(width_px: int = 640, height_px: int = 480, *, orientation: int = 1) -> BinaryIO:
    """A photo as a phone takes it: red on its left half, with position, owner and comment in its metadata."""
    picture = Image.new("RGB", (width_px, height_px), "blue")
    picture.paste("red", (0, 0, width_px // 2, height_px))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Artist] = SECRET
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(GPS)
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif, comment=SECRET.encode(), icc_profile=b"not a real profile", quality=90)
    return io.BytesIO(out.getvalue())


def grey_jpeg(width_px: int, height_px: int, *, progressive: bool = False) -> bytes:
    """A picture of one grey: few bytes whatever its size."""
    out = io.BytesIO()
    Image.new("L", (width_px, height_px), 128).save(out, "JPEG", progressive=progressive, quality=50)
    return out.getvalue()


def png(width_px: int = 300, height_px: int = 200, mode: str = "RGBA") -> BinaryIO:
    """A transparent picture with text chunks."""
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Author", SECRET)
    texts.add_itxt("Comment", f"{SECRET} 王小明", zip=True)
    out = io.BytesIO()
    Image.new(mode, (width_px, height_px)).save(out, "PNG", pnginfo=texts)
    return io.BytesIO(out.getvalue())


def huge_header(width_px: int, height_px: int) -> BinaryIO:
    """A PNG of a few bytes whose header claims this size."""
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return io.BytesIO(
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"\0" * 64))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
