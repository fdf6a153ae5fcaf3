"""docs/settings.md, from `config/environment.py`: what an operator may set, each in one line.

python tools/settings.py           write it
"""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic.fields import FieldInfo

from lingxiu.config.environment import Environment

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"
HEAD = """# Settings

Environment variables, or lines `NAME=value` in `LINGXIU_HOME/lingxiu.env`; the environment wins.
Nothing else configures an installation: what differs between counties is policy (`lingxiu policy`), not settings.

Written by `python tools/settings.py` from `src/lingxiu/config/environment.py`; a test holds the two together.

| name | default | what |
|---|---|---|
"""
# Read before the settings can be: where they lie, and how their reading is told.
FIRST = """
## Before the settings

| name | default | what |
|---|---|---|
| `LINGXIU_HOME` | `/var/lib/lingxiu` for root, else `$XDG_DATA_HOME/lingxiu` | Where data, photos, secrets and `lingxiu.env` lie. |
| `XDG_DATA_HOME` | `~/.local/share` | Where people's programs keep data; an absolute path. |
| `LINGXIU_LOG` | `text` | `json`: one JSON object a line. |
| `LANG` | – | `zh…`: the command line speaks Chinese; else English. |
| `LINGXIU_LOG_LEVEL` | `INFO` | `DEBUG`, `INFO`, `WARNING` or `ERROR`. |
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_line(field) for field in Environment.model_fields.values()) + FIRST


def _line(field: FieldInfo) -> str:
    return f"| `{field.alias}` | {_default(field.default)} | {_bounded(field)} |\n"


def _default(value: object) -> str:
    if value is None or value == "":
        return "–"
    return f"`{int(value) if isinstance(value, bool) else value}`"


def _bounded(field: FieldInfo) -> str:
    """What it is, and between which bounds a number must lie."""
    lowest = next((rule.ge for rule in field.metadata if hasattr(rule, "ge")), None)
    highest = next((rule.le for rule in field.metadata if hasattr(rule, "le")), None)
    bounds = f" {lowest} to {highest}." if highest is not None else f" At least {lowest}." if lowest is not None else ""
    return f"{field.description}{bounds}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
