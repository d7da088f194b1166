"""The people, the group and the rooms of the hub under test: made once for each hub, used by every run on it."""

import json
from dataclasses import dataclass

from lab.chaos.parts import Hub

PEOPLE, ROOMS = 23, 4

#: Those of them who are in the group, which is named ``team``.
GROUP, MEMBERS = "team", 9

_MAKE = """
import json
from datetime import timedelta
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone
from hub.accounts.tokens import issue
from chat.models import Room
from hub.api.keys import issue as issue_key
from hub.api.scope import Scope

def person(number):
    # Older than any clock is set back to: what was sent before somebody joined is nobody's unread alert.
    defaults = {"is_staff": number == 0, "date_joined": timezone.now() - timedelta(days=30)}
    user, _ = get_user_model().objects.get_or_create(username=f"person{number}", defaults=defaults)
    if number < members:
        user.groups.add(team)
    client = Client()
    client.force_login(user)
    return [user.pk, user.username, client.cookies[settings.SESSION_COOKIE_NAME].value, issue(user)]

team, _ = Group.objects.get_or_create(name=group)
names = [f"room{number}" for number in range(rooms)]
for name in names:
    Room.objects.get_or_create(name=name)
_, key = issue_key("chaos", Scope(frozenset({"notify"}), ("*",)))
print(json.dumps({"people": [person(number) for number in range(people)], "rooms": names, "api_key": key}))
"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, and the two ways to say so."""

    pk: int
    name: str
    session: str
    token: str


@dataclass(frozen=True, slots=True)
class People:
    """Who is there. The first person is of the staff; the first few are in the group."""

    people: list[Person]
    rooms: list[str]
    #: With which another program sends alerts.
    api_key: str

    @property
    def staff(self) -> Person:
        """One who may do everything that the hub's pages offer."""
        return self.people[0]


def make(hub: Hub) -> People:
    """Make everybody in the hub, with new sessions and tokens. Blocks."""
    found = json.loads(hub.observer.run(_MAKE, timeout=60, people=PEOPLE, rooms=ROOMS, group=GROUP, members=MEMBERS))
    return People([Person(*fields) for fields in found["people"]], found["rooms"], found["api_key"])
