"""Loading fixtures publishes nothing, and moves a whole hub from one database to another."""

import json
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, Permission
from django.core import serializers
from django.core.management import call_command

from chat.models import Room
from hub.accounts.models import AccessToken
from hub.models import Publication
from hub.users import display_name, log_in_field
from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment
from lab.harness.migrated import copy_sqlite
from notifications.models import Follow, Notification, Topic
from tests.support.live import new_database
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


def called(name: str) -> User:
    """The person whom others know by this name."""
    (found,) = (user for user in User.objects.all() if display_name(user) == name)
    return found


def dumped(path: Path) -> Path:
    """A fixture of everything that the hub's receivers look at, after it has been deleted again."""
    ann, bob = User.objects.create_user("ann"), User.objects.create_user("bob")
    group = Group.objects.create(name="ops")
    group.permissions.add(Permission.objects.earliest("pk"))
    ann.groups.add(group)
    ann.user_permissions.add(Permission.objects.earliest("pk"))
    room = Room.objects.create(name="kitchen", is_private=True)
    room.members.add(ann, bob)
    topic = Topic.objects.create(name="news", title="News")
    Follow.objects.create(user=ann, topic=topic)
    AccessToken.objects.create(user=ann, name="script", digest="1")
    rows = [*User.objects.all(), group, room, topic, *Follow.objects.all(), *AccessToken.objects.all()]
    path.write_text(serializers.serialize("json", rows))
    for model in (User, Group, Room, Topic):
        model.objects.all().delete()
    Publication.objects.all().delete()
    return path


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 2], ids=["into nothing", "over itself"])
def test_a_fixture_publishes_nothing(tmp_path: Path, times: int) -> None:
    fixture = dumped(tmp_path / "all.json")
    for _ in range(times):
        call_command("loaddata", str(fixture), verbosity=0)
    ann = called("ann")
    assert [group.name for group in ann.groups.all()] == ["ops"]
    assert Room.objects.get().members.count() == 2
    assert not Publication.objects.exists()
    assert not Notification.objects.exists()


@pytest.mark.slow
def test_what_code_does_with_the_same_rows_is_told_again(tmp_path: Path) -> None:
    call_command("loaddata", str(dumped(tmp_path / "all.json")), verbosity=0)
    ann = called("ann")
    ann.groups.clear()
    assert Publication.objects.filter(channel="control").count() == 1
    Room.objects.get().members.remove(ann)
    assert Publication.objects.filter(channel="control").count() == 2


def test_a_row_that_a_fixture_made_is_told_of_once_code_saves_it(tmp_path: Path) -> None:
    (loaded,) = serializers.deserialize(
        "json", json.dumps([{"model": User._meta.label_lower, "fields": {log_in_field(): "eve"}}])
    )
    loaded.save()
    group = Group.objects.create(name="ops")
    eve = loaded.object
    assert isinstance(eve, User)
    eve.groups.add(group)
    assert not Publication.objects.exists()
    eve.save()
    eve.groups.clear()
    assert Publication.objects.filter(channel="control").count() == 2


FILL = """
from django.contrib.auth.models import Group
from django.contrib.auth import get_user_model
User = get_user_model()
from chat.actions import create_room, post_message
from chat.models import Room
from notifications import notify
from notifications.inbox.organizing import mark_all_read
group = Group.objects.create(name="ops")
people = [User.objects.create_user(f"person-{number}") for number in range(3)]
for person in people:
    person.groups.add(group)
room = create_room(name="kitchen", creator=people[0])
private = Room.objects.create(name="private", is_private=True)
private.members.add(*people)
for number in range(5):
    post_message(room_id=room.pk, author_id=people[0].pk, text=f"message {number}")
alerts = notify(to=[*people, group], message="hello")
mark_all_read(user=people[0], upto=alerts[0].pk)
"""

CHECK = """
from django.contrib.auth import get_user_model
User = get_user_model()
from chat.actions import post_message
from chat.models import Message, Room
from hub.models import Publication
from notifications import notify
from notifications.models import Notification
assert User.objects.filter(groups__name="ops").count() == 3
assert Room.objects.get(name="private").members.count() == 3
assert Message.objects.count() == 5 and Notification.objects.filter(message="hello").count() == 4
stored = Publication.objects.count()
message = post_message(room_id=Room.objects.get(name="kitchen").pk, author_id=User.objects.first().pk, text="more")
notify(to="group:ops", message="more")
assert Publication.objects.count() == stored + 2
assert Publication.objects.filter(channel=f"room:{message.room_id}").order_by("-offset").first().offset == 6
print("moved", stored)
"""


def manage(folder: Path, *arguments: str, **variables: str) -> str:
    done = forking.run(
        [sys.executable, "manage.py", *arguments],
        cwd=BASE_DIR,
        env=clean_environment(DJANGO_SETTINGS_MODULE=settings.SETTINGS_MODULE, HUB_DATA_DIR=str(folder), **variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_a_hub_moves_from_sqlite_to_another_database_by_dumpdata_and_loaddata(tmp_path: Path) -> None:
    old, new, fixture = tmp_path / "old", tmp_path / "new", tmp_path / "all.json"
    old.mkdir()
    copy_sqlite(old / "hub.sqlite3")
    manage(old, "shell", "--verbosity=0", "-c", FILL)
    manage(old, "dumpdata", "--natural-foreign", "-e=contenttypes", "-e=auth.permission", f"-o={fixture}")
    with new_database(new) as database:
        manage(new, "loaddata", str(fixture), **database)
        before = sum(row["model"] == "hub.publication" for row in json.loads(fixture.read_text()))
        assert manage(new, "shell", "--verbosity=0", "-c", CHECK, **database).split() == ["moved", str(before)]
