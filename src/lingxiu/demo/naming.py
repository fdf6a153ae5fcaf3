"""What the demo's people, streets and shops are called, from `names.yaml` by chance.

No person, street or shop of these names is meant; phones lie in a range no operator has been given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from random import Random
from string import Formatter
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from lingxiu.demo.chance import pick

# 154 has not been given to an operator, so these numbers reach nobody; the fifth to seventh digits say whose they are.
PHONES = {
    "officer": 15400000000,
    "grid": 15400100000,
    "owner": 15400200000,
    "shop": 15400300000,
    "reporter": 15400400000,
    "company": 15400500000,
    "helper": 15400600000,
}
PhoneOf = Literal["officer", "grid", "owner", "shop", "reporter", "company", "helper"]

# 街道, 镇, 社区, 村: what an area is, not what it is called.
FORM_OF_AREA = re.compile("(街道|镇|社区居委会|社区|居委会|村)$")


class ShopWords(BaseModel):
    """Patterns of shop names by kind, and the words their braces stand for."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    words: dict[str, list[str]]
    forms: dict[str, list[str]]


class Names(BaseModel):
    """`names.yaml`."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    surnames: dict[str, int]
    given_men: list[str]
    given_women: list[str]
    streets: list[str]
    street_forms: dict[str, int]
    village_forms: dict[str, int]
    merchants: ShopWords
    makers: list[str]
    cleaning_companies: list[str]
    maintainers: list[str]
    monitor_models: list[str]
    kitchen_places: list[str]
    waste_hauler: str


@cache
def names() -> Names:
    """The words, read once."""
    return Names.model_validate(yaml.safe_load(Path(__file__).with_name("names.yaml").read_text("utf-8")))


def person(random: Random) -> str:
    """A name such as people of northern Zhejiang have."""
    given = random.choice([names().given_men, names().given_women])
    return pick(random, names().surnames) + random.choice(given)


def phone(of: PhoneOf, number: int) -> str:
    """The `number`-th telephone number of these people."""
    return str(PHONES[of] + number)


def short(area_name: str) -> str:
    """魏塘 of 魏塘街道, 国庆 of 国庆村."""
    return FORM_OF_AREA.sub("", area_name) or area_name


def street(random: Random, village: bool) -> str:
    """A street that is in no town."""
    forms = names().village_forms if village else names().street_forms
    return random.choice(names().streets) + pick(random, forms)


def shop_names(random: Random, kind: str, given: Mapping[str, str]) -> Iterator[str]:
    """One name after the other for a shop of this kind; `given` has its town, its place (village or neighbourhood)."""
    shops = names().merchants
    while True:
        pattern = random.choice(shops.forms[kind])
        yield pattern.format_map({field: _word(random, field, given) for field in _fields(pattern)})


def _word(random: Random, field: str, given: Mapping[str, str]) -> str:
    if field == "surname":
        return pick(random, names().surnames)
    return given[field] if field in given else random.choice(names().merchants.words[field])


@cache
def _fields(pattern: str) -> Sequence[str]:
    return [field for _, field, _, _ in Formatter().parse(pattern) if field]
