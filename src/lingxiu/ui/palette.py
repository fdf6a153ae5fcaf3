"""The palette as Python reads it: the one file that pages, map and charts are coloured from, copied here by the build."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BUILT_PALETTE = Path(__file__).resolve().parent / "static" / "built" / "palette.json"


@dataclass(frozen=True, slots=True)
class Tone:
    """Four colours that belong together, as `#rrggbb`: a fill, text on it, and text on a soft ground."""

    fill: str
    on: str
    ink: str
    soft: str


@cache
def tones() -> dict[str, Tone]:
    """The tone of every meaning (`level1`, `prohibited`, `late` …). Raises FileNotFoundError naming the mend."""
    if not BUILT_PALETTE.exists():
        raise FileNotFoundError(f"{BUILT_PALETTE} is missing: run `make setup`, which builds the front end")
    palette = json.loads(BUILT_PALETTE.read_text(encoding="utf-8"))
    return {meaning: Tone(**palette["tones"][tone]) for meaning, tone in palette["means"].items()}


def colour(meaning: str) -> str:
    """The fill of a meaning; what has none of its own is neutral."""
    return tones().get(meaning, tones()["neutral"]).fill
