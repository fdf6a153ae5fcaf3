"""Who set the due time of an answer: the 12345 centre, or the kind of its order."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issues", "0017_i_orders")]

    operations = [
        migrations.AddField("report", "due_by", models.CharField(blank=True, db_default="", default="", max_length=20)),
    ]
