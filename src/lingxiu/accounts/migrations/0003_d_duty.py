"""Who is on duty stands with people and posts: ordinary work asks it as well as gas alarms."""

from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_absence")]

    operations = [
        migrations.CreateModel(
            name="DutyTurn",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("rank", models.PositiveSmallIntegerField(default=1)),
                ("entered_by", models.BigIntegerField(null=True)),
                ("synthetic", models.BooleanField(default=False)),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="accounts.unit"
                    ),
                ),
            ],
            options={
                "ordering": ["since", "unit", "rank", "id"],
                "indexes": [models.Index(fields=["unit", "until"], name="turn_of_duty_of_unit")],
                "constraints": [
                    models.CheckConstraint(condition=Q(until__gt=F("since")), name="turn_of_duty_lasts"),
                    models.UniqueConstraint(fields=("unit", "person", "since"), name="turn_of_duty_once"),
                ],
            },
        ),
    ]
