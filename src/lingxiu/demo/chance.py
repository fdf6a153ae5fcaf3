"""Chance in the demo: one stream a purpose, all from one seed, so that what one part draws never changes another.

Never reads the clock or the system's randomness.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from random import Random
from typing import TypeVar

import numpy as np

SEED = 330421

T = TypeVar("T")


def stream(*purpose: object) -> Random:
    """A generator for this purpose alone: `stream("care", merchant_number)`."""
    return Random(_key(purpose))


def dice(*purpose: object) -> np.random.Generator:
    """The same for whole arrays."""
    return np.random.default_rng(_key(purpose))


def pick(random: Random, weights: Mapping[T, float]) -> T:
    """One of the keys, by weight."""
    return random.choices(list(weights), weights=list(weights.values()))[0]


def _key(purpose: tuple[object, ...]) -> int:
    digest = sha256(f"{SEED} {' '.join(map(str, purpose))}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
