"""Grease traps, gas alarms, power meters and cameras: tables of their own, in SQL; and who is on duty and was called."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from pathlib import Path

SQL = Path(__file__).resolve().parents[1] / "sql"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_absence'),
        ('sensing', '0003_devices_asked_and_alarms_told'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(
            (SQL / "points.sql").read_text(encoding="utf-8"),
            "DROP TABLE point_device, reading_grease, reading_gas, reading_power, camera_state, camera_event;"
            "CREATE OR REPLACE FUNCTION sensing_partitioned() RETURNS SETOF text LANGUAGE sql IMMUTABLE"
            " AS $$ SELECT 'reading_fume'::text $$",
        ),
        migrations.CreateModel(
            name='DutyCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('step', models.PositiveSmallIntegerField()),
                ('called_at', models.DateTimeField()),
                ('alarm', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='calls', to='sensing.alarm')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['called_at', 'id'],
                'constraints': [models.UniqueConstraint(fields=('alarm', 'step', 'person'), name='duty_call_once')],
            },
        ),
        migrations.CreateModel(
            name='DutyTurn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('rank', models.PositiveSmallIntegerField(default=1)),
                ('entered_by', models.BigIntegerField(null=True)),
                ('synthetic', models.BooleanField(default=False)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('unit', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='accounts.unit')),
            ],
            options={
                'ordering': ['since', 'unit', 'rank', 'id'],
                'indexes': [models.Index(fields=['unit', 'until'], name='duty_turn_of_unit')],
                'constraints': [models.CheckConstraint(condition=models.Q(('until__gt', models.F('since'))), name='duty_turn_lasts'), models.UniqueConstraint(fields=('unit', 'person', 'since'), name='duty_turn_once')],
            },
        ),
    ]
