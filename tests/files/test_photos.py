"""A stranger's picture becomes ours: bounded before it is decoded, without a byte of its metadata, upright, captioned."""

from __future__ import annotations

import io
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lingxiu.files.photos import (
    LONGEST_SIDE_PX,
    MAX_UPLOAD_BYTES,
    SMALL_SIDE_PX,
    Photo,
    PhotoRefused,
    count_scans,
    take_in,
)
from tests.files.pictures import SECRET, grey_jpeg, huge_header, jpeg, png


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def refused(data: bytes) -> PhotoRefused:
    with pytest.raises(PhotoRefused) as caught:
        take_in(io.BytesIO(data))
    return caught.value


@pytest.mark.parametrize("make", [jpeg, png])
def test_nothing_of_the_metadata_is_kept(make: object) -> None:
    source = make().read()  # type: ignore[operator]  # a factory of the two above
    assert SECRET.encode() in source
    photo = take_in(io.BytesIO(source))
    for kept in (photo.jpeg, photo.small):
        assert SECRET.encode() not in kept
        picture = opened(kept)
        assert picture.format == "JPEG"
        assert dict(picture.getexif()) == {}
        assert set(picture.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_photo_taken_sideways_stands_upright() -> None:
    """Orientation 6: the camera was turned left, so what was its left side is now on top."""
    picture = opened(take_in(jpeg(640, 480, orientation=6)).jpeg)
    assert picture.size == (480, 640)
    assert colours(picture, (240, 50), (240, 600)) == ["red", "blue"]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_way_of_holding_the_camera_is_undone(orientation: int) -> None:
    upright = opened(take_in(jpeg(640, 480, orientation=orientation)).jpeg)
    assert upright.size == ((640, 480) if orientation < 5 else (480, 640))


def colours(picture: Image.Image, *points: tuple[int, int]) -> list[str]:
    def name(pixel: object) -> str:
        red, _, blue = pixel  # type: ignore[misc]  # RGB
        return "red" if red > blue else "blue"

    return [name(picture.getpixel(point)) for point in points]


def test_forty_megapixels_are_scaled_to_2560() -> None:
    photo = take_in(jpeg(7680, 5208))
    assert (photo.width_px, photo.height_px) == (LONGEST_SIDE_PX, 1736)
    assert max(opened(photo.small).size) == SMALL_SIDE_PX


def test_a_small_picture_is_not_blown_up() -> None:
    photo = take_in(jpeg(64, 48))
    assert (photo.width_px, photo.height_px) == (64, 48)


def test_what_is_transparent_becomes_white() -> None:
    assert opened(take_in(png()).jpeg).getpixel((10, 10)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_pixels_is_taken(mode: str) -> None:
    assert opened(take_in(png(mode=mode)).jpeg).mode == "RGB"


def test_what_is_too_large_is_refused_before_decoding() -> None:
    """Four thousand megapixels would be twelve gigabytes; what the refusal costs is a few kilobytes."""
    bomb = huge_header(63_000, 63_000).read()
    assert len(bomb) < 200
    tracemalloc.start()
    error = refused(bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (error.reason, error.found) == ("too_many_pixels", "63000 × 63000")
    assert peak < 1_000_000


def test_what_stands_whole_in_memory_may_have_forty_megapixels() -> None:
    assert refused(huge_header(8_000, 5_000).read()).reason == "broken"
    assert refused(huge_header(8_000, 5_001).read()).reason == "too_many_pixels"


def test_a_jpeg_may_have_a_hundred_for_it_is_decoded_at_a_fraction() -> None:
    assert refused(grey_jpeg(10_000, 10_000)[:-5000]).reason == "broken"
    assert refused(grey_jpeg(10_000, 10_001)).reason == "too_many_pixels"
    assert refused(grey_jpeg(8_000, 5_001, progressive=True)).reason == "too_many_pixels"


def test_the_scans_of_a_photo_are_counted_and_nothing_that_looks_like_one() -> None:
    thumbnail = b"\xff\xe1" + (1002).to_bytes(2, "big") + b"\xff\xda" * 500
    plain = jpeg().read()
    assert count_scans(plain) == 1
    assert count_scans(plain[:2] + thumbnail + plain[2:]) == 1
    assert count_scans(plain + b"\xff\xda\x00\x08" * 500) == 1  # a film behind the photo, as some phones store it
    assert take_in(io.BytesIO(plain + b"\xff\xda\x00\x08" * 500)).width_px == 640
    progressive = grey_jpeg(640, 480, progressive=True)
    assert 2 < count_scans(progressive) < 20
    assert take_in(io.BytesIO(progressive)).width_px == 640


def test_a_picture_that_is_walked_over_again_and_again_is_refused_at_once() -> None:
    """Six hundred scans of a few bytes each over a hundred megapixels would take twenty seconds."""
    plain = grey_jpeg(6_000, 6_000, progressive=True)
    last = plain.rindex(b"\xff\xda")
    bomb = plain[:-2] + plain[last:-2] * 600 + plain[-2:]
    began = time.process_time()
    error = refused(bomb)
    assert (error.reason, error.found) == ("broken", f"{count_scans(plain) + 600} scans")
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        b"%PDF-1.7\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + b"\0" * 50,
        b"\0" * 5000,
    ],
    ids=["empty", "text", "pdf", "svg", "gif", "zeros"],
)
def test_what_is_no_photo_is_refused(data: bytes) -> None:
    assert refused(data).reason == "not_an_image"


def test_half_a_photo_is_refused() -> None:
    whole = jpeg(2000, 1500).read()
    assert refused(whole[: len(whole) // 2]).reason == "broken"


def test_a_file_that_is_too_large_is_refused_without_being_read_whole() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b"\xff" * size

    endless = Endless()
    with pytest.raises(PhotoRefused) as caught:
        take_in(endless)  # type: ignore[arg-type]  # all that is asked of it is read()
    assert caught.value.reason == "too_large"
    assert endless.given == MAX_UPLOAD_BYTES + 1


def test_a_caption_is_written_into_the_pixels_at_the_foot() -> None:
    plain, captioned = opened(take_in(jpeg()).jpeg), opened(take_in(jpeg(), ["一鲜居", "2026-03-05 12:00"]).jpeg)
    assert plain.size == captioned.size
    assert plain.crop((0, 0, 640, 300)).tobytes() == captioned.crop((0, 0, 640, 300)).tobytes()
    foot = (0, 440, 320, 480)
    assert plain.crop(foot).tobytes() != captioned.crop(foot).tobytes()
    brightest = max(captioned.crop(foot).convert("L").tobytes())
    assert brightest > 230  # white letters on a dark band


def test_chinese_captions_are_no_tofu() -> None:
    """A font without the character draws the same box for all."""
    pictures = {opened(take_in(jpeg(), [text]).jpeg).tobytes() for text in ("嘉", "善", "\ue123", "\ue456")}
    assert len(pictures) == 3


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow warns of broken metadata, which we throw away
@settings(max_examples=150, deadline=None)
@given(st.sampled_from([jpeg, png]), st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=12))
def test_damaged_bytes_give_a_photo_or_the_typed_refusal(make: object, damage: list[tuple[float, int]]) -> None:
    data = bytearray(make(120, 90).read())  # type: ignore[operator]  # a factory of the two above
    for place, value in damage:
        data[int(place * len(data))] = value
    try:
        assert isinstance(take_in(io.BytesIO(bytes(data))), Photo)
    except PhotoRefused as error:
        assert error.reason in {"not_an_image", "broken", "too_many_pixels"}
