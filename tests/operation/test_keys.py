"""A home that lost its secrets is told so before it makes new ones, which would lock the old personal data for good."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from lingxiu.home import home
from lingxiu.keys import COLUMNS, SecretsLost, require_secrets
from lingxiu.privacy import cipher
from lingxiu.privacy.fields import EncryptedField
from tests.cast import Cast


def look() -> None:
    def fetch(sql: str) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    require_secrets(fetch)


@pytest.fixture
def copied_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with the same secrets, to lose some of."""
    cipher.encrypt("x")
    cipher.blind_index("x")
    shutil.copytree(home() / "secrets", tmp_path / "secrets")
    monkeypatch.setenv("LINGXIU_HOME", str(tmp_path))
    _forget()
    yield tmp_path
    _forget()


def _forget() -> None:
    for remembered in (cipher._key, cipher._current_key_id, cipher._index_key):
        remembered.cache_clear()


def test_with_its_secrets_all_is_well(cast: Cast, copied_home: Path) -> None:
    look()


@pytest.mark.parametrize("name", ["personal_k1", "blind_index"])
def test_a_lost_key_is_named_with_the_mend_and_not_made_anew(cast: Cast, copied_home: Path, name: str) -> None:
    (copied_home / "secrets" / name).unlink()
    with pytest.raises(SecretsLost, match=f"secrets/{name} is missing.*backup"):
        look()
    assert not (copied_home / "secrets" / name).exists()


@pytest.mark.parametrize("name", ["personal_k1", "blind_index"])
def test_another_key_in_its_place_is_noticed(cast: Cast, copied_home: Path, name: str) -> None:
    (copied_home / "secrets" / name).write_text(cipher._new_key())
    with pytest.raises(SecretsLost, match=f"secrets/{name} is another key"):
        look()


def test_where_nothing_is_encrypted_yet_nothing_is_needed(db: None, copied_home: Path) -> None:
    shutil.rmtree(copied_home / "secrets")
    look()


def test_every_encrypted_column_is_looked_at() -> None:
    fields = {
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, EncryptedField)
    }
    assert fields - {("accounts_demomessage", "phone")} == set(COLUMNS)
