"""Pinyin of names, so that they can be found by how they sound: `yxj` and `yixianju` find 一鲜居.

Fills indexed columns; the same `fold` goes over what is stored and what is asked. Never decides for certain how a name
is pronounced: a character with two common readings is found under both.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby, islice, product

from pypinyin import lazy_pinyin

# Characters of shop, family and place names with two readings in daily use. The library's phrases settle the usual
# reading (重庆 chong, 银行 hang); the other is a second key. Rare and literary readings are left out on purpose.
TWO_READINGS: dict[str, tuple[str, str]] = {
    "便": ("bian", "pian"),
    "薄": ("bo", "bao"),
    "参": ("shen", "can"),
    "藏": ("cang", "zang"),
    "朝": ("chao", "zhao"),
    "仇": ("qiu", "chou"),
    "传": ("chuan", "zhuan"),
    "单": ("shan", "dan"),
    "弹": ("dan", "tan"),
    "调": ("tiao", "diao"),
    "都": ("du", "dou"),
    "行": ("hang", "xing"),
    "会": ("hui", "kuai"),
    "解": ("xie", "jie"),
    "乐": ("le", "yue"),
    "区": ("ou", "qu"),
    "盛": ("sheng", "cheng"),
    "覃": ("qin", "tan"),
    "厦": ("xia", "sha"),
    "校": ("xiao", "jiao"),
    "曾": ("zeng", "ceng"),
    "查": ("zha", "cha"),
    "翟": ("zhai", "di"),
    "长": ("chang", "zhang"),
    "重": ("chong", "zhong"),
}
MOST_READINGS = 8  # of one name: three such characters

# A family's shop: 曾记, 单家, 解氏. There the first of the two readings above is the one meant.
FAMILY = re.compile("[仇单解区盛覃曾查翟](?=[记家氏])")

Syllable = tuple[str, str]  # how it sounds, and what stands for it among the initials


def fold(text: str) -> str:
    """One spelling of what is stored and what is asked: half-width, lower case, letters and digits only."""
    return "".join(c for c in unicodedata.normalize("NFKD", text).lower() if c.isalnum())


def full(text: str) -> str:
    """The usual reading in one word, without tones: `yixianju`. Latin letters and digits stay."""
    return "".join(sound for sound, _ in next(_readings(fold(text))))


def initials(text: str) -> str:
    """The first letters of the usual reading: `yxj`. Latin letters and digits stay whole."""
    return "".join(first for _, first in next(_readings(fold(text))))


def search_key(text: str) -> str:
    """All that a name can be found by, parted by blanks: itself, its readings, their first letters.

    Made for `search_key LIKE '%' || fold(asked) || '%'` over a trigram index: a folded question holds no blank, so it
    never matches across two of the parts.
    """
    name = fold(text)
    readings = list(islice(_readings(name), MOST_READINGS))
    spoken = ["".join(sound for sound, _ in reading) for reading in readings]
    short = ["".join(first for _, first in reading) for reading in readings]
    return " ".join(key for key in dict.fromkeys([name, *spoken, *short]) if key)


def _readings(name: str) -> Iterator[tuple[Syllable, ...]]:
    """Every reading of a folded name, the usual one first."""
    return product(*(choice for run in _runs(name) for choice in run))


def _runs(name: str) -> Iterator[list[list[Syllable]]]:
    """The name in runs of Chinese and of other writing, each a list of syllables to choose from."""
    for chinese, run in groupby(name, key=_is_chinese):
        text = "".join(run)
        if chinese:
            family = {match.start() for match in FAMILY.finditer(text)}
            sounds = lazy_pinyin(text)
            yield [_choices(c, s, n in family) for n, (c, s) in enumerate(zip(text, sounds, strict=True))]
        elif latin := "".join(c for c in text if c.isascii()):
            yield [[(latin, latin)]]


def _choices(character: str, usual: str, family: bool) -> list[Syllable]:
    """How one character may be read, the likeliest first."""
    both = TWO_READINGS.get(character, ())
    order = dict.fromkeys([*both, usual] if family else [usual, *both])
    return [(sound, sound[0]) for sound in order]


def _is_chinese(character: str) -> bool:
    return "\u3400" <= character <= "\u9fff" or character == "〇" or character >= "\U00020000"
