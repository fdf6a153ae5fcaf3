"""What people of the demo write, from `words.yaml`: filled in by chance, worded by us, never taken from a real record."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from random import Random

import yaml
from pydantic import BaseModel, ConfigDict

from lingxiu.issues.lifecycle import Result
from lingxiu.merchants.models import Merchant


class OfViolation(BaseModel):
    """What is said of one kind of issue: when found, by people, at a visit, when fed back by result; and its picture."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    picture: str
    found: list[str] = []
    said: list[str] = []
    visit: list[str]
    fed_back: dict[Result, list[str]]


class Words(BaseModel):
    """`words.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    violations: dict[str, OfViolation]
    self_check: list[str]
    self_check_items: dict[str, str]
    place: list[str]
    rounds: list[str]
    moves: dict[str, list[str]]
    answers: dict[str, list[str]]
    meals: list[str]


@cache
def words() -> Words:
    """The sentences, read once."""
    return Words.model_validate(yaml.safe_load(Path(__file__).with_name("words.yaml").read_text("utf-8")))


def say(random: Random, sentences: Sequence[str], merchant: Merchant | None = None, **more: str) -> str:
    """One of the sentences, about this shop."""
    given = {
        "shop": merchant.name if merchant else "这家店",
        "person": merchant.legal_person if merchant else "",
        "place": merchant.address.rsplit("街道", 1)[-1] if merchant else "这",
        "meal": random.choice(words().meals),
    }
    return random.choice(sentences).format_map(given | more)
