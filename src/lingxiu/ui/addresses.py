"""Addresses that pages of any room point to, so that no room below needs to know who serves them.

Held against the URL table by a test.
"""

from __future__ import annotations

from urllib.parse import quote


def issue(number: str) -> str:
    """An issue with all around it."""
    return f"/issues/{number}/"


def issues(**query: str) -> str:
    """The list, filtered."""
    return "/issues/" + _query(query)


def joint_round(joint_id: int) -> str:
    """A joint inspection: its shops and who goes along."""
    return f"/issues/joint/{joint_id}/"


def order(order_id: int) -> str:
    """A leader's instruction or a campaign, with its items."""
    return f"/issues/orders/{order_id}/"


def inspection(inspection_id: int) -> str:
    """The record of an inspection, to be read and signed."""
    return f"/issues/inspections/{inspection_id}/"


def rectification(rectification_id: int) -> str:
    """A notice to a merchant, to be read and signed."""
    return f"/issues/rectifications/{rectification_id}/"


def merchant(merchant_id: int) -> str:
    """The portrait of a merchant."""
    return f"/merchants/{merchant_id}/"


def code(token: str) -> str:
    """What a merchant's QR code opens."""
    return f"/m/{token}"


def report(token: str) -> str:
    """What became of a report."""
    return f"/r/{token}"


def notices() -> str:
    """What the reader was told."""
    return "/notices/"


def alarm(alarm_id: int) -> str:
    """An alarm."""
    return f"/sensing/alarms/{alarm_id}/"


def device(mn: str) -> str:
    """A device with its chart."""
    return f"/sensing/devices/{quote(mn, safe='')}/"


def self_test() -> str:
    """Where makers of devices try what they send; open to anyone."""
    return "/sensing/self-test/"


def file(sha256: str) -> str:
    """A photo or a document."""
    return f"/files/{sha256}/"


def small_file(sha256: str) -> str:
    """A photo as it stands in lists."""
    return f"/files/{sha256}/small/"


def _query(values: dict[str, str]) -> str:
    pairs = [f"{quote(key)}={quote(value)}" for key, value in values.items() if value]
    return "?" + "&".join(pairs) if pairs else ""
