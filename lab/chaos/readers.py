"""People who mark their alerts as read while things break, and what each is told to have unread.

Those on the client connection do it by the calls that pages of the hub make; those on simple endpoints and event
streams do it over HTTP, by the same calls in a request of ``/connection/http_stream``. Half of the people mark what
they have seen one by one, the others also all up to an alert.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import Mapping
from typing import Any

import httpx

from lab.chaos.client import Client
from lab.chaos.crowd import Crowd
from lab.chaos.hub_client import HubClient
from lab.chaos.parts import Hub
from lab.chaos.people import People, Person
from lab.chaos.reading import Inbox, ReadingBook, Told
from lab.chaos.threads import in_thread
from lab.harness.environment import SESSION_COOKIE

#: Alerts of one call, at most, and how many of the newest somebody leaves for later, at most.
AT_ONCE, LEFT = 100, 9

#: Seconds that a call over HTTP may take.
TIMEOUT = 5.0

#: Everybody has read everything: else most would have more unread alerts than the hub counts, whatever is marked.
_READ_ALL = """
from hub.people.models import User
from notifications.inbox import organizing
from notifications.models import Notification
newest = Notification.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
for user in User.objects.filter(pk__in=people) if newest else ():
    organizing.mark_all_read(user=user, upto=newest)
print(newest)
"""

# By arithmetic of sets: the hub's own count is a walk through indexes, and shall be judged by something else.
_INBOXES = """
import json
from hub.people.models import User
from django.db.models import Q
from notifications.models import Notification, ReadMark, ReadUpTo
alerts = list(
    Notification.objects.filter(Q(user=None) | Q(user__in=people), topic=None)
    .values_list("pk", "user", "group", "created_at")
)
inboxes = []
for user in User.objects.filter(pk__in=people):
    groups = {None, *user.groups.values_list("pk", flat=True)}
    upto = ReadUpTo.objects.filter(user=user).values_list("upto", flat=True).first() or 0
    marked = set(ReadMark.objects.filter(user=user).values_list("notification", flat=True))
    own = {pk for pk, to, _, _ in alerts if to == user.pk}
    shared = {pk for pk, to, group, at in alerts if to is None and group in groups and at >= user.date_joined}
    unread = {pk for pk in own | shared if pk > upto} - marked
    inboxes.append([user.pk, user.username, [pk for pk in own | shared if pk > since], list(unread)])
print(json.dumps(inboxes))
"""


class Readers:
    """All of them."""

    def __init__(
        self, hub: Hub, people: People, crowd: Crowd, book: ReadingBook, http: httpx.AsyncClient, chance: random.Random
    ) -> None:
        self._hub = hub
        self._people = people
        self._crowd = crowd
        self._book = book
        self._http = http
        self._chance = chance

    async def mark_as_read(self) -> None:
        """One who is connected marks some of what they have seen; not acknowledged where the hub did not answer."""
        clients = [client for client in self._crowd if client.live and client.place.person and client.alerts]
        if not clients:
            return
        client = self._chance.choice(clients)
        person = client.place.person
        assert person is not None
        client.alerts = [alert for alert in client.alerts if not self._book.is_read(person.pk, alert)]
        if not client.alerts:
            return
        seen = sorted(client.alerts)
        seen = seen[: max(1, len(seen) - self._chance.randint(0, LEFT))]
        if person.pk % 2 and self._chance.random() < 0.5:
            await self._mark(client, person, seen, upto=seen[-1])
        else:
            await self._mark(client, person, seen[:AT_ONCE])

    async def _mark(self, client: Client, person: Person, ids: list[int], *, upto: int = 0) -> None:
        method, data = ("alerts.mark_all_read", {"upto": upto}) if upto else ("alerts.mark_read", {"ids": ids})
        self._book.attempt(person.pk, ids, upto=upto)
        if isinstance(client, HubClient):
            await client.call(method, data, lambda _: self._book.acknowledge(person.pk, ids, client.name))
        elif await self._answer(client.place.headers, method, data) is not None:
            self._book.acknowledge(person.pk, ids, client.name)

    async def _answer(self, headers: Mapping[str, str], method: str, data: Any) -> Any:
        """What the hub answers to a call that comes with the first command of a stream; None without an answer."""
        commands = {"id": 1, "connect": {}}, {"id": 2, "rpc": {"method": method, "data": data}}
        url, content = f"{self._hub.url}/connection/http_stream", "\n".join(map(json.dumps, commands))
        with contextlib.suppress(httpx.HTTPError, TimeoutError):
            async with (
                asyncio.timeout(TIMEOUT),
                self._http.stream("POST", url, content=content, headers=dict(headers)) as response,
            ):
                async for line in response.aiter_lines():
                    answer = json.loads(line) if line.startswith("{") and response.is_success else {}
                    if answer.get("id") == 2:
                        return answer.get("rpc")  # None with an error: it is not done
        return None

    # --- before and after -----------------------------------------------------------------------------------------

    async def read_everything(self) -> None:
        """Everybody has read what there is now. For the beginning."""
        people = [person.pk for person in self._people.people]
        self._book.began_after = int(await in_thread(self._hub.observer.run, _READ_ALL, people=people))

    async def inboxes(self) -> list[Inbox]:
        """What the database says of everybody."""
        people = [person.pk for person in self._people.people]
        since = self._book.began_after
        found = await in_thread(self._hub.observer.run, _INBOXES, people=people, since=since)
        return [Inbox(*fields) for fields in json.loads(found)]

    async def told(self) -> list[Told]:
        """What everybody is told now: the number at the bell, by page and by the client connection."""
        on_socket = [client for client in self._crowd if isinstance(client, HubClient) and client.place.person]
        return await asyncio.gather(
            *map(self._told_by_page, self._people.people), *(self._told_by_socket(client) for client in on_socket)
        )

    async def _told_by_page(self, person: Person) -> Told:
        number = None
        with contextlib.suppress(httpx.HTTPError, ValueError, KeyError):
            url, cookie = f"{self._hub.url}/notifications/items/?limit=1", f"{SESSION_COOKIE}={person.session}"
            number = (await self._http.get(url, headers={"Cookie": cookie})).json()["unread"]
        return Told(person.pk, "page", number)

    async def _told_by_socket(self, client: HubClient) -> Told:
        assert client.place.person is not None
        answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def take(result: dict[str, Any]) -> None:
            if not answered.done():
                answered.set_result(result["data"]["unread"])

        number = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TIMEOUT):
                await client.call("alerts.list", {"limit": 1}, take)
                number = await answered
        return Told(client.place.person.pk, client.name, number)
