"""Devices that speak HJ 212 to any gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lingxiu.cli.common import wake_django

if TYPE_CHECKING:
    from hj212 import Version


@click.command()
@click.option("--devices", type=click.IntRange(1, 20_000), default=10, show_default=True, help="How many devices.")
@click.option("--rate", type=float, default=1.0, show_default=True, help="How much faster than life they send.")
@click.option("--to", "target", default="", metavar="HOST:PORT", help="The gateway; empty: this installation's.")
@click.option(
    "--version", type=click.Choice(["2005", "2017", "2025"]), help="Which text they follow; else their profile's."
)
@click.option(
    "--key", default="", help="32 hexadecimal digits to encrypt with (2025); else those a device is registered with."
)
@click.option(
    "--split", type=click.IntRange(60, 950), default=950, show_default=True, help="Bytes of a message's part."
)
@click.option(
    "--kept", type=click.IntRange(0, 2880), default=0, help="Minutes each brings along from before (RF=1 in 2025)."
)
@click.option(
    "--hello", multiple=True, type=click.Choice(["9021", "1013", "9015"]), help="What they say when they dial."
)
@click.option("--habit", multiple=True, help="A way of misbehaving; `--habit list` names them.")
def simulate(
    devices: int,
    rate: float,
    target: str,
    version: Version | None,
    key: str,
    split: int,
    kept: int,
    hello: tuple[str, ...],
    habit: tuple[str, ...],
) -> None:
    """Devices that speak HJ 212 to any gateway: all versions, splits, retries, what was kept, and answers to commands."""
    from lingxiu.config.environment import environment

    host, _, port = (target or f"127.0.0.1:{environment().hj212_port}").rpartition(":")
    if not port.isdigit():
        raise click.BadParameter(f"{target!r} is not HOST:PORT", param_hint="--to")
    wake_django()
    from lingxiu.sensing.keys import Key, KeyUnreadable
    from lingxiu.sensing.simulator import Habit, Manner
    from lingxiu.sensing.simulator import main as run_simulator
    from lingxiu.sensing.simulator.habits import WORDS

    if "list" in habit:
        click.echo("\n".join(f"{one:<10} {word}" for one, word in WORDS.items()))
        return
    try:
        habits = frozenset(Habit(one) for one in habit)
    except ValueError as error:
        raise click.BadParameter(f"{error}: there are {', '.join(Habit)}", param_hint="--habit") from error
    try:
        Key(key or "0" * 32)
    except KeyUnreadable as error:
        raise click.BadParameter("a key has 32 hexadecimal digits", param_hint="--key") from error
    run_simulator(
        devices=devices,
        rate=rate,
        host=host or "127.0.0.1",
        port=int(port),
        manner=Manner(version, key, split, kept, habits, hello),
    )
