"""Every sentence of the demo can be said: no blank in it that nobody fills."""

from __future__ import annotations

from collections.abc import Iterator
from string import Formatter

from lingxiu.demo.words import words


def sentences(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for one in part.values():
            yield from sentences(one)
    elif isinstance(part, list):
        for one in part:
            yield from sentences(one)


def test_every_blank_is_one_that_is_filled() -> None:
    said = words().model_dump()
    filled = {"shop", "person", "place", "meal"}
    for part, value in said.items():
        more = {"what"} if part == "self_check" else set()
        for sentence in sentences(value):
            blanks = {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}
            assert blanks <= filled | more, sentence
