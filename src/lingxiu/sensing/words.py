"""What states and severities are called on pages, and in which tone of the palette. To owners and the public a high value is a
reminder, never an exceedance: no word here says otherwise."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from lingxiu.policy.alarm_rules import (
    AnyAlarm,
    FanOff,
    FanWithoutPurifier,
    FlatValue,
    LinkageRate,
    LowDay,
    PointLevel,
    RepeatedAlarm,
    SuddenChange,
    SustainedValue,
)


class Word(NamedTuple):
    """A word with its tone."""

    word: str | Promise
    tone: str


MILLIGRAMS: Final = "mg/m³"
STATES: Final[dict[str, Word]] = {
    "online": Word(_("online"), "online"),
    "silent": Word(_("without data"), "dark"),
    "never": Word(_("never heard"), "dark"),
    "observing": Word(_("only observing"), "observing"),
    "maintenance": Word(_("under maintenance"), "maintenance"),
    "retired": Word(_("out of use"), "neutral"),
}
KINDS: Final[dict[str, str | Promise]] = {
    "fume_monitor": _("fume monitor"),
    "grease_trap": _("grease trap"),
    "gas_alarm": _("gas alarm"),
    "camera": _("kitchen camera"),
    "power_meter": _("power meter"),
}
SEVERITIES: Final[dict[str, Word]] = {
    "blue": Word(_("notice"), "info"),
    "yellow": Word(_("reminder"), "warning"),
    "orange": Word(_("warning"), "alarm"),
    "red": Word(_("urgent"), "alarm"),
}
HEARERS: Final[dict[str, str | Promise]] = {
    "merchant": _("the shop"),
    "grid": _("its grid member"),
    "town": _("its town"),
    "county": _("the county"),
    "maintainer": _("who looks after devices"),
}
ODD: Final[dict[str, str | Promise]] = {
    "contradiction": _("says something else than what is stored"),
    "crc": _("wrong check value"),
    "encrypted": _("encrypted, and no key of ours opens it"),
    "plain": _("in plain text, though it has a key and uses it"),
    "time-ahead": _("its clock is ahead"),
    "time-too-old": _("too old to be kept"),
    "time-missing": _("without a time"),
    "time-unreadable": _("its time cannot be read"),
    "range": _("a value out of range"),
    "state": _("a state nobody knows"),
    "cn": _("not a measurement"),
    "refused": _("could not be stored"),
}


def how_high(rule: AnyAlarm, peak: float | None) -> str:
    """The highest an alarm met, with the unit its rule counts in; nothing for rules that measure nothing."""
    if peak is None:
        return ""
    match rule:
        case FanWithoutPurifier():
            return ngettext("%(n)s minute", "%(n)s minutes", int(peak)) % {"n": f"{peak:g}"}
        case RepeatedAlarm():
            return ngettext("%(n)s day", "%(n)s days", int(peak)) % {"n": f"{peak:g}"}
        case LinkageRate():
            return f"{peak:.1f} %"
        case PointLevel():
            return f"{peak:g} {rule.unit}".strip()
        case SustainedValue() | FanOff() | FlatValue() | SuddenChange() | LowDay():
            return f"{peak:.2f} {MILLIGRAMS}"
    return ""


def why_odd(why: str) -> str | Promise:
    """What was odd about a frame, in words; the code where there are none."""
    return ODD.get(why.partition(":")[0], why)
