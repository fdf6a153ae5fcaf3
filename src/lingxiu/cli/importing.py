"""`lingxiu import …`: records brought in, row by row, each with what became of it."""

from __future__ import annotations

from pathlib import Path

import click

from lingxiu.cli.common import Failed, progress, wake_django


@click.group("import")
def import_() -> None:
    """Bring records in: row by row, each with what became of it."""


@import_.command("merchants")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option("--coordinates", type=click.Choice(["wgs84", "gcj02", "bd09"]), default="wgs84", show_default=True)
@click.option(
    "--refused", type=click.Path(dir_okay=False, path_type=Path), help="Write the refused rows to this .xlsx."
)
def import_merchants(file: Path, dry_run: bool, coordinates: str, refused: Path | None) -> None:
    """Merchants from .xlsx or .csv."""
    wake_django()
    from django.utils import timezone

    from lingxiu.merchants.importing import FileRefused, import_file, write_refused

    try:
        with progress(f"Reading {file.name}") as advance:
            report = import_file(file, dry_run=dry_run, coordinates=coordinates, at=timezone.now(), advance=advance)
    except FileRefused as error:
        raise Failed(str(error)) from error
    for line in report.lines():
        click.echo(line)
    if refused and report.refused:
        write_refused(report, refused)
        click.echo(f"refused rows: {refused}")


@import_.command("devices")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
def import_device_list(file: Path, dry_run: bool) -> None:
    """Devices from .xlsx or .csv: MN, shop (licence, code or name), profile."""
    wake_django()
    from django.utils import timezone

    from lingxiu.merchants.models import Merchant
    from lingxiu.merchants.sheets import FileRefused
    from lingxiu.sensing.devices_import import import_devices

    try:
        with progress(f"Reading {file.name}") as advance:
            report = import_devices(
                file.read_bytes(),
                file.name,
                merchants=Merchant.objects.all(),
                dry_run=dry_run,
                at=timezone.now(),
                advance=advance,
            )
    except FileRefused as error:
        raise Failed(str(error)) from error
    for line in report.lines():
        click.echo(line)


@import_.command("complaints")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@click.option(
    "--result",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the list back, with what became of each row.",
)
def import_complaints(file: Path, dry_run: bool, result: Path | None) -> None:
    """Orders of the 12345 centre from .xlsx or .csv."""
    wake_django()
    from django.utils import timezone

    from lingxiu.exchange.hotline.importing import FileRefused, import_orders, result_sheet
    from lingxiu.exchange.hotline.sheet import read

    try:
        with progress(f"Reading {file.name}") as advance:
            report = import_orders(
                read(file.read_bytes(), file.name), dry_run=dry_run, at=timezone.now(), advance=advance
            )
    except FileRefused as error:
        raise Failed(str(error)) from error
    for line in report.lines():
        click.echo(line)
    if result:
        result.write_bytes(result_sheet(report, None))
        click.echo(f"result: {result}")
