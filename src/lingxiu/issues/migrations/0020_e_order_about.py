import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("issues", "0019_f_brought_again"),
        ("merchants", "0002_search"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="about_issue",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="orders", to="issues.issue"
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="about_shop",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="merchants.merchant"
            ),
        ),
    ]
