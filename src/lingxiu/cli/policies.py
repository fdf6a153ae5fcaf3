"""`lingxiu policy …`: the catalogues checked, tried, loaded and compared."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lingxiu.cli.common import Failed, wake_django

if TYPE_CHECKING:
    from lingxiu.issues.dry_run import Way


@click.group()
def policy() -> None:
    """The catalogues: check, load, list and compare editions."""


def _folder(given: Path | None) -> Path:
    from lingxiu.config.environment import environment
    from lingxiu.policy.reading import SHIPPED

    return given or environment().policy or SHIPPED


@policy.command("check")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Of which day's law is asked (today).")
def policy_check(folder: Path | None, day: datetime | None) -> None:
    """Say what is wrong with a folder of catalogues, and which rules rest on no law that can be printed."""
    from zoneinfo import ZoneInfo

    from lingxiu.config.environment import environment
    from lingxiu.policy.comparing import without_article, without_basis
    from lingxiu.policy.reading import PolicyRefused, read_folder

    try:
        catalogues, _ = read_folder(_folder(folder))
    except PolicyRefused as error:
        raise Failed("\n".join(error.mistakes)) from error
    click.echo(f"{len(catalogues.violations)} violations, {len(catalogues.routing)} routing rules, "
               f"{len(catalogues.alarms.rules)} alarm rules, {len(catalogues.devices)} device profiles, "
               f"{len(catalogues.json_mappings)} JSON mappings: in order.")  # fmt: skip
    asked = (day or datetime.now(ZoneInfo(environment().time_zone))).date()
    for what, rules in (
        ("no law in force, repealed or not yet", without_basis(catalogues, asked)),
        ("law in force, its article not known for certain", without_article(catalogues, asked)),
    ):
        if rules:
            click.echo(f"{asked}: {what}: {', '.join(rules)}. They guide and stand on no notice.")


@policy.command("dry-run")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--last", default=10_000, show_default=True, type=click.IntRange(1), help="How many issues, the newest first."
)
@click.option(
    "--list", "shown", default=20, show_default=True, type=click.IntRange(0), help="How many differences to list."
)
def policy_dry_run(folder: Path | None, last: int, shown: int) -> None:
    """What the routing rules of a folder would have done with the last issues. Moves nothing."""
    wake_django()
    from lingxiu.issues.dry_run import dry_run
    from lingxiu.policy.reading import PolicyRefused, read_folder

    try:
        catalogues, _body = read_folder(_folder(folder))
    except PolicyRefused as error:
        raise Failed("\n".join(error.mistakes)) from error
    began = time.perf_counter()
    done = dry_run(catalogues.routing, last)
    took = time.perf_counter() - began
    for rule, count in done.by_rule.items():
        click.echo(f"{rule:<28}{count:>8,}")
    for one in done.differences[:shown]:
        click.echo(f"{one.number}: {_way(one.was)} → {_way(one.would_be)}")
    if len(done.differences) > shown:
        click.echo(f"… and {len(done.differences) - shown:,} more")
    if done.without_facts:
        click.echo(
            f"{done.without_facts:,} issues keep no facts (they came in before facts were kept) and were left out"
        )
    click.echo(
        f"{done.routed:,} issues in {took:.1f} s: {len(done.elsewhere):,} would go another way,"
        f" {len(done.differences) - len(done.elsewhere):,} the same way by another rule;"
        f" {done.quick_share:.1%} quickly at grid and town (was {done.was_quick_share:.1%})"
    )


def _way(way: Way) -> str:
    return " ".join((way.rule, *way.goes))


@policy.command("load")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--note", default="", help="Why.")
def policy_load(folder: Path | None, note: str) -> None:
    """Make a folder of catalogues the edition in force."""
    wake_django()
    from django.utils import timezone

    from lingxiu.policy.actions import load
    from lingxiu.policy.reading import PolicyRefused

    try:
        edition, new = load(_folder(folder), at=timezone.now(), note=note)
    except PolicyRefused as error:
        raise Failed("\n".join(error.mistakes)) from error
    click.echo(f"edition {edition.pk} {'is now in force' if new else 'is in force already'} ({edition.sha256[:12]})")


@policy.command("powers")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option(
    "--template", type=click.Path(dir_okay=False, path_type=Path), help="Write the table to fill in here (.csv)."
)
@click.option(
    "--to", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), help="The county's folder."
)
def policy_powers(file: Path | None, template: Path | None, folder: Path | None) -> None:
    """Bring in the codes of the county's own list of powers (权责清单, .csv or .xlsx) as powers.yaml. Then: policy load."""
    from lingxiu.policy import powers
    from lingxiu.policy.reading import SHIPPED, PolicyRefused, read_folder

    home = _folder(folder)
    try:
        catalogues, _body = read_folder(home)
        if template:
            _write_table(template, powers.template(catalogues.violations))
            click.echo(f"{template}: {len(powers.with_power(catalogues.violations))} items to fill in")
            return
        if file is None:
            raise click.UsageError("give a file, or --template")
        if home == SHIPPED:
            raise Failed("the shipped catalogues stay as they are: name the county's folder (--to, or LINGXIU_POLICY)")
        rows = powers.read(_read_table(file), catalogues.violations)
    except PolicyRefused as error:
        raise Failed("\n".join(error.mistakes)) from error
    except powers.PowersRefused as error:
        raise Failed("\n".join(map(str, error.mistakes))) from error
    (home / "powers.yaml").write_text(powers.written(rows, file.name), encoding="utf-8")
    after, _body = read_folder(home)
    without = list(powers.without_code(after.violations))
    click.echo(f"{home / 'powers.yaml'}: {len(rows)} items; {len(without)} have no code yet. Now: lingxiu policy load")


def _read_table(file: Path) -> list[list[str]]:
    """Raises: Failed."""
    import csv

    from lingxiu.merchants.workbook import WorkbookRefused, read_rows

    data = file.read_bytes()
    try:
        if file.suffix.lower() == ".xlsx":
            return read_rows(data)
        text = _decoded(data)
        return [[cell.strip() for cell in row] for row in csv.reader(text.splitlines())]
    except (WorkbookRefused, csv.Error) as error:
        raise Failed(
            f"{file}: no table that can be read ({error}): send .xlsx, or .csv in UTF-8 or GB 18030"
        ) from error


def _decoded(data: bytes) -> str:
    """As Excel in China writes it, where it is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")


def _write_table(file: Path, rows: list[list[str]]) -> None:
    """With the mark by which Excel knows that it is UTF-8."""
    import csv

    with file.open("w", encoding="utf-8-sig", newline="") as out:
        csv.writer(out).writerows(rows)


@policy.command("editions")
def policy_editions() -> None:
    """List the editions there were."""
    wake_django()
    from lingxiu.policy.models import Edition

    for row in Edition.objects.order_by("-id").defer("body"):
        click.echo(f"{row.pk:>5}  {row.loaded_at:%Y-%m-%d %H:%M}  {row.sha256[:12]}  {row.note}")


@policy.command("diff")
@click.argument("older", type=int)
@click.argument("newer", type=int)
def policy_diff(older: int, newer: int) -> None:
    """What changed between two editions, rule by rule."""
    wake_django()
    from lingxiu.policy.models import Edition
    from lingxiu.policy.queries import diff

    try:
        lines = diff(older, newer)
    except Edition.DoesNotExist as error:
        raise Failed(
            f"there is no edition {older} or no edition {newer}: `lingxiu policy editions` lists them"
        ) from error
    click.echo("\n".join(lines) or "no difference")
