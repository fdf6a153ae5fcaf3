"""The rules of the list are plain functions: they import without Django, a database or a clock."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["lifecycle", "relations", "routing", "deadlines"])
def test_a_rule_imports_without_django(module: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", f"import sys, lingxiu.issues.{module}; print('django' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "False"
