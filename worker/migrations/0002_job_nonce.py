from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("worker", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="job",
            name="nonce",
            field=models.CharField(db_default="", default="", editable=False, max_length=32),
        ),
    ]
