"""What another system sends may have 4,000 characters, as Open311 has it; nothing changes in the database."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("issues", "0028_l_open_at_rest")]

    operations = [migrations.AlterField("report", "words", models.TextField(max_length=4000))]
