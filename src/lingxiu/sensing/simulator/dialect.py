"""What a device of a profile says of its values: the way of profiles.py, the other way round."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from hj212 import Message, upload
from lingxiu.policy.device_profiles import DeviceProfile, Factor, Switch
from lingxiu.sensing.simulator.kitchen import Values

SYSTEMS: Final = {"ga-currents": "51", "lampblack-words": "22"}
"""ST of the dialects that do not use 31 (hj212.md §10)."""
PERIODS: Final = {"2061": timedelta(hours=1), "2031": timedelta(days=1)}
PASSWORD: Final = "123456"  # noqa: S105 (a field of the protocol, in plain text on the wire)


def say(profile: DeviceProfile, values: Values, *, mn: str, at: datetime, qn: str, cn: str = "2011") -> Message:
    """The upload of a moment; `at` is in the device's local time. Values the profile has no code for are left out."""
    factors: dict[str, dict[str, str]] = {}
    said = set()
    for factor in profile.factors:
        value = getattr(values, factor.column)
        if value is not None and factor.column not in said and _is_unnumbered(factor):
            said.add(factor.column)
            factors.setdefault(factor.code, {}).update({_suffix(factor, cn): _text(value / factor.scale), "Flag": "N"})
    for switch in profile.switches:
        state = getattr(values, switch.column)
        if state is not None and (switch.on_values or switch.off_values) and _is_unnumbered(switch):
            factors.setdefault(switch.code, {})[_suffix(switch, cn)] = (
                switch.on_values if state else switch.off_values
            )[0]
    return upload(
        cn, at + named_after(profile, cn), factors, st=SYSTEMS.get(profile.id, "31"), mn=mn, pw=PASSWORD, qn=qn
    )


def named_after(profile: DeviceProfile, cn: str) -> timedelta:
    """How long after it began a period is named."""
    if cn == "2011" or profile.period_named_by == "start":
        return timedelta()
    return PERIODS.get(cn, timedelta(seconds=profile.sends_every_seconds))


def _is_unnumbered(place: Factor | Switch) -> bool:
    """Of a device with numbered channels only what it says without a number is simulated."""
    return not place.only or "" in place.only


def _suffix(place: Factor | Switch, cn: str) -> str:
    """Period data are means where the profile knows one."""
    return "Avg" if cn != "2011" and "Avg" in place.suffixes else place.suffixes[0]


def _text(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
