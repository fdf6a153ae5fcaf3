"""What is with who is on duty while others are at rest; seats of a round in which a deputy sits, or nobody."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("issues", "0021_c_signing"), ("accounts", "0003_d_duty")]

    operations = [
        migrations.AddField("assignment", "on_duty", models.BooleanField(db_default=False, default=False)),
        migrations.AddIndex(
            "assignment",
            models.Index(fields=["issue"], name="assignment_on_duty", condition=Q(ended_at=None, on_duty=True)),
        ),
        migrations.AddField(
            "jointofficer",
            "deputy_for",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField("jointofficer", "missing_since", models.DateTimeField(null=True)),
    ]
