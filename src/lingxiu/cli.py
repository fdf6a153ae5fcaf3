"""`lingxiu …`: every verb of the contract. Thin: reads the words, calls the room that does it, turns its errors into one line.

Exit codes: 0 done, 1 the work failed (with a one-line reason), 2 the words were wrong.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from lingxiu import __version__

if TYPE_CHECKING:
    from hj212 import Version
    from lingxiu.sensing.models import Device

REPOSITORY = Path(__file__).resolve().parents[2]


class Failed(click.ClickException):
    """The work failed; the message says why and what mends it."""

    exit_code = 1


def wake_django() -> None:
    """Make the house usable in this process: find the database (the embedded one's address if none is set), set Django up."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lingxiu.config.settings")
    if not os.environ.get("DATABASE_URL"):
        from lingxiu.database import url_of
        from lingxiu.home import home

        url = url_of(home())
        if url is None:
            raise Failed(
                f"no database in {home()}: start the installation with `lingxiu up`, or name a server with DATABASE_URL="
            )
        os.environ["DATABASE_URL"] = url
    import django

    django.setup()
    from django.utils import translation

    translation.activate("zh-hans" if os.environ.get("LANG", "").startswith("zh") else "en")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lingxiu")
def main() -> None:
    """Lingxiu (灵嗅): how a county watches over its restaurants."""
    os.umask(0o077)  # what an installation writes is its own; what the database's own user must read says so itself


# ── the whole installation ───────────────────────────────────────────────────────────────────────────────────────


@main.command()
def up() -> None:
    """Database, migrations, web, gateway, watch and worker under one supervisor."""
    from lingxiu.installation import run

    raise SystemExit(run())


@main.command()
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


@main.command()
def doctor() -> None:
    """What is wrong with this installation, in words, with the mend."""
    from lingxiu.doctor import examine

    findings = examine()
    for finding in findings:
        click.echo(finding.line())
    if any(finding.wrong for finding in findings):
        raise SystemExit(1)


# ── one process each ─────────────────────────────────────────────────────────────────────────────────────────────


@main.command()
def web() -> None:
    """The web process: gunicorn with threads, static files by WhiteNoise."""
    from lingxiu.installation import web_arguments

    wake_django()
    os.execv(sys.executable, web_arguments())  # noqa: S606 (our own interpreter, our own arguments)


@main.command()
def gateway() -> None:
    """The gateway HJ 212 devices dial."""
    wake_django()
    from lingxiu.sensing.gateway import main as run_gateway

    run_gateway()


@main.command()
def writer() -> None:
    """Stores what gateways put into the stream (NATS_URL); any number of them."""
    wake_django()
    from lingxiu.sensing.writer import main as run_writer

    run_writer()


@main.command()
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


@main.command()
def watch() -> None:
    """Batches of readings become windows, alarms and issues."""
    wake_django()
    from lingxiu.sensing.watch import main as run_watch

    run_watch()


@main.command()
def worker() -> None:
    """Jobs: deadlines, ratings, partitions."""
    wake_django()
    from lingxiu.worker import run_worker

    run_worker()


@main.command()
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


@main.command("ready-the-house", hidden=True)
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


@main.command("simulate-demo", hidden=True)
@click.option("--speed", type=float, default=1.0)
def simulate_demo(speed: float) -> None:
    """The demo county's devices; run by `demo`."""
    from lingxiu.config.environment import environment

    wake_django()
    from lingxiu.demo.devices import run_devices

    run_devices(host="127.0.0.1", port=environment().hj212_port, speed=speed)


# ── devices ──────────────────────────────────────────────────────────────────────────────────────────────────────


@main.group("device")
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


# ── policy ───────────────────────────────────────────────────────────────────────────────────────────────────────


@main.group()
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
        click.echo(f"{one.number}: {' '.join(one.was)} → {' '.join(one.would_be)}")
    if len(done.differences) > shown:
        click.echo(f"… and {len(done.differences) - shown:,} more")
    if done.without_facts:
        click.echo(
            f"{done.without_facts:,} issues keep no facts (they came in before facts were kept) and were left out"
        )
    click.echo(
        f"{done.routed:,} issues in {took:.1f} s: {len(done.differences):,} would go another way,"
        f" {done.quick_share:.1%} quickly at grid and town"
    )


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


# ── data in ──────────────────────────────────────────────────────────────────────────────────────────────────────


@main.group("import")
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
        with _progress(f"Reading {file.name}") as advance:
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
        with _progress(f"Reading {file.name}") as advance:
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
        with _progress(f"Reading {file.name}") as advance:
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


@main.command()
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


# ── keys of other systems ────────────────────────────────────────────────────────────────────────────────────────


@main.group("key")
def key_group() -> None:
    """Keys of the open API: make one, list them, take one back."""


@key_group.command("new")
@click.argument("name")
@click.option("--for", "username", required=True, metavar="USER", help="As whom it acts, by user name.")
@click.option("--scope", "scopes", multiple=True, required=True, help="What it opens; may be given several times.")
@click.option(
    "--each-minute", type=click.IntRange(1, 100_000), default=120, show_default=True, help="Requests a minute."
)
def key_new(name: str, username: str, scopes: tuple[str, ...], each_minute: int) -> None:
    """Make a key for another system; its secret is shown once."""
    wake_django()
    from django.utils import timezone

    from lingxiu.accounts.models import User
    from lingxiu.exchange.keys import SCOPES, ScopesUnknown, new_key

    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Failed(
            f"nobody here signs in as {username}: a key acts as a person, make an account for the system first"
        )
    try:
        key, secret = new_key(name, user, scopes, at=timezone.now(), each_minute=each_minute)
    except ScopesUnknown as error:
        raise click.BadParameter(f"{error}: there are {', '.join(SCOPES)}", param_hint="--scope") from error
    click.echo(
        f"key {key.pk} for {user.username}: {', '.join(key.scopes)}. Its secret, which is not kept here:\n{secret}"
    )


@key_group.command("list")
def key_list() -> None:
    """List the keys there are and were."""
    wake_django()
    from lingxiu.exchange.models import Key

    for key in Key.objects.select_related("user"):
        state = f"revoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else "in use"
        last = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        click.echo(
            f"{key.pk:>5}  {key.hint}…  {key.user.username}  {state}, last used {last}  {','.join(key.scopes)}  {key.name}"
        )


@key_group.command("revoke")
@click.argument("key")
def key_revoke(key: str) -> None:
    """Take a key back, by its number or the beginning of its secret, as `list` shows them."""
    wake_django()
    from django.utils import timezone

    from lingxiu.exchange.keys import KeyUnknown, revoke_key

    try:
        gone = revoke_key(key, at=timezone.now())
    except KeyUnknown as error:
        raise Failed(f"no key in use is called {key}: `lingxiu key list` lists them") from error
    click.echo(f"key {gone.pk} ({gone.name}) opens nothing any more")


# ── measuring ────────────────────────────────────────────────────────────────────────────────────────────────────


def _benchmarks() -> dict[str, Path]:
    return {
        path.stem: path for path in sorted((REPOSITORY / "benchmarks").glob("*.py")) if not path.stem.startswith("_")
    }


@main.command()
@click.argument("name", required=False)
@click.option("--quick", is_flag=True, help="Under a minute, and still meaning something.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the figures here."
)
@click.option("--list", "listed", is_flag=True, help="Only name the benchmarks.")
def bench(name: str | None, quick: bool, json_file: Path | None, listed: bool) -> None:
    """Run one of benchmarks/: a table to read, and one JSON object as the last line."""
    known = _benchmarks()
    if listed:
        click.echo("\n".join(known))
        return
    if name not in known:
        raise click.UsageError(
            f"there is no benchmark {name!r}; there are: {', '.join(known) or 'none in this installation'}"
        )
    figures = _load(known[name])(quick)
    if json_file:
        json_file.write_text(json.dumps(figures, ensure_ascii=False) + "\n")
    click.echo(json.dumps(figures, ensure_ascii=False))


def _load(path: Path) -> Callable[[bool], dict[str, Any]]:
    """The `run` of a benchmark script."""
    sys.path.insert(0, str(REPOSITORY))
    spec = importlib.util.spec_from_file_location(f"benchmarks.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise Failed(f"{path} cannot be read")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    run: Callable[[bool], dict[str, Any]] = module.run
    return run


class _progress:  # noqa: N801 (reads as a word in a `with`)
    """A progress bar: `advance(done, total)` as the work goes on."""

    def __init__(self, what: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.bar = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), transient=True
        )
        self.task = self.bar.add_task(what, total=None)

    def __enter__(self) -> Callable[[int, int], None]:
        self.bar.start()
        return lambda done, total: self.bar.update(self.task, completed=done, total=total)

    def __exit__(self, *exc: object) -> None:
        self.bar.stop()


@main.command(context_settings={"ignore_unknown_options": True}, hidden=True)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def manage(words: Sequence[str]) -> None:
    """Django's own management commands, for developers."""
    wake_django()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["lingxiu manage", *words])


if __name__ == "__main__":
    main()
