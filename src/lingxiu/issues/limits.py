"""How much strangers may send: so many public forms a day from one address of the net, so many bytes at once."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils import timezone

from lingxiu.privacy.cipher import blind_index

POSTS_A_DAY = 30
"""Phones of one operator share an address, so a crowd at one restaurant must fit; a program that floods does not."""
MOST_BYTES = 32 * 1024 * 1024


class TooManyPosts(Exception):
    """This address of the net has sent its share of today."""


def count_post(address: str, at: datetime) -> None:
    """Count one more form from this address on this day of the county. Raises TooManyPosts."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO issues_publicpost (day, sender, count) VALUES (%s, %s, 1) "
            "ON CONFLICT (day, sender) DO UPDATE SET count = issues_publicpost.count + 1 RETURNING count",
            [timezone.localtime(at).date(), blind_index(address)],
        )
        row = cursor.fetchone()
    if row is not None and row[0] > POSTS_A_DAY:
        raise TooManyPosts
