"""Where the server's files and socket lie, as whom it runs, and that this user reaches them. Opens nothing else."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from lingxiu.children import Account
from lingxiu.database.errors import HomeUnusable, SocketDirectoryTaken
from lingxiu.database.programs import run

# Who runs the server when root starts it: the first of these that the machine knows.
ACCOUNTS: Final = ("lingxiu", "nobody")
# sockaddr_un holds 108 bytes on Linux and 104 on BSD; some room is left for the lock file's suffix.
SOCKET_PATH_BYTES: Final = 100
SOCKET_NAME: Final = ".s.PGSQL.5432"


def account_for(home: Path) -> Account | None:
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


def reachable_base(home: Path, account: Account | None) -> Path:
    """LINGXIU_HOME/database, or where its link leads: outside, if the home lies in a closed directory."""
    link = home / "database"
    if account is None:
        link.mkdir(mode=0o700, exist_ok=True)
        return link.resolve()
    home.chmod(home.stat().st_mode | stat.S_IXOTH)
    if not link.exists():
        link.unlink(missing_ok=True)  # A link to nothing: what it led to was removed.
        if can_enter(account, home):
            link.mkdir()
        else:
            link.symlink_to(_base_outside(home, account))
    base = link.resolve()
    base.chmod(0o711)
    if not can_enter(account, base):
        raise HomeUnusable(home, f"user {account.name} cannot reach {base}")
    return base


def _base_outside(home: Path, account: Account) -> Path:
    parent = Path("/var/lib")
    if not can_enter(account, parent):
        raise HomeUnusable(home, f"user {account.name} can reach neither it nor {parent}")
    return Path(tempfile.mkdtemp(prefix=f"lingxiu-{digest(home)}-", dir=parent))


def can_enter(account: Account, directory: Path) -> bool:
    """Tried, not computed from modes: access lists and network file systems have their own say."""
    return run(["/bin/sh", "-c", 'cd -- "$0"', str(directory)], account).returncode == 0


def make_directories(base: Path, socket_dir: Path, account: Account | None) -> None:
    """Those that belong to the server; the data directory is made elsewhere, whole."""
    give(base / "log", account)
    try:
        give(socket_dir, account)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise SocketDirectoryTaken(socket_dir) from error


def give(directory: Path, account: Account | None) -> None:
    """Makes the directory, or takes it if it is ours or the account's already, and closes it to all but the account.

    In /tmp anybody may have been first, and may change what the name means while we look: so it is looked at once.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if os.fstat(handle).st_uid not in (os.geteuid(), account.uid if account else os.geteuid()):
            raise PermissionError(f"{directory} belongs to somebody else")
        os.fchmod(handle, 0o700)
        if account:
            os.fchown(handle, account.uid, account.gid)
    finally:
        os.close(handle)


def socket_directory(base: Path) -> Path:
    beside = base / "run"
    # A comma: libpq takes a host with one for two hosts, and knows no escape.
    if len(os.fsencode(beside / SOCKET_NAME)) <= SOCKET_PATH_BYTES and "," not in str(beside):
        return beside
    return Path("/tmp") / f"lingxiu-{digest(base)}"  # noqa: S108 (short on every machine; its owner is checked)


def digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
