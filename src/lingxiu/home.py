"""Where this installation keeps what is its own: LINGXIU_HOME, and the secrets below it. Never what lies in the other folders."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def home() -> Path:
    """LINGXIU_HOME; without it /var/lib/lingxiu for root, else lingxiu under XDG_DATA_HOME. Absolute; not made here."""
    if named := os.environ.get("LINGXIU_HOME"):
        return Path(named).expanduser().absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/lingxiu")
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    # The XDG base directory specification has relative paths ignored.
    return (data if data.is_absolute() else Path.home() / ".local/share") / "lingxiu"


def _random() -> str:
    return secrets.token_urlsafe(48)


def secret(name: str, make: Callable[[], str] = _random) -> str:
    """The secret of this name, mode 0600 in `secrets/`; made at first use. Of two processes that make it, one wins."""
    path = home() / "secrets" / name
    if not path.exists():
        home().mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _write_once(path, make())
    return path.read_text().strip()


def _write_once(path: Path, text: str) -> None:
    """Whole or not at all: written beside, then linked under its name unless another process was first."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        draft.unlink()
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
