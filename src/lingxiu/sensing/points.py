"""What pages say of grease traps, gas alarms, meters and cameras: their rules in words, their last readings. Changes nothing."""

from __future__ import annotations

from django.utils.translation import gettext as _

from lingxiu.policy.alarm_rules import CameraOffline, CameraSees, NotEmptied, PointLevel, PointRule


def what_a_point_says(rule: PointRule) -> str:
    """A rule over single readings in one sentence, with its numbers."""
    if isinstance(rule, PointLevel):
        return _("Raised by a reading of %(high)s or more; cleared after %(count)s below %(low)s.") % {
            "high": f"{rule.at_least:g} {rule.unit}".strip(),
            "count": rule.clear_readings,
            "low": f"{rule.clear_below:g} {rule.unit}".strip(),
        }
    if isinstance(rule, NotEmptied):
        return _("Raised when the grease trap was not emptied for %(days)s days; cleared by emptying it.") % {
            "days": rule.days
        }
    if isinstance(rule, CameraOffline):
        return _("Raised when the camera was not online for %(hours)s hours; cleared when it is back.") % {
            "hours": rule.hours
        }
    assert isinstance(rule, CameraSees)
    return _("Raised by what the camera recognises; cleared after %(minutes)s minutes without it.") % {
        "minutes": rule.quiet_minutes
    }
