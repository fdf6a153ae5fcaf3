"""`lingxiu …`: every verb of the contract. Thin: reads the words, calls the room that does it, turns its errors into one line.

A module holds the commands of one idea. Exit codes: 0 done, 1 the work failed (with a one-line reason), 2 the words were wrong.
"""

from __future__ import annotations

import os

import click

from lingxiu import __version__
from lingxiu.cli.device import device_group
from lingxiu.cli.importing import import_
from lingxiu.cli.installation import demo, doctor, init, ready_the_house, simulate_demo, up
from lingxiu.cli.key import key_group
from lingxiu.cli.measuring import bench
from lingxiu.cli.policies import policy
from lingxiu.cli.processes import gateway, manage, mqtt, watch, web, worker, writer
from lingxiu.cli.simulating import simulate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lingxiu")
def main() -> None:
    """Lingxiu (灵嗅): how a county watches over its restaurants."""
    os.umask(0o077)  # what an installation writes is its own; what the database's own user must read says so itself


for _command in (
    up, demo, doctor, init, web, gateway, writer, mqtt, watch, worker, simulate, ready_the_house, simulate_demo,
    device_group, policy, import_, key_group, bench, manage,
):  # fmt: skip
    main.add_command(_command)
