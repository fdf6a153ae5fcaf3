"""Papers of two officers, each of whom signs a version himself; notices to merchants; templates that departments brought."""

from pathlib import Path

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

SQL = Path(__file__).resolve().parents[1] / "sql"
THERE, BACK = (SQL / f"append_only_signatures{end}.sql" for end in ("", "_undo"))


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_absence"),
        ("issues", "0020_e_order_about"),
        ("merchants", "0002_search"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PaperTemplate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=120)),
                ("brought_at", models.DateTimeField()),
                ("retired_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-brought_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Rectification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveSmallIntegerField(db_default=0, default=1)),
                ("text_sha256", models.CharField(blank=True, db_default="", default="", max_length=64)),
                ("written_at", models.DateTimeField(null=True)),
                ("signed_at", models.DateTimeField(null=True)),
                ("reminded_at", models.DateTimeField(null=True)),
                ("raised_at", models.DateTimeField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("withdrawn_why", models.CharField(blank=True, db_default="", default="", max_length=300)),
                ("demands", models.TextField(max_length=2000)),
                ("until", models.DateField()),
                ("template", models.CharField(max_length=64)),
                ("fields", models.JSONField()),
                ("draft", models.CharField(blank=True, default="", max_length=64)),
                ("file", models.CharField(blank=True, default="", max_length=64)),
                ("made_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-made_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Signature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.PositiveSmallIntegerField()),
                ("text", models.JSONField()),
                ("text_sha256", models.CharField(max_length=64)),
                ("verdict", models.CharField(choices=[("signed", "signed"), ("refused", "did not agree")], max_length=10)),
                ("words", models.CharField(blank=True, default="", max_length=300)),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ["at", "id"],
            },
        ),
        migrations.AddField(
            model_name="inspection",
            name="raised_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="inspection",
            name="reminded_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="inspection",
            name="signed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="inspection",
            name="text_sha256",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="inspection",
            name="version",
            field=models.PositiveSmallIntegerField(db_default=0, default=1),
        ),
        migrations.AddField(
            model_name="inspection",
            name="withdrawn_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="inspection",
            name="withdrawn_why",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.AddField(
            model_name="inspection",
            name="written_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddIndex(
            model_name="inspection",
            index=models.Index(
                condition=models.Q(("signed_at", None), ("version__gt", 0), ("withdrawn_at", None)),
                fields=["written_at"],
                name="inspection_unsigned",
            ),
        ),
        migrations.AddConstraint(
            model_name="inspection",
            constraint=models.CheckConstraint(
                condition=models.Q(("signed_at__isnull", False), ("version", 0), ("act_code", None), _connector="OR"),
                name="inspection_coded_is_signed",
            ),
        ),
        migrations.AddField(
            model_name="papertemplate",
            name="brought_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="papertemplate",
            name="retired_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="papertemplate",
            name="unit",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.unit"
            ),
        ),
        migrations.AddField(
            model_name="rectification",
            name="inspection",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="issues.inspection"
            ),
        ),
        migrations.AddField(
            model_name="rectification",
            name="issue",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="rectifications", to="issues.issue"
            ),
        ),
        migrations.AddField(
            model_name="rectification",
            name="made_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="rectification",
            name="officer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="rectification",
            name="second_officer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="rectification",
            name="unit",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.unit"),
        ),
        migrations.AddField(
            model_name="signature",
            name="inspection",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="signatures",
                to="issues.inspection",
            ),
        ),
        migrations.AddField(
            model_name="signature",
            name="officer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="signature",
            name="rectification",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="signatures",
                to="issues.rectification",
            ),
        ),
        migrations.AddConstraint(
            model_name="papertemplate",
            constraint=models.UniqueConstraint(
                fields=("unit", "version"), name="paper_template_version", nulls_distinct=False
            ),
        ),
        migrations.AddConstraint(
            model_name="papertemplate",
            constraint=models.UniqueConstraint(
                condition=models.Q(("retired_at", None)),
                fields=("unit",),
                name="paper_template_one_in_use",
                nulls_distinct=False,
            ),
        ),
        migrations.AddIndex(
            model_name="rectification",
            index=models.Index(
                condition=models.Q(("signed_at", None), ("version__gt", 0), ("withdrawn_at", None)),
                fields=["written_at"],
                name="rectification_unsigned",
            ),
        ),
        migrations.AddConstraint(
            model_name="rectification",
            constraint=models.CheckConstraint(
                condition=models.Q(("officer", models.F("second_officer")), _negated=True),
                name="rectification_two_officers",
            ),
        ),
        migrations.AddConstraint(
            model_name="rectification",
            constraint=models.CheckConstraint(
                condition=models.Q(("file", ""), ("signed_at__isnull", False), _connector="OR"),
                name="rectification_file_is_signed",
            ),
        ),
        migrations.AddConstraint(
            model_name="signature",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("inspection", None), ("rectification__isnull", False)),
                    models.Q(("inspection__isnull", False), ("rectification", None)),
                    _connector="OR",
                ),
                name="signature_of_one_paper",
            ),
        ),
        migrations.AddConstraint(
            model_name="signature",
            constraint=models.CheckConstraint(
                condition=models.Q(("verdict", "signed"), models.Q(("words", ""), _negated=True), _connector="OR"),
                name="signature_refused_for_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="signature",
            constraint=models.UniqueConstraint(
                fields=("inspection", "officer", "version"), name="signature_inspection_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="signature",
            constraint=models.UniqueConstraint(
                fields=("rectification", "officer", "version"), name="signature_notice_once"
            ),
        ),
        migrations.RunSQL(THERE.read_text(encoding="utf-8"), BACK.read_text(encoding="utf-8")),
    ]
