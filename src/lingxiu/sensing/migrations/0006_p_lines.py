"""Which gateway holds a device's connection; requests are announced, and a changed key is."""

from pathlib import Path

import django.db.models.deletion
from django.db import migrations, models

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("sensing", "0005_a_told_once_and_days")]

    operations = [
        migrations.CreateModel(
            name="DeviceLine",
            fields=[
                (
                    "device",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="line",
                        serialize=False,
                        to="sensing.device",
                    ),
                ),
                ("run", models.UUIDField()),
                ("peer", models.CharField(max_length=60)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField(null=True)),
                ("version", models.CharField(max_length=4)),
                ("encrypted", models.BooleanField(default=False)),
                ("contested_at", models.DateTimeField(null=True)),
                ("contested_by", models.CharField(blank=True, default="", max_length=60)),
            ],
        ),
        migrations.RunSQL(
            (SQL / "asking.sql").read_text(encoding="utf-8"),
            "DROP TRIGGER sensing_request_waits ON sensing_devicerequest; DROP FUNCTION sensing_request_waits();"
            "DROP TRIGGER sensing_device_changed ON sensing_device;"
            "CREATE TRIGGER sensing_device_changed AFTER UPDATE OF mn, profile, state ON sensing_device"
            " FOR EACH STATEMENT EXECUTE FUNCTION sensing_device_changed();",
        ),
    ]
