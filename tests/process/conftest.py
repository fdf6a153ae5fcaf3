"""A home that the database's user can reach: pytest's own temporary directories are closed to all but their owner."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory that anybody may enter, and nobody else may write."""
    path = Path(tempfile.mkdtemp(prefix="lingxiu-process-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def home(open_path: Path) -> Path:
    return open_path / "home"
