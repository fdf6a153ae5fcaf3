"""One process each, for production, and Django's own commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from lingxiu.cli.common import Failed, wake_django


@click.command()
def web() -> None:
    """The web process: gunicorn with threads, static files by WhiteNoise."""
    from lingxiu.installation import web_arguments

    wake_django()
    os.execv(sys.executable, web_arguments())  # noqa: S606 (our own interpreter, our own arguments)


@click.command()
def gateway() -> None:
    """The gateway HJ 212 devices dial."""
    wake_django()
    from lingxiu.sensing.gateway import main as run_gateway

    run_gateway()


@click.command()
def writer() -> None:
    """Stores what gateways put into the stream (NATS_URL); any number of them."""
    wake_django()
    from lingxiu.sensing.writer import main as run_writer

    run_writer()


@click.command()
def mqtt() -> None:
    """Readings from the MQTT broker of MQTT_URL."""
    from lingxiu.config.environment import environment
    from lingxiu.sensing.ways.broker import AddressWrong, Broker

    try:
        Broker.at(environment().mqtt_url, environment().mqtt_name)
    except AddressWrong as error:
        raise Failed(str(error)) from error
    wake_django()
    from lingxiu.sensing.ways.mqtt import main as run_bridge

    run_bridge()


@click.command()
def watch() -> None:
    """Batches of readings become windows, alarms and issues."""
    wake_django()
    from lingxiu.sensing.watch import main as run_watch

    run_watch()


@click.command()
def worker() -> None:
    """Jobs: deadlines, ratings, partitions."""
    wake_django()
    from lingxiu.worker import run_worker

    run_worker()


@click.command(context_settings={"ignore_unknown_options": True}, hidden=True)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def manage(words: Sequence[str]) -> None:
    """Django's own management commands, for developers."""
    wake_django()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["lingxiu manage", *words])
