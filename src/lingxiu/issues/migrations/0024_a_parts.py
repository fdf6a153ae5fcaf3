"""What the lead says to a co-operating part, until when that is awaited, and since when a part's date is another."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("issues", "0023_l_share_set"),
    ]

    operations = [
        migrations.AddField("assignment", "clock_from", models.DateTimeField(null=True)),
        migrations.AddField(
            "assignment", "answer", models.TextField(blank=True, db_default="", default="", max_length=2000)
        ),
        migrations.AddField(
            "assignment",
            "answered_by",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField("assignment", "answered_at", models.DateTimeField(null=True)),
        migrations.AddField("assignment", "answer_due_at", models.DateTimeField(null=True)),
        migrations.AlterField(
            "assignment",
            "outcome",
            models.CharField(
                blank=True,
                choices=[
                    ("contributed", "did its part"),
                    ("sent_back", "sent back by the lead"),
                    ("objected", "objects"),
                    ("upheld", "objected, and has to do it"),
                    ("released", "released"),
                ],
                default="",
                max_length=12,
            ),
        ),
    ]
