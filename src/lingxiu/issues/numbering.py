"""Numbers of issues: the day of the county and five digits. Two that come at once wait for each other, never share one."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils import timezone

LAST_OF_A_DAY = 99_999


class NumbersExhausted(Exception):
    """A day has used up its five digits: something is reporting in a loop."""


def next_number(at: datetime) -> str:
    """The next number of the county's day. Its row stays locked until the transaction ends, so no number is lost or doubled.

    Raises: NumbersExhausted.
    """
    day = timezone.localtime(at).date()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO issues_issuenumber (day, last) VALUES (%s, 1) "
            "ON CONFLICT (day) DO UPDATE SET last = issues_issuenumber.last + 1 RETURNING last",
            [day],
        )
        row = cursor.fetchone()
    assert row is not None  # RETURNING always returns
    if row[0] > LAST_OF_A_DAY:
        raise NumbersExhausted(str(day))
    return f"{day:%Y%m%d}{row[0]:05}"
