"""Model fields that encrypt on the way in and decrypt on the way out."""

from __future__ import annotations

from typing import Any

from django.db import models

from lingxiu.privacy.cipher import decrypt, encrypt


class EncryptedField(models.TextField[str, str]):
    """Text that lies encrypted in the database. It cannot be filtered by: keep a blind index beside it."""

    def get_prep_value(self, value: Any) -> str:
        return encrypt(value or "")

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str:
        return decrypt(value or "")

    def get_lookup(self, lookup_name: str) -> Any:
        raise TypeError(f"{self.name} is encrypted: filter by its blind index")
