"""Who may do what: one line for each thing that can be tried, with what each kind of visitor gets."""

import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import websockets

from lab.harness.environment import SESSION_COOKIE
from tests.support.live import LiveHub
from tests.support.sockets import Frame, SocketClient, connect

MAKE = """
from django.contrib.auth.models import Group
from hub.people.models import User
from chat.models import Room
from notifications.models import Topic
user, staff, boss = (User.objects.get(username=f"{name}-{unique}") for name in ("user", "staff", "boss"))
User.objects.filter(pk=boss.pk).update(is_superuser=True)
group = Group.objects.create(name=unique)
group.user_set.add(user)
room = Room.objects.create(name=f"private-{unique}", is_private=True)
room.members.add(user)
Topic.objects.create(name=f"open-{unique}", title="Open")
Topic.objects.create(name=f"closed-{unique}", title="Closed", is_open=False).follows.create(user=user)
print(user.pk, staff.pk, boss.pk, group.pk)
"""

TOKEN_OF = """
from hub.accounts.models import AccessToken
print(AccessToken.objects.filter(user__username=name).latest("pk").pk)
"""

NOTIFY = "from notifications import notify; notify(to=to, message=message)"


@dataclass(frozen=True, slots=True)
class Visitor:
    """How somebody comes in: with a session, with a token, or with neither."""

    session: str | None = None
    token: str | None = None

    def http(self, hub: LiveHub) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        cookies = {SESSION_COOKIE: self.session} if self.session else {}
        return httpx.AsyncClient(base_url=hub.url, headers=headers, cookies=cookies, trust_env=False, timeout=20)

    def open(self, url: str) -> Any:
        return connect(url, session=self.session, token=self.token)


#: The kinds of visitors, in the order of the tables' columns. A token is for sockets: to pages it is nobody's.
KINDS = ("guest", "user", "staff", "boss", "token of user", "token of staff")

Visitors = dict[str, Visitor]


@pytest.fixture
def visitors(hub: LiveHub, unique: str) -> Visitors:
    sessions = {name: hub.create_user(f"{name}-{unique}", staff=name != "user") for name in ("user", "staff", "boss")}
    hub.shell(MAKE, unique=unique)
    found = {name: Visitor(session=session) for name, session in sessions.items()}
    tokens = {f"token of {name}": Visitor(token=hub.token(f"{name}-{unique}")) for name in ("user", "staff")}
    return {"guest": Visitor(), **found, **tokens}


#: Page -> status for each kind of visitor. 302 leads to the log-in page, or away from it.
PAGES = {
    "/": (200, 200, 200, 200, 200, 200),
    "/notifications/": (200, 200, 200, 200, 200, 200),
    "/notifications/preferences/": (302, 200, 200, 200, 302, 302),
    "/jobs/": (302, 200, 200, 200, 302, 302),
    "/topics/": (200, 200, 200, 200, 200, 200),
    "/topics/open-{unique}/follow/": (405, 405, 405, 405, 405, 405),
    "/chat/": (200, 200, 200, 200, 200, 200),
    "/chat/{room}/": (200, 200, 200, 200, 200, 200),
    "/chat/private-{unique}/": (404, 200, 404, 404, 404, 404),
    "/chat/nothing-{unique}/": (404, 404, 404, 404, 404, 404),
    "/online/": (200, 200, 200, 200, 200, 200),
    "/accounts/login/": (200, 302, 302, 302, 200, 200),
    "/accounts/signup/": (200, 302, 302, 302, 200, 200),
    "/accounts/tokens/": (302, 200, 200, 200, 302, 302),
    "/health/live": (200, 200, 200, 200, 200, 200),
    "/health/ready": (200, 200, 200, 200, 200, 200),
    "/metrics": (200, 200, 200, 200, 200, 200),  # the shipped nginx does not pass it on
    "/operations/": (302, 403, 403, 200, 302, 302),
    "/operations/failed/": (302, 403, 403, 200, 302, 302),
    "/operations/queue/pause/": (302, 403, 403, 404, 302, 302),  # which queue is not said
    "/operations/job/": (302, 403, 403, 404, 302, 302),
    "/schedules/": (302, 403, 403, 200, 302, 302),
    "/schedules/new/": (302, 403, 403, 200, 302, 302),
    "/schedules/calendar/": (302, 403, 403, 200, 302, 302),
    "/schedules/tasks/1/": (302, 403, 403, 404, 302, 302),  # there is none
    "/admin/": (302, 302, 200, 200, 302, 302),
    "/admin/hub_notifications/notification/": (302, 302, 403, 200, 302, 302),
    "/admin/hub_notifications/topic/": (302, 302, 403, 200, 302, 302),
    "/admin/hub_notifications/follow/": (302, 302, 403, 200, 302, 302),
    "/admin/hub_people/user/": (302, 302, 403, 200, 302, 302),
    "/admin/hub_chat/room/": (302, 302, 403, 200, 302, 302),
    "/admin/hub_accounts/accesstoken/": (302, 302, 403, 200, 302, 302),
    "/admin/hub_worker/job/": (302, 302, 403, 200, 302, 302),
    "/admin/hub_worker/schedule/": (302, 302, 403, 200, 302, 302),
    "/admin/hub_worker/schedulerun/": (302, 302, 403, 200, 302, 302),
    "/api/info": (405, 405, 405, 405, 405, 405),
}


async def test_who_sees_which_page(hub: LiveHub, visitors: Visitors, room: str, unique: str) -> None:
    wrong = []
    for path, expected in PAGES.items():
        for kind, status in zip(KINDS, expected, strict=True):
            async with visitors[kind].http(hub) as client:
                found = (await client.get(path.format(room=room, unique=unique))).status_code
            if found != status:
                wrong.append((path, kind, found, status))
    assert wrong == []


#: Form -> its fields, and the status for each kind of visitor, with the form's own secret and without it.
FORMS: dict[str, tuple[dict[str, str], tuple[int, ...]]] = {
    "/chat/": ({"name": "made-{kind}-{unique}"}, (302, 302, 302, 302, 302, 302)),
    "/topics/open-{unique}/follow/": ({}, (302, 302, 302, 302, 302, 302)),
    "/topics/open-{unique}/unfollow/": ({}, (302, 302, 302, 302, 302, 302)),
    "/topics/closed-{unique}/follow/": ({}, (302, 302, 404, 404, 302, 302)),
    "/topics/closed-{unique}/unfollow/": ({}, (302, 302, 404, 404, 302, 302)),
    "/topics/nothing-{unique}/follow/": ({}, (302, 404, 404, 404, 302, 302)),
    "/accounts/tokens/": ({"name": "x"}, (302, 200, 200, 200, 302, 302)),
    "/accounts/tokens/{token}/revoke/": ({}, (302, 302, 404, 404, 302, 302)),
    "/operations/queue/pause/": ({"name": "nobody's"}, (302, 403, 403, 404, 302, 302)),
    "/operations/worker/drain/": ({"name": "gone"}, (302, 403, 403, 404, 302, 302)),
    "/operations/job/": ({"id": "gone", "again": ""}, (302, 403, 403, 404, 302, 302)),
    "/schedules/new/": ({}, (302, 403, 403, 400, 302, 302)),
    "/i18n/setlang/": ({"language": "ru"}, (302, 302, 302, 302, 302, 302)),
}


async def test_who_may_send_which_form_and_nobody_without_its_secret(
    hub: LiveHub, visitors: Visitors, unique: str
) -> None:
    wrong = []
    token = hub.shell(TOKEN_OF, name=f"user-{unique}")
    for path, (fields, expected) in FORMS.items():
        for kind, status in zip(KINDS, expected, strict=True):
            url = path.format(token=token, unique=unique)
            data = {name: text.format(kind=kind.replace(" ", "-"), unique=unique) for name, text in fields.items()}
            async with visitors[kind].http(hub) as client:
                bare = (await client.post(url, data=data)).status_code
                secret = secret_of(await client.get("/chat/")) or secret_of(await client.get("/accounts/login/"))
                found = (await client.post(url, data={**data, "csrfmiddlewaretoken": secret})).status_code
            if (bare, found) != (403, status):
                wrong.append((path, kind, (bare, found), (403, status)))
    assert wrong == []
    # What the status does not say: who really made a room.
    made = hub.shell("from chat.models import Room; print(*Room.objects.filter(name__endswith=n))", n=unique).split()
    assert sorted(name.removesuffix(f"-{unique}") for name in made) == [
        "made-boss",
        "made-staff",
        "made-user",
        "private",
    ]
    # Who was put on a closed topic is still on it.
    on = "from notifications.models import Follow; print(*Follow.objects.filter(topic__name__endswith=n))"
    assert hub.shell(on, n=unique) == f"user-{unique}: Closed"


def secret_of(page: httpx.Response) -> str:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
    return found[1] if found else ""


#: Endpoint and message -> what each kind of visitor gets: a code of an error or a close, or "sent".
MESSAGES: dict[tuple[str, str], tuple[object, ...]] = {
    ("/ws/notifications/", "message"): (
        "permission_denied",
        "permission_denied",
        "sent",
        "sent",
        "permission_denied",
        "sent",
    ),
    ("/ws/chat/{room}/", "message"): ("login_required", "sent", "sent", "sent", "sent", "sent"),
    # To the others the name is free: who may open rooms opens one. A guest may not, and then finds theirs.
    ("/ws/chat/private-{unique}/", "message"): (4404, "sent", "sent", "sent", "sent", "sent"),
    ("/ws/chat/nothing-{unique}/", "message"): (4404, "sent", "sent", "sent", "sent", "sent"),
    ("/ws/chat/not%20a%20name-{unique}/", "message"): (4404,) * 6,
    ("/ws/online/", "message"): ("not_writable",) * 6,
    ("/ws/notifications/", "nonsense"): ("message_required",) * 6,
    ("/ws/chat/{room}/", "nonsense"): ("message_required",) * 6,
    ("/ws/online/", "nonsense"): ("message_required",) * 6,
    ("/ws/nothing/", "message"): (4404,) * 6,
}


async def test_who_may_say_what_at_which_endpoint(
    hub: LiveHub, webs: list[str], visitors: Visitors, room: str, unique: str
) -> None:
    wrong = []
    for number, ((path, key), expected) in enumerate(MESSAGES.items()):
        for kind, wanted in zip(KINDS, expected, strict=True):
            async with visitors[kind].open(webs[number % 2] + path.format(room=room, unique=unique)) as client:
                found = await outcome(client, key, f"{unique} {number} {kind}")
            if found != wanted:
                wrong.append((path, key, kind, found, wanted))
    assert wrong == []


async def outcome(client: SocketClient, key: str, text: str) -> object:
    """What comes of sending ``{key: text}``: the code of the error or of the close, or ``"sent"``."""
    try:
        await client.send_json({key: text})
        frame = await client.receive_until(lambda frame: frame["type"] == "error" or frame.get("message") == text)
    except (AssertionError, websockets.ConnectionClosed):
        return await client.close_code()
    return frame["code"] if frame["type"] == "error" else "sent"


#: Recipient of an alert -> whether each kind of visitor receives it.
RECIPIENTS = {
    "everyone": (True, True, True, True, True, True),
    "user:user-{unique}": (False, True, False, False, True, False),
    "user:staff-{unique}": (False, False, True, False, False, True),
    "group:{unique}": (False, True, False, False, True, False),
    "topic:closed-{unique}": (False, True, False, False, True, False),
    "topic:open-{unique}": (False, False, False, False, False, False),
}


async def test_who_receives_which_alert_and_finds_it_on_the_page(
    hub: LiveHub, webs: list[str], visitors: Visitors, unique: str
) -> None:
    for number, kind in enumerate(KINDS):
        async with visitors[kind].open(f"{webs[number % 2]}/ws/notifications/") as client:
            await outcome(client, "nonsense", "")  # it is in
            sent = {to: f"{unique} {kind} {to}" for to in RECIPIENTS}
            for to, message in {**sent, "everyone ": f"{unique} {kind} end"}.items():
                hub.shell(NOTIFY, to=to.strip().format(unique=unique), message=message)
            frames: list[Frame] = []
            while not frames or frames[-1]["message"] != f"{unique} {kind} end":
                frames.append(await client.receive_type("notification"))
        # Others come in between: the worker tells of the rooms that a test before made, when it gets to it.
        received = {frame["message"] for frame in frames if frame["message"].startswith(f"{unique} ")}
        wanted = {sent[to] for to, who in RECIPIENTS.items() if who[number]}
        assert received == {*wanted, f"{unique} {kind} end"}, kind
        if visitors[kind].token is None:
            async with visitors[kind].http(hub) as page:
                text = (await page.get("/notifications/")).text
            shown = {to for to in RECIPIENTS if sent[to].replace("'", "&#x27;") in text}
            assert shown == {to for to, who in RECIPIENTS.items() if who[number]}, kind


async def test_positions_of_other_peoples_channels_open_nothing(
    hub: LiveHub, webs: list[str], visitors: Visitors, unique: str
) -> None:
    """``since`` is hostile input: it names channels, and grants none."""
    hub.shell(NOTIFY, to=f"user:user-{unique}", message=f"secret {unique}")
    async with visitors["user"].open(f"{webs[0]}/ws/notifications/?since=now") as client:
        cursor = (await client.receive_json())["cursor"]
    begin = ",".join(f"{part.partition('@')[0]}@.0" for part in cursor.split(","))
    for kind in ("guest", "staff", "boss", "token of staff"):
        for since in (begin, cursor):
            async with visitors[kind].open(f"{webs[0]}/ws/notifications/?since={since}") as client:
                resumed = await client.receive_json()
                assert "user:" not in resumed["cursor"] or kind != "guest"
                hub.shell(NOTIFY, to="everyone", message=f"end {unique} {kind}")
                frame: Frame = {}
                while frame.get("message") != f"end {unique} {kind}":
                    frame = await client.receive_type("notification")
                    assert "secret" not in frame["message"]
