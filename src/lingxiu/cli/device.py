"""`lingxiu device …`: ask a device, give it a key, reckon its figures and alarms again."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from lingxiu.cli.common import Failed, wake_django

if TYPE_CHECKING:
    from lingxiu.sensing.models import Device


@click.group("device")
def device_group() -> None:
    """Ask a device, give it a key, reckon its figures and alarms again."""


def _device(mn: str) -> Device:
    from lingxiu.sensing.models import Device

    found = Device.objects.filter(mn=mn).first()
    if found is None:
        raise Failed(f"no device is registered under {mn}")
    return found


@device_group.command("ask")
@click.argument("mn")
@click.argument("what")
@click.option("--value", default="", help="An interval to set; of `info` and `number`, which.")
@click.option("--since", type=click.DateTime(), help="From when data are to be sent again, in the county's time.")
@click.option("--until", type=click.DateTime(), help="Until when (now).")
@click.option(
    "--wait", type=click.IntRange(1, 86_400), default=60, show_default=True, help="Seconds until it is given up."
)
def device_ask(mn: str, what: str, value: str, since: datetime | None, until: datetime | None, wait: int) -> None:
    """Ask a device and print its answer: clock, set-clock, history, minute, hour, day, realtime-interval, minute-interval,
    restart-notice, info, number. With --value the intervals are set."""
    wake_django()
    from django.utils import timezone

    from lingxiu.sensing import asking
    from lingxiu.sensing.answers import told

    question = f"set-{what}" if value and f"set-{what}" in asking.QUESTIONS else what
    device = _device(mn)
    try:
        request = asking.ask(
            device,
            question,
            value=value,
            since=since and timezone.make_aware(since),
            until=until and timezone.make_aware(until),
            lasts=timedelta(seconds=wait),
            at=timezone.now(),
        )
    except asking.CannotAsk as error:
        if error.why in ("unknown", "value", "period", "name"):
            raise click.UsageError(f"{error} There are: {', '.join([*asking.SYNONYMS, *asking.QUESTIONS])}") from error
        raise Failed(str(error)) from error
    ended = told(asking.wait_for(request, clock=timezone.now, sleep=time.sleep))
    if ended.request.state != "done":
        raise Failed(f"{ended.state}: {ended.answer}" if ended.answer else ended.state)
    click.echo(ended.answer or ended.state)


@device_group.command("rebuild")
@click.argument("mns", metavar="[MN]...", nargs=-1)
def device_rebuild(mns: tuple[str, ...]) -> None:
    """Reckon statistics and alarms again from the stored readings (of all devices, if none is named): they come out the same, unless
    something was wrong."""
    wake_django()
    from django.utils import timezone

    from lingxiu.policy.queries import in_force
    from lingxiu.sensing.rebuilding import rebuild

    devices = [_device(mn).pk for mn in mns] or None
    click.echo(f"{rebuild(in_force(), timezone.now(), devices)} devices")


@device_group.command("key")
@click.argument("mn")
@click.option("--change", is_flag=True, help="Have the device take a new one (CN 1014).")
def device_key(mn: str, change: bool) -> None:
    """Set the key agreed on with a device's installer (32 hexadecimal digits, read from the terminal or standard input)."""
    wake_django()
    from django.utils import timezone

    from lingxiu.sensing import asking
    from lingxiu.sensing.keys import KeyUnreadable

    device = _device(mn)
    try:
        if change:
            asking.rotate_key(device, at=timezone.now())
        else:
            hidden = click.prompt("key", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
            asking.set_key(device, hidden.strip(), at=timezone.now())
    except asking.CannotAsk as error:
        raise Failed(str(error)) from error
    except KeyUnreadable as error:
        raise Failed("a key has 32 hexadecimal digits") from error
    click.echo("asked: the former key serves until the device has used the new one" if change else "set")
