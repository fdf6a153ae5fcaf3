"""Who may run on a LINGXIU_HOME: one process at a time. Never looks at what lies in it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lingxiu.database.errors import HomeInUse, HomeUnusable


@dataclass(frozen=True)
class Held:
    """A home that nobody else runs on; made by `hold` alone."""

    home: Path


@contextmanager
def hold(home: Path) -> Iterator[Held]:
    """Makes the home if need be and holds it until the block ends; raises HomeInUse naming who has it.

    The kernel drops the lock with its process, however that ended: a lock is never stale.
    """
    make_home(home)
    with (home / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeInUse(home, number_in(home / "lock")) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield Held(home)


def make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        (home / "lock").touch(mode=0o600)
    except OSError as error:
        raise HomeUnusable(home, error.strerror or str(error)) from error


def number_in(path: Path) -> int | None:
    """The number in the first line of a file, if there is one."""
    with suppress(OSError, ValueError, IndexError):
        return int(path.read_text().splitlines()[0])
    return None
