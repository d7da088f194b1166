from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hub", "0004_whereabouts")]

    operations = [
        migrations.AddField(
            model_name="publication",
            name="info",
            field=models.TextField(default=""),
        ),
    ]
