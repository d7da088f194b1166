"""A Redis of one's own: a user with exactly the documented rights, and a cluster of one shard."""

from pathlib import Path
from typing import Any

import pytest
import redis

from lab.harness.waiting import wait_for
from tests.docs.documents import blocks
from tests.live.parts import create_room
from tests.support.live import LiveHub, live_hub
from tests.support.own_redis import own_redis
from tests.support.sockets import connect

pytestmark = pytest.mark.any_database

HOW_TO = "docs/howto/use-your-own-redis.md"

PASSWORD = "of the tests"

#: Libraries tell Redis their names, and do not mind when it refuses.
HARMLESS = {"client"}

TELL = """
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
import hub
from notifications import notify
from worker.celery import app
notify(to="everyone", message="stored")
async_to_sync(get_channel_layer().group_send)(hub.group("everyone"), {"type": "notification", "message": "live"})
print(len(app.control.inspect(timeout=10).ping() or ()))
"""


async def everything_works(hub: LiveHub) -> None:
    """Alerts, chat and its limits, presence, events of other code, the worker and its remote control."""
    create_room(hub, "lobby")
    hub.create_user("ann")
    async with (
        connect(f"{hub.ws_url}/ws/chat/lobby/", token=hub.token("ann")) as chat,
        connect(f"{hub.ws_url}/ws/online/") as online,
        connect(f"{hub.ws_url}/ws/notifications/") as alerts,
    ):
        await chat.send_json({"message": "hello"})
        await chat.receive_until(lambda frame: frame.get("message") == "hello")
        await online.receive_until(lambda frame: frame.get("count", 0) >= 1)
        assert 1 <= int(hub.shell(TELL)) <= 3  # workers; whoever is slower than the others is not waited for
        await alerts.receive_until(lambda frame: frame.get("message") == "stored")
        await alerts.receive_until(lambda frame: frame.get("message") == "live")


async def test_the_documented_rights_are_enough(data_dir: Path) -> None:
    (rule,) = blocks(HOW_TO, "text")
    words = rule.split()
    assert words[:3] == ["ACL", "SETUSER", "hub"]
    with own_redis(data_dir / "acl") as port, redis.Redis(port=port, decode_responses=True) as admin:
        admin.execute_command(*[PASSWORD.join(word.split("PASSWORD")) for word in words])
        admin.execute_command("ACL", "LOG", "RESET")
        url = f"redis://hub:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{port}/0"
        with live_hub(data_dir / "acl-live", REDIS_URL=url) as hub:
            await everything_works(hub)
        refused: list[Any] = admin.acl_log(100)
        assert {entry["object"] for entry in refused} <= HARMLESS, refused
        # And the one channel that is written out is needed.
        with redis.Redis(port=port, username="hub", password=PASSWORD) as limited, limited.pubsub() as heard:
            heard.psubscribe("hub:celery:/0.celery.pidbox")
            assert heard.get_message(timeout=20)
            heard.psubscribe("hub:celery:/1.celery.pidbox")
            with pytest.raises(redis.exceptions.NoPermissionError):
                heard.get_message(timeout=20)


async def test_a_cluster_of_one_shard_works_with_a_prefix_in_braces(data_dir: Path) -> None:
    cluster = own_redis(data_dir / "cluster", "--cluster-enabled", "yes")
    with cluster as port, redis.Redis(port=port, decode_responses=True) as admin:
        admin.execute_command("CLUSTER", "ADDSLOTS", *range(16384))
        wait_for(lambda: admin.execute_command("CLUSTER INFO")["cluster_state"] == "ok", that="the cluster is up")
        url = f"redis://127.0.0.1:{port}/0"
        with live_hub(data_dir / "cluster-live", REDIS_URL=url, HUB_REDIS_PREFIX="{hub}") as hub:
            await everything_works(hub)
