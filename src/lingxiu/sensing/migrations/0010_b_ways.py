"""By which way a device is heard, and which way in was deaf."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("sensing", "0009_w_point_statistics")]

    operations = [
        migrations.AddField(
            "deafness",
            "way",
            models.CharField(
                choices=[("hj212", "HJ 212"), ("mqtt", "MQTT"), ("http", "HTTP")],
                db_default="hj212",
                default="hj212",
                max_length=8,
            ),
        ),
        migrations.RunSQL(
            (SQL / "ways.sql").read_text(encoding="utf-8"),
            "ALTER TABLE ingest_batch DROP COLUMN way; ALTER TABLE watch_device DROP COLUMN way;"
            " ALTER TABLE point_device DROP COLUMN way",
        ),
    ]
