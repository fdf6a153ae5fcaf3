"""The package stands alone: it imports nothing but the standard library, its wheel holds nothing else, its README is true."""

import doctest
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

import hj212
from tests.hj212.wire import packet

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGING = REPOSITORY / "packaging" / "hj212"
README = REPOSITORY / "src" / "hj212" / "README.md"

USE_IT = f"""
import sys, tracemalloc
sys.path.insert(0, sys.argv[1])
tracemalloc.start()
import hj212
assert tracemalloc.get_traced_memory()[1] < 20_000_000, "its tables are too big"
assert hj212.Decoder().feed({packet()!r})[0].crc_ok
strangers = {{name.partition(".")[0] for name in sys.modules}} - sys.stdlib_module_names - {{"hj212", "__main__"}}
assert not strangers, strangers
"""


def use_from(place: Path) -> None:
    """Decodes a frame in a fresh interpreter that sees only the standard library and `place`."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", USE_IT, str(place)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_it_imports_nothing_but_the_standard_library() -> None:
    use_from(REPOSITORY / "src")


def setuptools_can_build() -> bool:
    try:
        return int(version("setuptools").partition(".")[0]) >= 77
    except PackageNotFoundError:
        return False


@pytest.mark.skipif(not setuptools_can_build(), reason="no setuptools 77 or newer here to build with")
def test_its_wheel_holds_nothing_else_and_works(tmp_path: Path) -> None:
    tree = tmp_path / "hj212"
    shutil.copytree(
        PACKAGING, tree, ignore=shutil.ignore_patterns("__pycache__")
    )  # the links become what they point to
    build = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    environment = {**os.environ, "SETUPTOOLS_USE_DISTUTILS": "local"}
    subprocess.run([sys.executable, "-c", build], cwd=tree, check=True, capture_output=True, env=environment)
    (wheel,) = (tree / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"hj212", f"hj212-{hj212.__version__}.dist-info"}
    modules = {path.name for path in (REPOSITORY / "src" / "hj212").iterdir() if path.suffix == ".py"}
    assert {name.partition("/")[2] for name in names if name.startswith("hj212/")} == {*modules, "py.typed"}
    use_from(wheel)


def test_its_version_is_the_one_it_is_packaged_as() -> None:
    project = tomllib.loads((PACKAGING / "pyproject.toml").read_text())["project"]
    assert project["version"] == hj212.__version__
    assert project["dependencies"] == []


def test_its_readme_is_true() -> None:
    text = re.sub(r"^```.*$", "", README.read_text(), flags=re.MULTILINE)
    example = doctest.DocTestParser().get_doctest(text, {}, README.name, str(README), 0)
    assert len(example.examples) > 10
    assert doctest.DocTestRunner().run(example).failed == 0
    assert f"of which there are {len(hj212.Deviation)}" in " ".join(text.split())


def test_everything_public_is_named_and_there() -> None:
    assert len(set(hj212.__all__)) == len(hj212.__all__)
    assert all(hasattr(hj212, name) for name in hj212.__all__)
