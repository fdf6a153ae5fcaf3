"""The password of the role `lingxiu`: LINGXIU_HOME/secrets/database, mode 0600."""

from __future__ import annotations

import os
from pathlib import Path


def stored_password(home: Path) -> str | None:
    path = home / "secrets" / "database"
    try:
        password = path.read_text().strip()
    except FileNotFoundError:
        return None
    path.chmod(0o600)
    return password or None


def store_password(home: Path, password: str) -> None:
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
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """So that a name given in it survives a loss of power."""
    handle = os.open(directory, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
