"""Readings, windows and what the gateway and the watch keep beside them: tables of their own, in SQL."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("sensing", "0001_initial")]

    operations = [
        migrations.RunSQL(
            (SQL / "readings.sql").read_text(encoding="utf-8"),
            "DROP TRIGGER sensing_device_added ON sensing_device; DROP TRIGGER sensing_device_changed ON sensing_device;"
            "DROP FUNCTION sensing_device_changed(), sensing_make_partitions(timestamptz, timestamptz),"
            " sensing_make_partition(timestamptz), sensing_drop_partitions(timestamptz);"
            "DROP TABLE reading_fume, ingest_batch, odd_frame, recent_frame",
        ),
        migrations.RunSQL(
            (SQL / "windows.sql").read_text(encoding="utf-8"),
            "DROP TABLE window_fume, hour_fume, day_fume, dirty_sum, watch_device",
        ),
    ]
