"""Whether the secrets of this home are those the personal data in the database were written with. Makes none, changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lingxiu.home import home
from lingxiu.privacy.cipher import Undecipherable, blind_index, decrypt

INDEX_KEY = "blind_index"
# Every column of ours that lies encrypted; a test holds it against the models. The demo's messages are made up.
COLUMNS = (
    ("accounts_user", "phone"),
    ("merchants_merchant", "phone"),
    ("merchants_merchant", "legal_person"),
    ("issues_report", "reporter_phone"),
    ("issues_report", "reporter_name"),
    ("notices_reach", "address"),
    ("sensing_device", "secret"),
    ("sensing_device", "former_secret"),
    ("sensing_maintainer", "phone"),
)

Fetch = Callable[[str], list[tuple[Any, ...]]]


class SecretsLost(Exception):
    """The database holds personal data that these secrets do not open. The message says what is wrong and names the mend."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: {MEND.format(home=home())}")
        self.what = what


MEND = (
    "the database holds personal data written with another. Put the folder `secrets` of its backup back to"
    " {home}/secrets; if it is gone for good, so are those data"
)


def require_secrets(fetch: Fetch) -> None:
    """To be called before anything is encrypted: a key that is missing would be made anew, and the old data be lost in silence.

    Args:
        fetch: runs a query against the installation's database.
    Raises: SecretsLost.
    """
    for table, column in COLUMNS:
        for (stored,) in _first_and_last(fetch, table, column):
            _require_key(f"personal_{stored.partition(':')[0]}")
            _require_key(INDEX_KEY)
            try:
                decrypt(stored)
            except Undecipherable as error:
                raise SecretsLost(f"secrets/personal_{error.key_id} is another key") from error
    indexed = "SELECT phone, phone_index FROM accounts_user WHERE phone <> '' ORDER BY id LIMIT 1"
    for phone, index in fetch(indexed) if _is_there(fetch, "accounts_user", "phone_index") else []:
        if blind_index(decrypt(phone)) != index:
            raise SecretsLost(f"secrets/{INDEX_KEY} is another key")


def _first_and_last(fetch: Fetch, table: str, column: str) -> list[tuple[str]]:
    if not _is_there(fetch, table, column):
        return []
    one = f"(SELECT {column} FROM {table} WHERE {column} <> '' ORDER BY id"  # noqa: S608 (names from the table above)
    return fetch(f"{one} LIMIT 1) UNION {one} DESC LIMIT 1)")


def _is_there(fetch: Fetch, table: str, column: str) -> bool:
    """Not before the migration that brings it: this is asked before they run."""
    return bool(fetch(f"SELECT FROM pg_attribute WHERE attrelid = to_regclass('{table}') AND attname = '{column}'"))


def _require_key(name: str) -> None:
    if not (home() / "secrets" / name).exists():
        raise SecretsLost(f"secrets/{name} is missing")
