"""How components draw: classes of tones, trend lines, shares of a bar. No domain logic, no words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django import template

register = template.Library()

_ALERT_ICONS = {"success": "circle-check", "warning": "alert-triangle", "error": "alert-triangle"}
_WIDTH, _HEIGHT, _MARGIN = 100.0, 30.0, 2.0


@dataclass(frozen=True, slots=True)
class Line:
    """A trend as SVG points in a box of 100 × 30: the line, and the ground below it."""

    points: str
    area: str


@register.filter
def tone_class(tone: object) -> str:
    """`on_time` → `on-time`, as the palette's classes are named; nothing is neutral."""
    return str(tone or "neutral").replace("_", "-")


@register.filter
def alert_icon(tone: str) -> str:
    """The icon of a message; a message is never told by its colour alone."""
    return _ALERT_ICONS.get(tone, "info-circle")


@register.simple_tag
def is_told(value: object) -> bool:
    """Whether there is anything to give a unit to: a dash stands for nothing known."""
    return value is not None and str(value).strip() not in {"", "–"}


@register.simple_tag
def in_words(value: object) -> bool:
    """Whether the big thing of a tile is a word, which is longer than a figure and may run over two lines."""
    return is_told(value) and not any(letter.isdigit() for letter in str(value))


@register.simple_tag
def sparkline(values: Sequence[float] | None) -> Line | None:
    """The trend of two values or more, the lowest at the bottom; a flat one runs through the middle. Fewer: nothing."""
    if not values or len(values) < 2:
        return None
    low, high = min(values), max(values)
    step = _WIDTH / (len(values) - 1)
    points = " ".join(f"{at * step:.1f},{_height(value, low, high):.1f}" for at, value in enumerate(values))
    return Line(points, f"0,{_HEIGHT:g} {points} {_WIDTH:g},{_HEIGHT:g}")


def _height(value: float, low: float, high: float) -> float:
    if high == low:
        return _HEIGHT / 2
    return _HEIGHT - _MARGIN - (value - low) / (high - low) * (_HEIGHT - 2 * _MARGIN)


@register.simple_tag
def share(value: float | None, of: float) -> str:
    """A value's share of a whole in per cent, between 0 and 100, for the width of a bar."""
    if value is None or not of:
        return "0"
    return f"{min(100.0, max(0.0, value / of * 100)):.1f}"
