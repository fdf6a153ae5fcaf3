"""`lingxiu bench`: one of benchmarks/."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lingxiu.cli.common import Failed

REPOSITORY = Path(__file__).resolve().parents[3]


def _benchmarks() -> dict[str, Path]:
    return {
        path.stem: path for path in sorted((REPOSITORY / "benchmarks").glob("*.py")) if not path.stem.startswith("_")
    }


@click.command()
@click.argument("name", required=False)
@click.option("--quick", is_flag=True, help="Under a minute, and still meaning something.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Also write the figures here."
)
@click.option("--list", "listed", is_flag=True, help="Only name the benchmarks.")
def bench(name: str | None, quick: bool, json_file: Path | None, listed: bool) -> None:
    """Run one of benchmarks/: a table to read, and one JSON object as the last line."""
    known = _benchmarks()
    if listed:
        click.echo("\n".join(known))
        return
    if name not in known:
        raise click.UsageError(
            f"there is no benchmark {name!r}; there are: {', '.join(known) or 'none in this installation'}"
        )
    figures = _load(known[name])(quick)
    if json_file:
        json_file.write_text(json.dumps(figures, ensure_ascii=False) + "\n")
    click.echo(json.dumps(figures, ensure_ascii=False))


def _load(path: Path) -> Callable[[bool], dict[str, Any]]:
    """The `run` of a benchmark script."""
    import importlib.util

    sys.path.insert(0, str(REPOSITORY))
    spec = importlib.util.spec_from_file_location(f"benchmarks.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise Failed(f"{path} cannot be read")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    run: Callable[[bool], dict[str, Any]] = module.run
    return run
