from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("hub", "0007_name_digest")]

    operations = [
        migrations.AddField(
            model_name="publication",
            name="tags",
            field=models.TextField(default=""),
        ),
    ]
