"""What kinds of shops the demo county has: how many of each, how large, when open, whether they fry.

The figures are ours, so that a map, a list and an index have something believable to show; none comes from a survey.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from enum import StrEnum

SMALL_EATERY_M2 = (
    50.0  # 浙江小餐饮规定 §2 with the conditions of 2017: up to here a fixed place is registered, not licensed
)


class Manner(StrEnum):
    """How a shop is run. Cleanings, alarms, complaints and the level follow from it."""

    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"


MANNERS = {Manner.GOOD: 54, Manner.FAIR: 40, Manner.POOR: 6}


@dataclass(frozen=True, slots=True)
class Trade:
    """A kind of merchant (`kinds.yaml`). `stoves`: how many shops of a hundred have so many reference stoves.

    `in_town`, `in_village`: its share of the shops there. `m2_per_stove`, `m2_per_seat`: floor area; no seats without the
    latter. `hours`: from and to, a later `to` before `from` being the next morning. `fries`: it has a hood and a purifier.
    """

    in_town: float
    in_village: float
    stoves: dict[float, int]
    m2_per_stove: tuple[float, float]
    m2_per_seat: float | None
    hours: tuple[tuple[time, time], ...]
    fries: bool = True


def _at(text: str) -> time:
    return time.fromisoformat(text)


def _hours(*spans: str) -> tuple[tuple[time, time], ...]:
    return tuple((_at(span[:5]), _at(span[6:])) for span in spans)


TRADES: dict[str, Trade] = {
    "restaurant": Trade(24, 20, {1: 12, 2: 33, 3: 26, 4: 13, 5: 6, 6: 5, 8: 3, 10: 2}, (32, 60), 3.2,
                        _hours("10:00-21:00", "10:30-21:30", "10:00-22:00", "10:30-14:00", "09:30-21:30")),
    "snack_bar": Trade(22, 20, {1: 74, 2: 26}, (20, 55), 2.2,
                       _hours("05:30-13:30", "06:00-20:00", "10:00-21:00", "06:00-14:00", "09:00-20:30")),
    "noodle_shop": Trade(13, 9, {1: 56, 2: 40, 3: 4}, (22, 50), 2.1,
                         _hours("06:00-20:00", "05:30-14:00", "06:30-21:00", "10:00-21:00")),
    "hotpot": Trade(5, 1, {2: 50, 3: 32, 4: 14, 6: 4}, (60, 110), 3.4,
                    _hours("10:30-22:00", "11:00-23:00", "16:00-00:30")),
    "barbecue": Trade(6, 4, {1: 46, 2: 44, 3: 10}, (28, 60), 2.6,
                      _hours("16:30-01:30", "17:00-02:00", "16:00-23:30")),
    "bakery": Trade(5, 2, {1: 100}, (32, 80), None, _hours("06:30-20:30", "07:00-21:00"), fries=False),
    "drinks": Trade(8, 3, {1: 100}, (18, 70), 3.0, _hours("09:00-22:00", "10:00-22:00", "13:00-22:30"), fries=False),
    "canteen": Trade(5, 9, {2: 18, 3: 36, 4: 24, 6: 16, 8: 6}, (55, 90), 1.6,
                     _hours("06:00-18:30", "10:00-13:00", "06:30-19:00")),
    "farmhouse": Trade(0, 13, {2: 46, 3: 34, 4: 14, 5: 6}, (45, 75), 3.6, _hours("09:30-20:30", "10:00-21:00")),
    "small_eatery": Trade(11, 18, {1: 100}, (14, 49), 2.4,
                          _hours("06:00-18:30", "09:00-20:00", "05:30-12:30", "15:00-23:00")),
    "stall": Trade(1, 1, {1: 100}, (4, 9), None, _hours("16:00-23:00", "06:00-10:00"), fries=False),
}  # fmt: skip
