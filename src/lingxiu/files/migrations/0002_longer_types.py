from django.db import migrations, models


class Migration(migrations.Migration):
    # The type of a Word file has 71 characters.

    dependencies = [
        ('files', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='storedfile',
            name='content_type',
            field=models.CharField(max_length=100),
        ),
    ]
