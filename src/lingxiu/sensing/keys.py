"""Keys of devices: SM4 as HJ 212-2025 uses it, made of the 32 hex digits a device is registered with. Never stores one."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from hj212 import Frame, decrypt, is_encrypted

KEY_BYTES: Final = 16


class KeyUnreadable(ValueError):
    """Not 32 hex digits. What was said instead is no part of the message: it may be half a key."""


class Key:
    """One SM4 key, made ready. ECB without padding, on whole blocks, is the standard's choice (HJ 212-2025), not ours."""

    __slots__ = ("_cipher", "hex")

    def __init__(self, digits: str) -> None:
        """`digits`: 32 hex digits. Raises KeyUnreadable."""
        self.hex = digits.lower()
        self._cipher = Cipher(algorithms.SM4(_bytes(digits)), modes.ECB())  # noqa: S305

    def encrypt(self, blocks: bytes) -> bytes:
        """Whole blocks of 16 bytes, encrypted."""
        return self._cipher.encryptor().update(blocks)

    def decrypt(self, blocks: bytes) -> bytes:
        """Whole blocks of 16 bytes, decrypted."""
        return self._cipher.decryptor().update(blocks)


def opened(frame: Frame, keys: Iterable[Key], refuses: Callable[[Frame], str]) -> tuple[Frame, Key | None]:
    """The frame in plain text and the key, the first that makes sense of it; itself and None if none does.

    `refuses`: why a frame in plain text would be refused, "" if it would not: a wrong key gives a right check value once in 256.
    """
    for key in keys:
        plain = decrypt(frame, key.decrypt)
        if not is_encrypted(plain) and not refuses(plain):
            return plain, key
    return frame, None


def new_key() -> str:
    """32 hex digits nobody has seen before."""
    return secrets.token_hex(KEY_BYTES)


def _bytes(digits: str) -> bytes:
    try:
        data = bytes.fromhex(digits)
    except ValueError as error:
        raise KeyUnreadable from error
    if len(data) != KEY_BYTES:
        raise KeyUnreadable
    return data
