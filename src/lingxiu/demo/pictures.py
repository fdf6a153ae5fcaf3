"""The demo's photos: simple drawings, before and after, that say in their own pixels that they are synthetic.

No photograph of a real kitchen is in them. Eight subjects, two drawings each, kept once and used by many issues.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from random import Random
from typing import Literal, NamedTuple

from PIL import Image, ImageDraw, ImageFilter

from lingxiu.demo.chance import stream
from lingxiu.files.actions import Shot, store_photo
from lingxiu.files.models import Origin, StoredFile

When = Literal["before", "after"]
Colour = tuple[int, int, int]
Draw = ImageDraw.ImageDraw

SIZE = (960, 720)
WALL: dict[When, Colour] = {"before": (176, 168, 152), "after": (205, 210, 206)}
TILE = 80
STEEL, DARK, GREASE, SMOKE = (168, 174, 180), (70, 76, 84), (122, 84, 30), (150, 150, 150)
GREEN, RED, PAPER, WATER, OIL = (46, 160, 92), (200, 60, 50), (244, 242, 232), (96, 140, 160), (196, 150, 50)


class Subject(NamedTuple):
    """What is drawn: its name in the caption, and how."""

    name: str
    draw: Callable[[Draw, Random, bool], None]


def store_pictures(at: datetime) -> dict[str, dict[When, str]]:
    """Draw and keep them; subject → before and after → sha256."""
    kept = {subject: _both(subject, at) for subject in SUBJECTS}
    shas = [sha for both in kept.values() for sha in both.values()]
    StoredFile.objects.filter(sha256__in=shas).update(origin=Origin.SYNTHETIC)
    return kept


def _both(subject: str, at: datetime) -> dict[When, str]:
    return {"before": _store(subject, "before", at), "after": _store(subject, "after", at)}


def _store(subject: str, when: When, at: datetime) -> str:
    out = BytesIO()
    draw_picture(subject, when).save(out, "PNG")
    out.seek(0)
    state = "整改前" if when == "before" else "整改后"
    caption = [f"{SUBJECTS[subject].name} · {state}", "演示用合成图，非实拍"]
    return store_photo(out, shot=Shot(), caption=caption, stored_at=at, stored_by=None).sha256


def draw_picture(subject: str, when: When) -> Image.Image:
    """One drawing."""
    random = stream("picture", subject, when)
    picture = Image.new("RGB", SIZE, WALL[when])
    pen = ImageDraw.Draw(picture)
    line = tuple(channel - 14 for channel in WALL[when])
    for x in range(0, SIZE[0], TILE):
        pen.line((x, 0, x, SIZE[1]), fill=line, width=2)
    for y in range(0, SIZE[1], TILE):
        pen.line((0, y, SIZE[0], y), fill=line, width=2)
    SUBJECTS[subject].draw(pen, random, when == "after")
    return picture.filter(ImageFilter.GaussianBlur(0.8))


def _spots(pen: Draw, random: Random, box: tuple[int, int, int, int], count: int, colour: Colour) -> None:
    """Drops of grease, or puffs."""
    for _ in range(count):
        x, y, r = random.randint(box[0], box[2]), random.randint(box[1], box[3]), random.randint(4, 16)
        pen.ellipse((x - r, y - r, x + r, y + 2 * r), fill=colour)


def _hood(pen: Draw, random: Random, clean: bool) -> None:
    pen.polygon([(200, 120), (760, 120), (880, 320), (80, 320)], fill=STEEL if clean else (150, 140, 120))
    pen.rectangle((80, 320, 880, 350), fill=DARK)
    for x in range(140, 840, 90):
        pen.rectangle((x, 230, x + 60, 310), outline=DARK, width=4)
    pen.rectangle((100, 560, 860, 720), fill=DARK)
    for x in (260, 480, 700):
        pen.ellipse((x - 80, 500, x + 80, 600), fill=(40, 42, 46))
    if not clean:
        _spots(pen, random, (100, 250, 860, 370), 60, GREASE)


def _purifier(pen: Draw, random: Random, clean: bool) -> None:
    pen.rectangle((0, 200, 960, 280), fill=STEEL)
    pen.rectangle((220, 140, 740, 460), fill=STEEL, outline=DARK, width=6)
    for x in range(260, 560, 24):
        pen.line((x, 180, x, 420), fill=DARK if clean else GREASE, width=5 if clean else 11)
    pen.rectangle((600, 180, 710, 300), fill=(30, 34, 38))
    pen.ellipse((632, 216, 680, 264), fill=GREEN if clean else RED)
    if not clean:
        _spots(pen, random, (240, 400, 720, 500), 40, GREASE)


def _device(pen: Draw, random: Random, clean: bool) -> None:
    pen.rounded_rectangle((300, 130, 660, 560), 24, fill=(232, 236, 240), outline=DARK, width=6)
    pen.rectangle((340, 180, 620, 330), fill=(20, 60, 50) if clean else (28, 28, 28))
    if clean:
        pen.line([(350, 300), (410, 270), (470, 290), (530, 240), (610, 280)], fill=(120, 240, 160), width=6)
    pen.ellipse((440, 400, 520, 480), fill=GREEN if clean else (60, 60, 60))
    pen.line([(480, 560), (480, 660), (700, 680 if clean else 720)], fill=DARK, width=10)
    pen.rectangle((700, 640, 800, 720), fill=PAPER, outline=DARK, width=4)


def _fan(pen: Draw, random: Random, clean: bool) -> None:
    pen.rectangle((0, 540, 960, 720), fill=(140, 138, 132))
    pen.ellipse((260, 130, 700, 570), fill=STEEL, outline=DARK, width=10)
    for turn in range(0, 360, 60):
        pen.pieslice((310, 180, 650, 520), turn, turn + 26, fill=DARK)
    for x in (330, 580):
        pen.rectangle((x, 560, x + 60, 610), fill=(30, 120, 80) if clean else (120, 60, 40))
    if not clean:
        for radius in (250, 290, 330):
            pen.arc((480 - radius, 350 - radius, 480 + radius, 350 + radius), -40, 40, fill=RED, width=6)


def _trap(pen: Draw, random: Random, clean: bool) -> None:
    pen.polygon([(160, 260), (800, 260), (900, 640), (60, 640)], fill=DARK)
    pen.polygon([(210, 300), (750, 300), (830, 600), (130, 600)], fill=WATER if clean else OIL)
    pen.line([(480, 300), (480, 600)], fill=DARK, width=12)
    if clean:
        pen.line([(240, 360), (420, 360)], fill=(180, 210, 220), width=4)
    else:
        _spots(pen, random, (180, 320, 780, 570), 70, (168, 120, 40))


def _bin(pen: Draw, random: Random, clean: bool) -> None:
    pen.polygon([(330, 260), (630, 260), (600, 660), (360, 660)], fill=(40, 110, 70))
    if clean:
        pen.rounded_rectangle((300, 210, 660, 268), 16, fill=(30, 90, 56))
        return
    pen.polygon([(640, 230), (700, 60), (730, 70), (672, 250)], fill=(30, 90, 56))
    _spots(pen, random, (340, 190, 620, 260), 50, (150, 110, 60))


def _paper(pen: Draw, random: Random, clean: bool) -> None:
    pen.rectangle((180, 150, 780, 470), outline=DARK, width=4)
    pen.rectangle((0, 560, 960, 720), fill=(120, 92, 66))
    if not clean:
        return
    pen.rectangle((330, 130, 630, 500), fill=PAPER, outline=RED, width=8)
    for y in range(220, 460, 36):
        pen.line((370, y, 590 - random.randint(0, 90), y), fill=DARK, width=6)
    pen.ellipse((520, 400, 600, 480), outline=RED, width=8)


def _street(pen: Draw, random: Random, clean: bool) -> None:
    pen.rectangle((120, 120, 840, 520), fill=(222, 214, 196), outline=DARK, width=6)
    pen.rectangle((120, 120, 840, 200), fill=(160, 50, 44))
    pen.rectangle((400, 280, 560, 520), fill=(90, 70, 54))
    pen.rectangle((0, 520, 960, 720), fill=(150, 150, 148))
    if clean:
        return
    for x in (60, 250, 640, 820):
        pen.ellipse((x, 560, x + 120, 620), fill=(190, 150, 100), outline=DARK, width=4)
    _spots(pen, random, (600, 20, 900, 160), 45, SMOKE)


SUBJECTS: dict[str, Subject] = {
    "hood": Subject("集气罩", _hood),
    "purifier": Subject("油烟净化器", _purifier),
    "device": Subject("监测设备", _device),
    "fan": Subject("风机", _fan),
    "trap": Subject("隔油池", _trap),
    "bin": Subject("餐厨垃圾桶", _bin),
    "paper": Subject("公示栏", _paper),
    "street": Subject("店面外", _street),
}
