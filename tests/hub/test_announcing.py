"""Announcing from a process that is no server, to a real Redis."""

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from hub.bus import announcer
from hub.bus.envelope import unpack
from hub.bus.layer import layer
from hub.channels import group_name
from hub.streams import Envelope
from lab.harness.environment import BASE_DIR, clean_environment
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import wait_for

#: What a worker of Celery's prefork pool is: the child of a process that may have announced already.
FORKING = """
import os, sys
import django

django.setup()

from hub.bus import announcer
from hub.streams.store import Envelope


def announce(who):
    announcer.announce([Envelope("everyone", "", 0, f'"{who}"')])
    return announcer.flush(10)


assert announce("parent")
child = os.fork()
if not child:
    os._exit(0 if announce("child") else 3)
_, status = os.waitpid(child, 0)
assert announce("parent again")
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.fixture
def envelopes() -> list[Envelope]:
    """More than one round trip takes."""
    return [Envelope("everyone", "aa", number, "{}") for number in range(1, 4 * announcer.ROUND_TRIP)]


def published(redis_server: RedisServer) -> int:
    """PUBLISH commands that Redis has had."""
    return int(redis_server.client.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"])


def test_flushing_returns_when_redis_has_everything(redis_server: RedisServer, envelopes: list[Envelope]) -> None:
    assert announcer.flush(10), "what a test before has announced"
    before = published(redis_server)
    announcer.announce(envelopes)
    assert announcer.flush(10)
    assert published(redis_server) - before == len(envelopes)
    assert announcer.flush(10), "there is nothing to wait for"


@pytest.mark.slow
def test_flushing_gives_up_in_time_when_redis_does_not_answer(
    redis_server: RedisServer, envelopes: list[Envelope], settings: Settings
) -> None:
    settings.HUB_REDIS_TIMEOUT = 10
    announcer.announce(envelopes[:1])
    assert announcer.flush(10)
    redis_server.client.client_pause(1000, all=True)
    announcer.announce(envelopes[:1])
    assert not announcer.flush(0.1)
    assert announcer.flush(10)


@pytest.mark.slow
def test_a_forked_child_announces_on_its_own(redis_server: RedisServer, data_dir: Path, settings: Settings) -> None:
    name = f"{settings.HUB_REDIS_PREFIX}__group__{group_name('everyone')}"
    pubsub = redis_server.client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # redis-py
    with pubsub as heard:
        heard.subscribe(name)
        wait_for(lambda: redis_server.client.pubsub_numsub(name)[0][1] == 1, that="the test listens")
        ended = subprocess.run(
            [sys.executable, "-c", FORKING],
            cwd=BASE_DIR,
            env=clean_environment(HUB_DATA_DIR=str(data_dir), DJANGO_SETTINGS_MODULE="hub.settings"),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        came: list[str] = []

        def take() -> bool:
            if (message := heard.get_message(timeout=0.1)) is not None:
                came.append(unpack(layer().deserialize(message["data"]), "everyone").data)
            return len(came) == 3

        wait_for(take, that="all three have come")
    assert came == ['"parent"', '"child"', '"parent again"']


class _LateLoop(asyncio.SelectorEventLoop):
    """An event loop whose thread is slow to get its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.ended = threading.Event()

    def run_forever(self) -> None:
        time.sleep(0.3)
        super().run_forever()
        self.ended.set()


def test_one_loop_is_started_however_late_its_thread_gets_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[_LateLoop] = []

    def new_loop() -> asyncio.AbstractEventLoop:
        loops.append(_LateLoop())
        return loops[-1]

    monkeypatch.setattr(announcer, "_new_loop", new_loop)
    monkeypatch.setattr(announcer, "_announcer", None)
    monkeypatch.setattr(announcer, "_of_thread", None)
    try:
        first = announcer._current()
        assert first.loop.is_running()
        assert announcer._current() is first
        assert len(loops) == 1
    finally:
        for loop in loops:
            loop.call_soon_threadsafe(loop.stop)
            assert loop.ended.wait(30)
            loop.close()
