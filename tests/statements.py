"""How many statements a page takes: the same on a slow machine as on a fast one."""

from __future__ import annotations

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from lingxiu.policy.models import Edition


def statements(client: Client, url: str) -> int:
    """Of an address that was opened before. Without the look for newer rules, which is made every few seconds of the real clock."""
    with CaptureQueriesContext(connection) as sent:
        assert client.get(url).status_code == 200
    return len([one for one in sent.captured_queries if Edition._meta.db_table not in one["sql"]])
