
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('issues', '0018_g_due_by'),
        ('notices', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReporterText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('entry_id', models.BigIntegerField()),
                ('about', models.CharField(choices=[('asked', 'a question'), ('answered', 'an answer'), ('address', 'the address of their report')], max_length=10)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('sending', 'being sent'), ('sent', 'sent'), ('failed', 'could not be sent'), ('needless', 'no longer needed')], default='waiting', max_length=10)),
                ('at', models.DateTimeField()),
                ('next_at', models.DateTimeField()),
                ('tries', models.PositiveSmallIntegerField(default=0)),
                ('claimed_at', models.DateTimeField(null=True)),
                ('sent_at', models.DateTimeField(null=True)),
                ('error', models.CharField(blank=True, default='', max_length=300)),
                ('report', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='issues.report')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'sending'])), fields=['next_at'], name='text_due')],
                'constraints': [models.UniqueConstraint(fields=('report', 'entry_id'), name='text_once_a_report_and_entry')],
            },
        ),
    ]
