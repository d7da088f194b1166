from django.conf import settings
from django.db import migrations


class Migration(migrations.Migration):
    """Nobody finds all alerts that they have ever had unread on the day on which read state begins."""

    dependencies = [
        ('notifications', '0003_reading'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(
            """
            INSERT INTO notifications_readupto (user_id, upto)
            SELECT id, (SELECT MAX(id) FROM notifications_notification) FROM auth_user
            WHERE EXISTS (SELECT 1 FROM notifications_notification)
            """,
            migrations.RunSQL.noop,
        ),
    ]
