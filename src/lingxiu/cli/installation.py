"""The whole installation: brought up, with the demo county, examined, a new county begun."""

from __future__ import annotations

import os
from pathlib import Path

import click

from lingxiu.cli.common import Failed, wake_django


@click.command()
def up() -> None:
    """Database, migrations, web, gateway, watch and worker under one supervisor."""
    from lingxiu.installation import run

    raise SystemExit(run())


@click.command()
@click.option(
    "--merchants", type=click.IntRange(20, 100_000), default=2780, show_default=True, help="How many merchants."
)
@click.option("--speed", type=float, default=1.0, show_default=True, help="How much faster than life the devices send.")
@click.option("--once", is_flag=True, help="Load the demo county and exit.")
@click.option("--no-devices", is_flag=True, help="Without simulated devices.")
def demo(merchants: int, speed: float, once: bool, no_devices: bool) -> None:
    """`up` with the demo county: synthetic data, simulated devices, a sign-in for every role."""
    os.environ["LINGXIU_DEMO"] = "1"
    from lingxiu.installation import Demo, run

    raise SystemExit(run(Demo(merchants=merchants, speed=speed, once=once, devices=not no_devices)))


@click.command()
def doctor() -> None:
    """What is wrong with this installation, in words, with the mend."""
    from lingxiu.doctor import examine

    findings = examine()
    for finding in findings:
        click.echo(finding.line())
    if any(finding.wrong for finding in findings):
        raise SystemExit(1)


@click.command("ready-the-house", hidden=True)
@click.option("--merchants", type=int, default=0)
def ready_the_house(merchants: int) -> None:
    """Migrations, static files, the policy edition and, if asked, the demo county; run by `up` before all else."""
    wake_django()
    from lingxiu.keys import SecretsLost
    from lingxiu.setting_up import set_up

    try:
        set_up(demo_merchants=merchants)
    except SecretsLost as error:
        raise Failed(str(error)) from error


@click.command("simulate-demo", hidden=True)
@click.option("--speed", type=float, default=1.0)
def simulate_demo(speed: float) -> None:
    """The demo county's devices; run by `demo`."""
    from lingxiu.config.environment import environment

    wake_django()
    from lingxiu.demo.devices import run_devices

    run_devices(host="127.0.0.1", port=environment().hj212_port, speed=speed)


@click.command()
@click.option("--from", "source", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A county.yaml.")
def init(source: Path | None) -> None:
    """A new county: name, code, boundary, towns, grids, first administrator."""
    wake_django()
    from lingxiu.founding import CountyRefused, ask, found, read

    try:
        result = found(read(source) if source else ask())
    except CountyRefused as error:
        raise Failed("\n".join(error.mistakes)) from error
    click.echo(result)
