"""`lingxiu doctor`: looks at an installation from outside and says what is wrong, in words, with the mend. Changes nothing."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.http.request import validate_host

from lingxiu.config.environment import environment
from lingxiu.database import url_of
from lingxiu.home import home
from lingxiu.keys import MEND, SecretsLost, require_secrets
from lingxiu.supervisor import answers_http, port_open

LEAST_FREE_GB = 2.0
LONGEST_HORIZON_SECONDS = 30
LONGEST_BEHIND_SECONDS = 60
COPIES_OF_THE_STREAM = 3
OLDEST_POSTGRESQL = 150000
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and, if it is wrong, what mends it."""

    subject: str
    found: str
    mend: str = ""
    wrong: bool = False

    def line(self) -> str:
        """As the operator reads it."""
        mark = "✗" if self.wrong else ("!" if self.mend else "✓")
        return f"{mark} {self.subject}: {self.found}" + (f"\n    → {self.mend}" if self.mend else "")


def examine() -> list[Finding]:
    """Everything, in the order in which one thing rests on another; stops looking at the database once it does not answer."""
    findings = [*_machine(), *_home(), *_built(), *_addresses(), *_zhezhengding()]
    database, connection = _database()
    findings += database
    if connection is not None:
        with connection:
            for look in (_characters, _schema, _secrets, _policy, _powers, _journal, _partitions, _writers, _calendar):
                findings += look(connection)
    return [*findings, *_stream(), *_processes()]


def _machine() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(
        "Python", version, "3.11 or newer is needed" if sys.version_info < (3, 11) else "", sys.version_info < (3, 11)
    )


def _home() -> Iterator[Finding]:
    place = home()
    if not place.exists():
        yield Finding(
            "Data directory", f"{place} does not exist yet", "`lingxiu up` makes it; LINGXIU_HOME= chooses another"
        )
        return
    writable = os.access(place, os.W_OK)
    yield Finding(
        "Data directory",
        str(place),
        "" if writable else "it cannot be written by this user: change its owner",
        not writable,
    )
    free_gb = shutil.disk_usage(place).free / 1e9
    short = free_gb < LEAST_FREE_GB
    yield Finding(
        "Free disk", f"{free_gb:.1f} GB", "less than 2 GB: make room, or move LINGXIU_HOME" if short else "", short
    )
    yield from _open_to_others("Secrets", sorted((place / "secrets").glob("*")), f"chmod 600 {place / 'secrets'}/*")
    yield from _open_to_others("Settings", [place / "lingxiu.env"], f"chmod 600 {place / 'lingxiu.env'}")
    yield from _open_to_others("Photos", [place / "files"], f"chmod -R go= {place / 'files'}")


def _open_to_others(subject: str, paths: list[Path], mend: str) -> Iterator[Finding]:
    """What other accounts of this machine may look into, and must not."""
    named = [path.name for path in paths if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    if named:
        yield Finding(subject, f"{', '.join(named)} can be read by others", mend, True)


def _built() -> Iterator[Finding]:
    here = Path(__file__).resolve().parent / "ui"
    for subject, path in (("Front end", here / "static" / "built"), ("Chinese font", here / "built_fonts")):
        there = path.is_dir() and any(path.iterdir())
        yield Finding(subject, "built" if there else "missing", "" if there else "make setup", not there)


def _addresses() -> Iterator[Finding]:
    settings = environment()
    if settings.demo:
        return
    if not settings.base_url.startswith("https://"):
        yield Finding(
            "Address",
            settings.base_url,
            "without HTTPS phones give no camera, no position and no offline pages: set LINGXIU_URL=https://… and a reverse proxy",
        )
    elif settings.bind not in LOOPBACK:
        yield Finding(
            "Web port",
            f"{settings.bind}:{settings.port} answers without HTTPS, too",
            "let the firewall close it to other machines: the reverse proxy asks from this one",
        )
    host = urlsplit(settings.base_url).hostname or ""
    known = validate_host(host, settings.host_list)
    mend = "" if known else f"every page would answer 400: set LINGXIU_HOSTS={','.join([*settings.host_list, host])}"
    yield Finding("Host name", host if known else f"{host} is not in LINGXIU_HOSTS", mend, not known)
    if not settings.officer_totp:
        yield Finding("Second factor", "off", "officers sign in by password alone: set LINGXIU_OFFICER_TOTP=1")


def _zhezhengding() -> Iterator[Finding]:
    """Whether its links sign in whom they are for."""
    settings = environment()
    there = bool(settings.zhezhengding_host and settings.zhezhengding_key)
    if not there and not settings.zhezhengding_jsapi:
        return
    if not there:
        mend = "set ZHEZHENGDING_HOST and ZHEZHENGDING_KEY: without them no code can be exchanged for its person"
    elif not settings.zhezhengding_jsapi:
        mend = "links from Zhezhengding ask for the password: set ZHEZHENGDING_JSAPI to the address of its script for pages"
    else:
        mend = ""
    yield Finding("Zhezhengding's links", settings.zhezhengding_jsapi or "no script for pages", mend)


def _database() -> tuple[list[Finding], psycopg.Connection | None]:
    url = environment().database_url or url_of(home())
    if url is None:
        return [Finding("Database", "none yet", "`lingxiu up` makes one; DATABASE_URL= names a server", True)], None
    try:
        connection = psycopg.connect(url, connect_timeout=3, autocommit=True)
    except psycopg.OperationalError as error:
        why = str(error).strip().splitlines()[-1]
        mend = (
            "check DATABASE_URL"
            if environment().database_url
            else f"start it with `lingxiu up`; its log is in {home()}/database/log"
        )
        return [Finding("Database", f"does not answer ({why})", mend, True)], None
    version = connection.info.server_version
    old = version < OLDEST_POSTGRESQL
    return [
        Finding("Database", f"PostgreSQL {version // 10000}", "15 or newer is needed" if old else "", old)
    ], connection


def _one(connection: psycopg.Connection, sql: str) -> object:
    row = connection.execute(sql).fetchone()
    return row[0] if row else None


def _characters(connection: psycopg.Connection) -> Iterator[Finding]:
    encoding = str(_one(connection, "SHOW server_encoding"))
    ctype = str(_one(connection, "SELECT datctype FROM pg_database WHERE datname = current_database()"))
    blind = encoding != "UTF8" or ctype == "C"
    mend = "searching Chinese names needs a database made with ENCODING UTF8 and LC_CTYPE C.UTF-8" if blind else ""
    yield Finding("Characters", f"{encoding}, {ctype}", mend, blind)


def _schema(connection: psycopg.Connection) -> Iterator[Finding]:
    if not _one(connection, "SELECT to_regclass('django_migrations')::text"):
        yield Finding("Schema", "none", "`lingxiu up` makes it", True)
        return
    known = {
        (path.parent.parent.name, path.stem)
        for path in Path(__file__).resolve().parent.glob("*/migrations/0*.py")
    }  # fmt: skip
    done = {(str(app), str(name)) for app, name in connection.execute("SELECT app, name FROM django_migrations")}
    missing = sorted(f"{app}.{name}" for app, name in known - done)
    yield Finding(
        "Schema",
        f"{len(missing)} migrations to go" if missing else "up to date",
        "`lingxiu up` applies them" if missing else "",
        bool(missing),
    )


def _secrets(connection: psycopg.Connection) -> Iterator[Finding]:
    try:
        require_secrets(lambda sql: connection.execute(sql).fetchall())
    except SecretsLost as error:
        yield Finding("Keys", error.what, MEND.format(home=home()), True)


def _policy(connection: psycopg.Connection) -> Iterator[Finding]:
    if not _one(connection, "SELECT to_regclass('policy_edition')::text"):
        return
    newest = _one(connection, "SELECT max(id) FROM policy_edition")
    yield Finding(
        "Policy", f"edition {newest}" if newest else "no edition", "" if newest else "lingxiu policy load", not newest
    )


def _powers(connection: psycopg.Connection) -> Iterator[Finding]:
    """How many finds of the edition in force have no code of the list of powers: a notice prints none for them."""
    if not _one(connection, "SELECT to_regclass('policy_edition')::text"):
        return
    row = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE coalesce(v->'power'->>'code', '') = '') FROM policy_edition e,"
        " jsonb_array_elements(e.body::jsonb->'violations') v WHERE e.id = (SELECT max(id) FROM policy_edition)"
        " AND v->>'kind' = 'finding' AND jsonb_typeof(v->'power') = 'object'"
    ).fetchone()
    items, without = row or (0, 0)
    if without:
        mend = "bring in the county's own list: lingxiu policy powers --template FILE, fill it in, lingxiu policy powers FILE"
        yield Finding(
            "Powers", f"{without} of {items} items (权力事项) have no code: notices print none for them", mend
        )


def _journal(connection: psycopg.Connection) -> Iterator[Finding]:
    age = _one(
        connection,
        "SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)::float8 FROM pg_stat_activity"
        " WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND pid <> pg_backend_pid()",
    )
    seconds = float(str(age))
    old = seconds > LONGEST_HORIZON_SECONDS
    mend = (
        "a transaction is held open (see pg_stat_activity, any database of this server): live pages wait for it"
        if old
        else ""
    )
    yield Finding("Journal", f"oldest transaction {seconds:.0f} s", mend, old)


def _partitions(connection: psycopg.Connection) -> Iterator[Finding]:
    if not _one(connection, "SELECT to_regclass('reading_fume')::text"):
        return
    ahead = _one(
        connection,
        "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'reading_fume'::regclass"
        " AND (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \\(''([^'']+)'))[1]::timestamptz > now() + interval '7 days'",
    )
    short = not ahead
    yield Finding(
        "Partitions",
        f"{ahead} weeks ahead",
        "readings of next week have no place: is the worker running?" if short else "",
        short,
    )


def _writers(connection: psycopg.Connection) -> Iterator[Finding]:
    if not environment().nats_url or not _one(connection, "SELECT to_regclass('sensing_process')::text"):
        return
    age = _one(
        connection,
        "SELECT extract(epoch FROM clock_timestamp() - min(seen_at))::float8 FROM sensing_process WHERE kind = 'stream'",
    )
    behind = age is None or float(str(age)) > LONGEST_BEHIND_SECONDS
    yield Finding(
        "Writers",
        "have never stored anything" if age is None else f"all is stored up to {float(str(age)):.0f} s ago",
        "readings wait in the stream: is `lingxiu writer` running?" if behind else "",
        behind,
    )


def _stream() -> Iterator[Finding]:
    url = environment().nats_url
    if not url:
        return
    from lingxiu.sensing.stream import StreamTrouble, look

    try:
        seen = asyncio.run(look(url))
    except StreamTrouble as error:
        mend = "check NATS_URL and its servers; until then devices keep what they measure"
        yield Finding("Stream", f"does not answer ({type(error).__name__})", mend, True)
        return
    if not seen.copies:
        yield Finding("Stream", "none yet", "the first gateway or writer makes it: `lingxiu up`")
        return
    mend = "a server of the cluster is away: start it" if seen.present < seen.copies else ""
    if seen.copies < COPIES_OF_THE_STREAM:
        mend = "one copy is lost with its disk: three servers in a cluster keep three"
    yield Finding("Stream", f"{seen.present} of {seen.copies} copies, {seen.waiting} messages wait to be stored", mend)


def _calendar(connection: psycopg.Connection) -> Iterator[Finding]:
    from lingxiu.china.calendar import WorkingCalendar

    soon = _one(connection, "SELECT (now() + interval '30 days')::date")
    calendar = WorkingCalendar(zone=environment().zone)
    provisional = calendar.is_working_day(soon).provisional  # type: ignore[arg-type]  # a date, by the cast
    if provisional:
        yield Finding(
            "Calendar",
            f"the year of {soon} is not known yet",
            "deadlines in it are provisional: enter the official notice in policy/calendar.yaml and `lingxiu policy load`",
        )


def _processes() -> Iterator[Finding]:
    settings = environment()
    looks: list[tuple[str, Callable[[], bool], str]] = [
        ("Web", answers_http(settings.bind, settings.port, "/healthz"), f"port {settings.port}"),
        ("Gateway", port_open(settings.bind, settings.hj212_port), f"port {settings.hj212_port}"),
    ]
    for subject, answers, where in looks:
        well = answers()
        yield Finding(
            subject,
            f"answers on {where}" if well else f"does not answer on {where}",
            "" if well else "lingxiu up",
            not well,
        )
