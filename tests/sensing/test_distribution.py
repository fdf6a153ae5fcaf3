"""Tables that grow with every device are keyed by device: they can be spread over servers, or parted by county, as they are."""

from __future__ import annotations

import pytest
from django.db import connection

GROWING = r"^((reading|window|hour|day|camera|point)_[a-z]+|dirty_[a-z]+|watch_device|recent_frame)"
UNIQUE = """
    SELECT c.relname, i.indexrelid::regclass::text, array_agg(a.attname::text)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = current_schema()
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisunique
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
    WHERE c.relkind IN ('r', 'p') AND c.relname ~ %s
    GROUP BY c.relname, i.indexrelid
"""
FOREIGN_KEYS = (
    "SELECT conrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND conrelid::regclass::text ~ %s"
)


@pytest.mark.django_db
def test_the_device_stands_in_every_unique_index_of_what_grows_with_devices() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sensing_make_partitions('2026-11-02T00:00Z', '2026-11-02T00:00Z')")
        cursor.execute(UNIQUE, [GROWING])
        found = cursor.fetchall()
    tables = {table for table, _, _ in found}
    assert {"reading_fume", "window_fume", "hour_fume", "day_fume", "dirty_sum", "watch_device"} <= tables
    assert {"window_gas", "hour_seen", "day_power", "dirty_point"} <= tables
    assert "reading_fume_20261102" in tables
    assert [(table, index) for table, index, columns in found if "device_id" not in columns] == []


@pytest.mark.django_db
def test_no_foreign_key_ties_them_to_tables_that_stay_in_one_place() -> None:
    with connection.cursor() as cursor:
        cursor.execute(FOREIGN_KEYS, [GROWING])
        assert cursor.fetchall() == []
