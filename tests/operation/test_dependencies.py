"""What the program imports is in the lock of what it runs on: a machine without the tools of development must start it."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
OURS = {"lingxiu", "hj212"}


def imported() -> dict[str, Path]:
    """Each package of others that a file of ours imports, with one such file."""
    found: dict[str, Path] = {}
    for path in sorted((REPOSITORY / "src").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            else:
                continue
            for name in names:
                found.setdefault(name.partition(".")[0], path)
    return {name: path for name, path in found.items() if name not in OURS | sys.stdlib_module_names}


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_whatever_is_imported_is_installed_with_the_program() -> None:
    lock = (REPOSITORY / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    locked = {plain(name) for name in re.findall(r"^([A-Za-z0-9_.-]+)==", lock, re.MULTILINE)}
    distributions = packages_distributions()
    missing = {
        name: str(path.relative_to(REPOSITORY))
        for name, path in imported().items()
        if not {plain(one) for one in distributions.get(name, [name])} & locked
    }
    assert missing == {}
