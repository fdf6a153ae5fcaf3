"""One prepared database: made, mended, and told how it is started and reached. Never starts it."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg

from lingxiu.children import Account
from lingxiu.database.errors import DatabaseFailed, DataUnusable, HomeUnusable
from lingxiu.database.lock import Held, number_in
from lingxiu.database.password import store_password, stored_password, sync_directory
from lingxiu.database.places import account_for, digest, give, make_directories, reachable_base, socket_directory
from lingxiu.database.programs import ENVIRONMENT, last_line, run, runnable_programs
from lingxiu.database.settings import literal, write_settings

ROLE: Final = "lingxiu"
DATABASE: Final = "lingxiu"


@dataclass(frozen=True)
class Cluster:
    """A prepared database: what the supervisor needs to start it, and everybody else to reach it."""

    base: Path
    programs: Path
    account: Account | None
    """Whom the server runs as, when that is not ourselves."""
    socket_dir: Path
    url: str = field(repr=False)
    """As libpq takes it, password included: postgresql://lingxiu:…@/lingxiu?host=…"""

    stop_signal = signal.SIGINT
    """PostgreSQL's fast shutdown: ends sessions, writes a checkpoint."""
    hurry_signal = signal.SIGQUIT
    """Its immediate shutdown: recovers at the next start."""
    environment = ENVIRONMENT

    @property
    def data(self) -> Path:
        return self.base / "data"

    @property
    def name(self) -> str:
        """Stands in the title of every process of this server, and in no other's."""
        return f"lingxiu-{digest(self.data)}"

    @property
    def argv(self) -> list[str]:
        return [str(self.programs / "postgres"), "-D", str(self.data), "-c", f"config_file={self.base}/postgresql.conf"]

    def is_ready(self) -> bool:
        """Whether it answers a query; takes two seconds at most."""
        try:
            with psycopg.connect(self.url, connect_timeout=2) as connection:
                connection.execute("select 1")
        except psycopg.OperationalError:
            return False
        return True

    def clear_away(self, timeout_s: float = 30.0) -> None:
        """Ends what an earlier run left alive on this data, then removes its pid file. To be called before every start.

        A killed postmaster leaves back ends that hold its shared memory until they notice; a new one refuses to start
        beside them. A pid file outlives its server, and its number may by now be somebody else's.
        """
        pids = _processes_of(self)
        _signal(pids, signal.SIGINT if _postmaster_of(self) in pids else signal.SIGQUIT)
        deadline = time.monotonic() + timeout_s
        while pids := _processes_of(self):
            if time.monotonic() > deadline:
                raise DataUnusable(self.data, f"process {pids[0]} still runs on it")
            if time.monotonic() > deadline - timeout_s / 3:
                _signal(pids, signal.SIGKILL)
            time.sleep(0.02)
        if Path("/proc/self").exists():  # Elsewhere nothing was looked at, and PostgreSQL decides by itself.
            (self.data / "postmaster.pid").unlink(missing_ok=True)


def prepare(held: Held, *, durable: bool = True) -> Cluster:
    """Makes whatever is missing, mends what can be mended, and returns how to start the server.

    Whatever still runs on this data is ended: hence only for a home that is held.
    With `durable=False` it does not survive a loss of power: for tests and benchmarks of something else.
    """
    try:
        return _prepare(held.home, durable)
    except OSError as error:
        raise HomeUnusable(held.home, error.strerror or str(error)) from error


def _prepare(home: Path, durable: bool) -> Cluster:
    account = account_for(home)
    base = reachable_base(home, account)
    programs = runnable_programs(base, account)
    password = stored_password(home) or secrets.token_urlsafe(32)
    cluster = _cluster(base, programs, account, password)
    make_directories(base, cluster.socket_dir, account)
    write_settings(base, cluster.socket_dir, cluster.name, durable=durable)
    cluster.clear_away()
    if _is_initialised(cluster):
        _require_same_major(cluster)
        if stored_password(home) is None:
            _run_single_user(cluster, cluster.data, [f"alter role {ROLE} password {literal(password)}"])
            store_password(home, password)
    else:
        store_password(home, password)
        _initialise(cluster, password, durable)
    return cluster


def url_of(home: Path) -> str | None:
    """How to reach the database of a home that somebody else runs; None if none was ever made there."""
    base, password = (home / "database").resolve(), stored_password(home)
    return _url(socket_directory(base), password) if password and (base / "data" / "PG_VERSION").exists() else None


def _cluster(base: Path, programs: Path, account: Account | None, password: str) -> Cluster:
    socket_dir = socket_directory(base)
    return Cluster(base, programs, account, socket_dir, _url(socket_dir, password))


def _url(socket_dir: Path, password: str) -> str:
    return f"postgresql://{ROLE}:{quote(password, safe='')}@/{DATABASE}?host={quote(str(socket_dir), safe='')}"


def _is_initialised(cluster: Cluster) -> bool:
    data = cluster.data
    if (data / "PG_VERSION").exists():
        return True
    if data.exists() and any(data.iterdir()):
        raise DataUnusable(data, "it is neither empty nor a whole PostgreSQL data directory")
    return False


def _require_same_major(cluster: Cluster) -> None:
    made_by = number_in(cluster.data / "PG_VERSION")
    version = run([str(cluster.programs / "postgres"), "--version"], cluster.account).stdout.split()[-1]
    if made_by != int(version.partition(".")[0]):
        raise DataUnusable(
            cluster.data, f"PostgreSQL {made_by} made it and this is {version}; restore a backup instead"
        )


def _initialise(cluster: Cluster, password: str, durable: bool) -> None:
    """Makes the data directory beside its place and moves it there once it is whole: half of one is never opened."""
    for unfinished in cluster.base.glob("data-draft-*"):
        shutil.rmtree(unfinished)
    draft = Path(tempfile.mkdtemp(prefix="data-draft-", dir=cluster.base))
    give(draft, cluster.account)
    done = run([str(cluster.programs / "initdb"), "-D", str(draft), *_INITDB_OPTIONS, *_sync(durable)], cluster.account)
    if done.returncode:
        raise DatabaseFailed("making its data directory", last_line(done.stderr))
    _run_single_user(
        cluster,
        draft,
        [
            # Not a superuser: what it may not do here it could not do on a county's own server either.
            f"create role {ROLE} login createdb password {literal(password)}",
            f"grant pg_monitor to {ROLE}",
            f"create database {DATABASE} owner {ROLE}",
        ],
    )
    draft.rename(cluster.data)
    sync_directory(cluster.base)


# The superuser has no password, so that with scram nobody is let in as him; `_run_single_user` needs none.
# The collation is PostgreSQL's own, by code point: a new libc never invalidates an index. The ctype is libc's besides,
# because pg_trgm asks libc what is a letter, and under ctype C no Chinese character is one.
_INITDB_OPTIONS: Final = (
    "--username=postgres",
    "--auth=reject",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--lc-ctype=C.UTF-8",
    "--text-search-config=simple",
    "--no-instructions",
)


def _sync(durable: bool) -> list[str]:
    return [] if durable else ["--no-sync"]


def _run_single_user(cluster: Cluster, data: Path, statements: list[str]) -> None:
    """Runs SQL without a server, a statement a line, as superuser; no word of a failed one (a password) is logged."""
    argv = [str(cluster.programs / "postgres"), "--single", "-D", str(data)]
    argv += ["-c", "exit_on_error=on", "-c", "log_min_error_statement=panic", "postgres"]
    done = run(argv, cluster.account, "\n".join(statements) + "\n")
    if done.returncode:
        raise DatabaseFailed("setting up its role", last_line(done.stderr))


def _processes_of(cluster: Cluster) -> list[int]:
    """Live processes of a server on this data, the postmaster first. Linux only: elsewhere none is found.

    By their command lines, which anyone may read; /proc/N/cwd is closed even to root in many a container.
    """
    owner = cluster.account.uid if cluster.account else os.geteuid()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if process.stat().st_uid == owner and _is_of(cluster, (process / "cmdline").read_bytes()):
                found.append(int(process.name))
    return sorted(found)


def _is_of(cluster: Cluster, command_line: bytes) -> bool:
    """The postmaster keeps its arguments; a back end's title is `postgres: <cluster_name>: …`."""
    arguments = [os.fsdecode(argument) for argument in command_line.split(b"\0")]
    if arguments[0].startswith(f"postgres: {cluster.name}: "):
        return True
    return Path(arguments[0]).name == "postgres" and str(cluster.data) in arguments


def _postmaster_of(cluster: Cluster) -> int | None:
    return number_in(cluster.data / "postmaster.pid")


def _signal(pids: list[int], what: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, what)
