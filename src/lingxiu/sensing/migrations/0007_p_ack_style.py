"""A device may be answered otherwise than its profile says; gateways hear of it."""

from django.db import migrations, models

TRIGGER = """
    DROP TRIGGER sensing_device_changed ON sensing_device;
    CREATE TRIGGER sensing_device_changed AFTER UPDATE OF {columns} ON sensing_device
        FOR EACH STATEMENT EXECUTE FUNCTION sensing_device_changed();
"""
BEFORE = "mn, profile, state, secret, former_secret"


class Migration(migrations.Migration):
    dependencies = [("sensing", "0006_p_lines")]

    operations = [
        migrations.AddField(
            model_name="device",
            name="ack_style",
            field=models.CharField(
                blank=True,
                choices=[
                    ("2005", "HJ/T 212-2005: in CP"),
                    ("2017", "HJ 212-2017: ST=91, Flag=4"),
                    ("2025", "HJ 212-2025: ST=91, Flag=8"),
                    ("st21", "ST=21, Flag=5"),
                ],
                db_default="",
                default="",
                max_length=4,
            ),
        ),
        migrations.RunSQL(TRIGGER.format(columns=f"{BEFORE}, ack_style"), TRIGGER.format(columns=BEFORE)),
    ]
