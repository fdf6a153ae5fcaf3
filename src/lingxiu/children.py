"""How a process of ours begins and ends: in its own session, as whom, and with its parent.

Never decides what runs or whether it runs again; that is supervisor.py.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>

# Loaded here, before any fork: between fork and exec nothing may allocate or lock more than it must.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class CannotStart(Exception):
    """Lingxiu cannot start as things are; the message is one line and names the mend."""


@dataclass(frozen=True)
class Account:
    """A user of this machine that a child is to run as."""

    name: str
    uid: int
    gid: int

    @classmethod
    def named(cls, name: str) -> Account:
        entry = pwd.getpwnam(name)
        return cls(name, entry.pw_uid, entry.pw_gid)

    @classmethod
    def of(cls, uid: int) -> Account:
        return cls.named(pwd.getpwuid(uid).pw_name)


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
    stdout: int | IO[bytes] | None = None,
    stderr: int | IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a child in a session of its own; on Linux it gets `death_signal` when this thread dies.

    As `account` (for root only) it has that user's group and no other, and files closed to others.
    """
    parent = os.getpid()

    def tie_to_parent() -> None:
        """Runs in the child after its user is changed: changing it later would untie it again (prctl(2))."""
        if _LIBC is not None:
            _LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return subprocess.Popen(  # noqa: S603 (argument lists of ours, no shell)
        argv,
        env=env,
        cwd=cwd,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        umask=0o077 if account else -1,
        start_new_session=True,
        preexec_fn=tie_to_parent,  # noqa: PLW1509 (one system call, nothing that could block on a lock)
    )


def has_exited(child: subprocess.Popen[bytes]) -> bool:
    """Whether the child has ended; then whatever it left in its process group is killed and the child reaped.

    The dead leader is looked at before it is reaped, so that its number cannot be anyone else's yet.
    """
    if child.returncode is not None:
        return True
    if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        return False
    kill_group(child)
    child.wait()
    return True


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """SIGKILL to every process of the child's group; the child must not be reaped yet."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
