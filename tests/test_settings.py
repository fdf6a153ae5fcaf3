"""docs/settings.md says of every setting what it is, and nothing is read from the environment that it does not name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError
from tools.settings import PAGE, page

from lingxiu.config.environment import Environment

SOURCE = Path(__file__).resolve().parents[1] / "src"
READ = re.compile(r"environ(?:\.get\(|\.pop\(|\.setdefault\(|\[)\s*[\"']([A-Z0-9_]+)[\"']")
OTHERS = {"DJANGO_SETTINGS_MODULE"}  # Django's own


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python tools/settings.py"


def test_every_setting_is_described() -> None:
    for name, field in Environment.model_fields.items():
        assert field.alias, name
        assert field.description, name


def test_nothing_is_read_from_the_environment_that_the_page_does_not_name() -> None:
    read = {name for path in SOURCE.rglob("*.py") for name in READ.findall(path.read_text(encoding="utf-8"))}
    named = set(re.findall(r"^\| `([A-Z0-9_]+)`", page(), re.MULTILINE))
    assert read - named - OTHERS == set()
    assert "LINGXIU_HOME" in read


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "0"), ("PORT", "http"), ("LINGXIU_IDLE_MINUTES", "1"), ("LINGXIU_TIME_ZONE", "Mars/Phobos")],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises((ValidationError, KeyError), match=name if name != "LINGXIU_TIME_ZONE" else "Mars/Phobos"):
        Environment()
