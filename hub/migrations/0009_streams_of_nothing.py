"""Streams that subscribing made for channels in which nothing was ever published go; none are made any more."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Exists, OuterRef


def delete_empty(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Clients that have the position of such a stream are told to reload."""
    publications = apps.get_model("hub", "Publication").objects.filter(channel=OuterRef("channel"))
    apps.get_model("hub", "Stream").objects.filter(~Exists(publications), head=0, channel__gt="").delete()


class Migration(migrations.Migration):
    dependencies = [("hub", "0008_publication_tags")]

    operations = [migrations.RunPython(delete_empty, migrations.RunPython.noop, elidable=True)]
