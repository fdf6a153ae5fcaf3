"""Whether a process of some number lives. A zombie does not: nobody has asked yet how it ended, that is all."""

from __future__ import annotations

from pathlib import Path


def lives(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"
