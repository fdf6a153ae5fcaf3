"""Read a folder of YAML into `Catalogues`. `devices/` holds one profile a file, `json/` one mapping; every other catalogue is
one file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from lingxiu.policy.powers import merged
from lingxiu.policy.schema.catalogues import Catalogues

SHIPPED = Path(__file__).resolve().parent / "catalogues"
FOLDERS = {"devices": "devices", "json_mappings": "json"}
"""Catalogues that are a folder: one row a file."""


class PolicyRefused(Exception):
    """A folder that cannot be an edition. `mistakes`: one line each, naming file, field, value and mend."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("; ".join(mistakes))
        self.mistakes = mistakes


class StrictLoader(yaml.CSafeLoader):
    """YAML as it should be: a key given twice is a mistake, not the later one's victory. In C: six times as fast."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", node.start_mark)
        return super().construct_mapping(node, deep)


# What to do, where the checker's own words only say what is wrong.
_MENDS = {
    "extra_forbidden": "there is no such field: compare with the shipped catalogue",
    "missing": "is missing: add it",
}


def read_folder(folder: Path) -> tuple[Catalogues, dict[str, Any]]:
    """The catalogues of a folder, and the plain body an edition keeps. A file a county does not give is the shipped one's.

    Raises: PolicyRefused.
    """
    _refuse_unknown_files(folder)
    body = {name: _read_one(folder, name) for name in _files()}
    body |= {name: [_parse(path) for path in _rows(folder, name)] for name in FOLDERS}
    body["violations"] = merged(body["violations"], body["powers"])
    try:
        catalogues = Catalogues.model_validate(body)
    except ValidationError as error:
        raise PolicyRefused([_mistake(line, folder, body) for line in error.errors()]) from error
    return catalogues, catalogues.model_dump(mode="json")


def digest(body: dict[str, Any]) -> str:
    """What makes two editions the same."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _files() -> list[str]:
    return [name for name in Catalogues.model_fields if name not in FOLDERS]


def _refuse_unknown_files(folder: Path) -> None:
    """A misspelt file would otherwise be passed over, and the shipped rules be in force unnoticed."""
    known = _files()
    unknown = sorted(path.name for path in folder.glob("*.y*ml") if path.name not in {f"{name}.yaml" for name in known})
    if unknown:
        raise PolicyRefused(
            [f"{name}: no catalogue of that name; known: {', '.join(known)} (.yaml)" for name in unknown]
        )


def _read_one(folder: Path, name: str) -> Any:
    path = folder / f"{name}.yaml"
    return _parse(path if path.exists() else SHIPPED / f"{name}.yaml")


def _rows(folder: Path, name: str) -> list[Path]:
    own = folder / FOLDERS[name]
    return sorted((own if own.is_dir() else SHIPPED / FOLDERS[name]).glob("*.yaml"))


def _parse(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), StrictLoader)  # noqa: S506 (a SafeLoader, stricter)
    except FileNotFoundError as error:
        raise PolicyRefused([f"{path.name}: missing"]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyRefused([f"{path.name}: {error}"]) from error


def _mistake(line: Any, folder: Path, body: dict[str, Any]) -> str:
    """`violations.yaml, L-FUME, severity: Input should be 1, 2 or 3 (found 9)`."""
    catalogue, *steps = line["loc"] or ["catalogues"]
    place, names = body.get(catalogue), []
    for step in steps:
        place = _inside(place, step)
        names.append(
            str(place["id"]) if isinstance(step, int) and isinstance(place, dict) and "id" in place else str(step)
        )
    file = f"{catalogue}.yaml" if catalogue in _files() else catalogue
    if catalogue in FOLDERS and steps:
        file = f"{FOLDERS[catalogue]}/{_rows(folder, catalogue)[int(steps[0])].name}"
    mend = _MENDS.get(line["type"]) or line["msg"].removeprefix("Value error, ")
    found = "" if line["type"] in ("missing", "value_error") else f" (found {repr(line.get('input'))[:80]})"
    return f"{', '.join([file, *names])}: {mend}{found}"


def _inside(place: Any, step: int | str) -> Any:
    """What lies one step further in, or None."""
    try:
        return place[step]
    except (KeyError, IndexError, TypeError):
        return None
