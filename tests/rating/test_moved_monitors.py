"""What a monitor measured belongs to the shop where it stood then."""

from __future__ import annotations

from lingxiu.rating.models import FumeScore
from lingxiu.sensing.models import Device, DeviceEvent
from tests.cast import Cast
from tests.rating.test_levels import part, rated
from tests.rating.world import days_ago, does_everything, heard, monitor, noon_of


def stood(device: Device, since: int, moved: int, cast: Cast) -> None:
    """Put in at the other shop so many days ago, moved to the first one later, at noon."""
    for kind, days, merchant in (("installed", since, cast.other_merchant), ("moved", moved, cast.merchant)):
        DeviceEvent.objects.create(device=device, kind=kind, at=noon_of(days_ago(days)), merchant=merchant)
    Device.objects.filter(pk=device.pk).update(installed_on=days_ago(moved))


def inputs(score: FumeScore) -> dict[str, object]:
    return dict(part(score, "concentration")["inputs"])  # type: ignore[call-overload]  # JSON


def test_high_values_of_the_former_shop_are_not_held_against_the_new_one(cast: Cast) -> None:
    device = monitor(cast.merchant)
    stood(device, 90, 10, cast)
    heard(device, days_ago(40), days_ago(11), fan=300, high=300)
    heard(device, days_ago(10), days_ago(10), fan=300, high=150)  # the day of the move is nobody's
    heard(device, days_ago(9), days_ago(1), fan=300)
    score = rated(cast.merchant)
    assert (part(score, "concentration")["points"], inputs(score)["minutes"]) == (100, 9 * 300)


def test_the_former_shop_keeps_what_was_measured_there_while_it_is_enough(cast: Cast) -> None:
    does_everything(cast.other_merchant)
    device = monitor(cast.merchant)
    stood(device, 90, 10, cast)
    heard(device, days_ago(40), days_ago(1), fan=300, high=300)
    score = rated(cast.other_merchant)
    assert (score.scheme, part(score, "concentration")["points"]) == ("with_device", 0)
    assert inputs(score)["minutes"] == 20 * 300  # of the thirty days before today
    assert (inputs(score)["silent_days"], score.held_by) == (0, [])


def test_the_former_shop_is_without_a_monitor_when_what_it_measured_is_long_ago(cast: Cast) -> None:
    device = monitor(cast.merchant)
    stood(device, 90, 31, cast)
    heard(device, days_ago(60), days_ago(1), fan=300, high=300)
    assert rated(cast.other_merchant).scheme == "without_device"


def test_a_monitor_that_just_came_has_a_week_to_speak_up(cast: Cast) -> None:
    device = monitor(cast.merchant)
    stood(device, 90, 5, cast)
    heard(device, days_ago(60), days_ago(6), fan=300, high=300)
    assert rated(cast.merchant).scheme == "without_device"


def test_a_monitor_that_came_back_counts_both_times(cast: Cast) -> None:
    device = monitor(cast.merchant)
    for kind, days, merchant in (
        ("installed", 90, cast.merchant), ("moved", 25, cast.other_merchant), ("moved", 10, cast.merchant)
    ):  # fmt: skip
        DeviceEvent.objects.create(device=device, kind=kind, at=noon_of(days_ago(days)), merchant=merchant)
    heard(device, days_ago(40), days_ago(26), fan=300, high=300)
    heard(device, days_ago(24), days_ago(1), fan=300)
    assert part(rated(cast.merchant), "concentration")["points"] == 0  # the worst counts
    assert part(rated(cast.other_merchant), "concentration")["points"] == 100
