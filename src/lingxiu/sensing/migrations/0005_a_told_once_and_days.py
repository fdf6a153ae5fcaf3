"""When it was decided who hears of an alarm; and from which day on the watch has days to judge again."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):
    dependencies = [("sensing", "0004_w_other_ways_in")]

    operations = [
        migrations.AddField("alarm", "told_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "alarm", models.Index(fields=["raised_at"], name="alarm_untold", condition=models.Q(told_at=None))
        ),
        migrations.RunSQL(
            (SQL / "days_to_judge.sql").read_text(encoding="utf-8"),
            "ALTER TABLE watch_device DROP COLUMN days_from",
        ),
    ]
