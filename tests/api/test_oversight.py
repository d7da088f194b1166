"""What became of a notification, over HTTP."""

from asgiref.sync import sync_to_async
from django.test import AsyncClient

from hub.users import user_id
from notifications import channels, notify
from notifications.inbox import organizing
from tests.api.calling import Api, key_for
from tests.connection.wire import wired
from tests.support.people import User


async def test_a_notification_is_told_with_what_its_person_did(api: Api) -> None:
    ann = await User.objects.acreate_user("ann")
    async with wired(ann) as wire:
        sent = await api.result("notify", to=user_id(ann), message="m", key="k")
        (pk,) = sent["ids"]
        await wire.pushed("pub", 1)
        await sync_to_async(organizing.mark_read)(user=ann, ids=[pk])
        found = await api.result("notification", id=pk, user=user_id(ann))
        client = wire.client.client
    told = found["notification"]
    assert (told["to"], told["key"], told["message"]) == (channels.of_user(ann), "k", "m")
    assert told["source"].startswith("api_key:")
    person = found["person"]
    assert (person["state"], person["offset"], person["seen"]) == ("read", 1, True)
    assert [(step["what"], step["source"]) for step in person["steps"]] == [("read", "")]
    assert [(one["client"], one["has"]) for one in person["connections"]] == [(client, "live")]
    assert (await api.result("notification", id=pk))["person"] is None


async def test_a_persons_notifications_are_listed_wherever_they_are(api: Api) -> None:
    ann = await User.objects.acreate_user("ann")
    ids = [(await sync_to_async(notify)(to=to, message="m"))[0].pk for to in (ann, "everyone", ann)]
    await sync_to_async(organizing.archive)(user=ann, ids=[ids[2]])
    got = await AsyncClient().get(
        "/api/notifications", {"user": user_id(ann), "limit": "2"}, headers={"X-API-Key": api.key}
    )
    result = got.json()["result"]
    assert [(one["id"], one["state"]) for one in result["items"]] == [(ids[2], "archived"), (ids[1], "unread")]
    assert result["more"]
    rest = await api.result("notifications", user=user_id(ann), before=ids[1])
    assert ([one["id"] for one in rest["items"]], rest["more"]) == ([ids[0]], False)


async def test_a_narrow_key_is_told_of_its_own_people_and_channels_alone(api: Api) -> None:
    ann, bob = [await User.objects.acreate_user(name) for name in ("ann", "bob")]
    (row,) = await sync_to_async(notify)(to=ann, message="m")
    of_ann, of_bob = [Api(await sync_to_async(key_for)(channels=(channels.of_user(one),))) for one in (ann, bob)]
    for limited, code in ((of_bob, 103), (of_ann, None)):
        reply = await limited("notification", id=row.pk)
        assert reply.get("error", {}).get("code") == code
        reply = await limited("notifications", user=user_id(ann))
        assert reply.get("error", {}).get("code") == code
        assert await limited.error("notification", id=10**9) == 103
    assert await of_ann.error("notification", id=row.pk, user=user_id(bob)) == 103
    assert await api.error("notification", id=10**9) == 107
