"""A web process that is killed: what its sockets missed, and who was there only through it."""

import os
import signal
import time
from pathlib import Path

import pytest

from lab.harness.waiting import wait_for
from tests.live.parts import create_room, pid_of, web_urls
from tests.support.live import live_hub
from tests.support.sockets import connect

NOTIFY = "from notifications import notify; notify(to='everyone', message=message)"

#: Promise 7: seconds after a crash until presence is right.
PRESENCE_TIMEOUT = 45.0


@pytest.mark.live
@pytest.mark.slow
async def test_presence_is_right_again_and_no_alert_is_lost_after_a_web_process_was_killed(data_dir: Path) -> None:
    with live_hub(data_dir / "crash") as hub:
        create_room(hub, "lobby")
        ann, bob = hub.create_user("ann"), hub.create_user("bob")
        stays, dies = web_urls(hub)
        async with (
            connect(f"{stays}/ws/online/", session=bob) as online,
            connect(f"{stays}/ws/chat/lobby/", session=bob) as room,
        ):
            async with (
                connect(f"{dies}/ws/online/", session=ann),
                connect(f"{dies}/ws/online/", session=bob),
                connect(f"{dies}/ws/online/"),
                connect(f"{dies}/ws/chat/lobby/", session=ann),
                connect(f"{dies}/ws/chat/lobby/", session=bob),
                connect(f"{dies}/ws/notifications/") as reader,
            ):
                await online.receive_until(lambda frame: frame["count"] == 3)
                await room.receive_until(lambda frame: frame["message"] == "ann joined the room")
                hub.shell(NOTIFY, message="before the crash")
                cursor = (await reader.receive_type("notification"))["cursor"]
                killed = pid_of(hub, "web-2")
                assert killed is not None
                os.kill(killed, signal.SIGKILL)
                crashed_at = time.monotonic()
                assert await reader.close_code() == 1006
            hub.shell(NOTIFY, message="while it was dead")
            wait_for(lambda: pid_of(hub, "web-2") not in {None, killed}, that="web-2 is started again")
            async with connect(f"{hub.ws_url}/ws/notifications/?since={cursor}") as back:
                assert (await back.receive_json())["recovered"] is True
                assert (await back.receive_json())["message"] == "while it was dead"

            left = crashed_at + PRESENCE_TIMEOUT - time.monotonic()
            await online.receive_until(lambda frame: frame["count"] == 1, timeout=left)
            # Bob has a tab on the process that lives; Ann has left, and the room hears it once.
            left = crashed_at + PRESENCE_TIMEOUT - time.monotonic()
            await room.receive_until(lambda frame: frame["message"] == "ann left the room", timeout=left)
            await room.send_json({"message": "still here"})
            assert (await room.receive_json())["message"] == "still here"
        assert "Traceback" not in hub.logs("web-1")
        assert "Traceback" not in hub.logs("web-2")
