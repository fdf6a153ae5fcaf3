"""The server's settings, written at every start for the machine it finds itself on. Never a county's own: those are local.conf."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from lingxiu.database.lock import number_in

MIB: Final = 1024 * 1024


def write_settings(base: Path, socket_dir: Path, cluster_name: str, *, durable: bool) -> None:
    """Beside the data directory, not in it: root does not write where another user could have laid a link."""
    (base / "pg_hba.conf").write_text("local all all scram-sha-256\n")
    lines = [
        f"{name} = {_setting(value)}" for name, value in _settings(base, socket_dir, cluster_name, durable).items()
    ]
    lines.append(f"include_if_exists = {literal(str(base / 'local.conf'))}")
    (base / "postgresql.conf").write_text(
        "# Written at every start; local.conf beside it wins.\n" + "\n".join(lines) + "\n"
    )
    for name in ("pg_hba.conf", "postgresql.conf"):
        (base / name).chmod(0o644)


def _setting(value: str | float | bool) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else literal(str(value))


def _settings(base: Path, socket_dir: Path, cluster_name: str, durable: bool) -> dict[str, str | float | bool]:
    memory_mb = _memory_bytes() // MIB
    settings: dict[str, str | float | bool] = {
        "hba_file": str(base / "pg_hba.conf"),
        "cluster_name": cluster_name,
        # reached by the socket alone
        "listen_addresses": "",
        "unix_socket_directories": str(socket_dir),
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
        "log_directory": str(base / "log"),
        "log_filename": "postgresql-%a.log",
        "log_rotation_age": "1d",
        "log_rotation_size": 0,
        "log_truncate_on_rotation": True,
        "log_line_prefix": "%m [%p] %a ",
        "log_lock_waits": True,
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
    }
    return settings if durable else settings | _NOT_DURABLE


_NOT_DURABLE: Final[dict[str, str | float | bool]] = {
    "fsync": False,
    "synchronous_commit": False,
    "full_page_writes": False,
    # Its transactions would hold back the journal's readers now and then, and a test would fail one night in ten.
    "autovacuum": False,
    "shared_buffers": "128MB",
}


def _between(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))


def _memory_bytes() -> int:
    """What this machine has, or the container we are in may use."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(machine, number_in(Path("/sys/fs/cgroup/memory.max")) or machine)


def _shared_memory_type() -> str:
    """For parallel queries: POSIX, unless /dev/shm is as small as a container's usual 64 MB; then files."""
    with suppress(OSError):
        room = os.statvfs("/dev/shm")  # noqa: S108 (looked at, not written)
        if room.f_blocks * room.f_frsize >= 512 * MIB:
            return "posix"
    return "mmap"


def literal(text: str) -> str:
    """Quoted, for SQL and for settings alike."""
    return "'" + text.replace("'", "''") + "'"
