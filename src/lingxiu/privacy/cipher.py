"""AES-256-GCM with a key id in front; HMAC-SHA256 blind indexes. Keys lie in `LINGXIU_HOME/secrets`, one file a key.

Stored form: `<key id>:<base64 of nonce + ciphertext + tag>`. A new key is added beside the old ones, which stay readable.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lingxiu.home import home, secret

NONCE_BYTES = 12
FIRST_KEY = "k1"
KEY_ID = re.compile(r"k[1-9][0-9]*")


class Undecipherable(Exception):
    """A stored value cannot be read: its key is missing, or the value was changed."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"personal data under key {key_id!r} cannot be read; is secrets/personal_{key_id} the right one?"
        )
        self.key_id = key_id


def _new_key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@cache
def _key(key_id: str) -> AESGCM:
    if not KEY_ID.fullmatch(key_id):
        raise Undecipherable("?")
    if key_id != FIRST_KEY and not (home() / "secrets" / f"personal_{key_id}").exists():
        raise Undecipherable(key_id)
    return AESGCM(base64.b64decode(secret(f"personal_{key_id}", _new_key)))


@cache
def _current_key_id() -> str:
    """The newest key: the one with the highest number."""
    ids = [path.name.removeprefix("personal_") for path in (home() / "secrets").glob("personal_k*")]
    return max(ids, key=lambda key_id: int(key_id[1:]), default=FIRST_KEY)


@cache
def _index_key() -> bytes:
    return secret("blind_index").encode()


def encrypt(text: str) -> str:
    """The stored form of this text; empty stays empty."""
    if not text:
        return ""
    key_id = _current_key_id()
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + _key(key_id).encrypt(nonce, text.encode(), key_id.encode())
    return f"{key_id}:{base64.b64encode(sealed).decode()}"


def decrypt(stored: str) -> str:
    """The text of a stored form. Raises Undecipherable."""
    if not stored:
        return ""
    key_id, _, body = stored.partition(":")
    try:
        sealed = base64.b64decode(body, validate=True)
        return _key(key_id).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], key_id.encode()).decode()
    except (InvalidTag, ValueError) as error:
        raise Undecipherable(key_id) from error


def blind_index(text: str) -> str:
    """What equal values have in common, without telling the value: to find a phone without storing it readable."""
    return hmac.new(_index_key(), text.encode(), hashlib.sha256).hexdigest()[:32] if text else ""
