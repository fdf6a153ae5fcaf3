"""What an order said when it was brought once more, apart from what its caller added."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issues", "0018_g_due_by")]

    operations = [
        migrations.AddField("addition", "brought", models.BooleanField(db_default=False, default=False)),
    ]
