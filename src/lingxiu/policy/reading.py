"""Read a folder of YAML into `Catalogues`. `devices/` holds one profile a file; every other catalogue is one file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lingxiu.policy.schema import Catalogues

SHIPPED = Path(__file__).resolve().parent / "catalogues"


class PolicyRefused(Exception):
    """A folder that cannot be an edition. `mistakes`: one line each, naming file, field, value and mend."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


def read_folder(folder: Path) -> tuple[Catalogues, dict[str, Any]]:
    """The catalogues of a folder, and the plain body an edition keeps. A file a county does not give is the shipped one's.

    Raises: PolicyRefused.
    """
    body = {name: _read_one(folder, name) for name in Catalogues.model_fields if name != "devices"}
    body["devices"] = _read_profiles(folder)
    try:
        catalogues = Catalogues.model_validate(body)
    except ValidationError as error:
        raise PolicyRefused([_mistake(line) for line in error.errors()]) from error
    return catalogues, catalogues.model_dump(mode="json")


def digest(body: dict[str, Any]) -> str:
    """What makes two editions the same."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _read_one(folder: Path, name: str) -> Any:
    path = folder / f"{name}.yaml"
    return _parse(path if path.exists() else SHIPPED / f"{name}.yaml")


def _read_profiles(folder: Path) -> list[Any]:
    own = folder / "devices"
    return [_parse(path) for path in sorted((own if own.is_dir() else SHIPPED / "devices").glob("*.yaml"))]


def _parse(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise PolicyRefused([f"{path.name}: missing"]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyRefused([f"{path.name}: {error}"]) from error


def _mistake(line: Any) -> str:
    where = " → ".join(str(step) for step in line["loc"])
    found = repr(line.get("input"))
    return f"{where or 'catalogues'}: {line['msg']} (found {found[:80]})"
