"""Somebody may be sent to look for whoever re-checks."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("issues", "0026_b_reopened")]

    operations = [
        migrations.AlterField(
            "assignment",
            "part",
            models.CharField(
                choices=[
                    ("lead", "lead"),
                    ("cooperating", "co-operating"),
                    ("checking", "looks for the re-check"),
                ],
                default="lead",
                max_length=12,
            ),
        ),
        migrations.AddIndex(
            "assignment",
            models.Index(fields=["person"], name="assignment_open_look", condition=Q(ended_at=None, part="checking")),
        ),
    ]
