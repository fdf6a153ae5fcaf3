"""How personal data is shown to those who need to recognise it, not to have it."""

from __future__ import annotations


def mask_phone(phone: str) -> str:
    """`13812341234` → `138****1234`; anything too short to keep both ends is all stars."""
    return f"{phone[:3]}****{phone[-4:]}" if len(phone) >= 9 else "*" * len(phone)


def mask_name(name: str) -> str:
    """`王小明` → `王**`."""
    return name[:1] + "*" * (len(name) - 1)
