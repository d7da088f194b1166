"""The migration that takes away the streams which subscribing once made."""

from importlib import import_module

import pytest
from django.apps import apps

from hub import streams
from hub.models import Stream

pytestmark = pytest.mark.django_db

delete_empty = import_module("hub.migrations.0009_streams_of_nothing").delete_empty


def test_streams_in_which_nothing_was_published_go_and_others_stay() -> None:
    for channel in ("room:1", "room:2"):
        streams.append([(channel, "{}")])
    streams.sequence(["room:1"])
    Stream.objects.bulk_create([Stream(channel=name) for name in ("room:2", "room:3", "topic:nothing")])
    Stream.objects.create(channel="room:4", head=7)  # what it had is no longer kept
    delete_empty(apps, None)
    assert set(Stream.objects.exclude(channel="").values_list("channel", flat=True)) == {"room:1", "room:2", "room:4"}
