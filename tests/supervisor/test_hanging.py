"""Parts that hang are replaced, and nothing that the supervisor does for itself ends the supervising."""

import asyncio
import errno
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from hub.supervisor import liveness, probes, readiness
from hub.supervisor import part as part_module
from hub.supervisor.liveness import Life
from lab.harness.environment import free_port
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import await_for
from tests.supervisor.keeping import WAIT, Keep
from tests.supervisor.running import Up, up

WORKERS = ("worker", "worker-deliveries", "worker-bulk")

#: Answers every request on the port in its arguments, as a web process would.
SERVE = """
import asyncio, sys
async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 503 Service Unavailable\\r\\nContent-Length: 0\\r\\n\\r\\n")
    await writer.drain()
    writer.close()
async def main():
    async with await asyncio.start_server(answer, "127.0.0.1", int(sys.argv[1])) as server:
        print("up", flush=True)
        await server.serve_forever()
asyncio.run(main())
"""

#: Touches the file in its arguments ten times a second.
TOUCH = """
import pathlib, sys, time
print("up", flush=True)
while True:
    pathlib.Path(sys.argv[1]).touch()
    time.sleep(0.1)
"""


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_module, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(part_module, "LONGEST_PAUSE", 0.03)
    monkeypatch.setattr(liveness, "INTERVAL", 0.2)
    monkeypatch.setattr(liveness, "START_TIMEOUT", 8.0)
    monkeypatch.setattr(readiness, "ANSWER_TIMEOUT", 0.3)


# --- parts that hang ------------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_web_process_that_was_stopped_is_replaced_by_one_that_answers(keep: Keep) -> None:
    port = free_port()
    part = keep(SERVE, str(port), life=Life(probes.of_web(port).probe, 0.5))
    part.kept.start()
    await await_for(lambda: readiness.answers(port), that="it answers", timeout=30)
    first = part.pid
    os.kill(first, signal.SIGSTOP)
    await await_for(lambda: part.pid != first, that="another process", timeout=30)
    await await_for(lambda: readiness.answers(port), that="it answers again", timeout=30)
    assert part.said[0].startswith("part has shown no life for ")
    assert part.said[1] == "part was ended by SIGKILL and is started again in 0.01 s"


@pytest.mark.slow
async def test_a_worker_that_was_stopped_is_replaced_by_one_that_shows_life(
    keep: Keep, tmp_path: Path, redis_server: RedisServer
) -> None:
    part = keep(TOUCH, str(tmp_path / "worker.alive"), life=Life(probes.of_file(tmp_path, "worker").probe, 1.0))
    part.kept.start()
    await await_for((tmp_path / "worker.alive").exists, that="a heartbeat", timeout=30)
    first = part.pid
    os.kill(first, signal.SIGSTOP)
    await await_for(part.replaced, that="it is replaced", timeout=30)
    stopped_at = (tmp_path / "worker.alive").stat().st_mtime_ns
    await await_for(lambda: (tmp_path / "worker.alive").stat().st_mtime_ns > stopped_at, that="life", timeout=30)
    assert part.pid != first


@pytest.mark.slow
async def test_a_part_that_works_is_left_alone(keep: Keep, tmp_path: Path, redis_server: RedisServer) -> None:
    looked: list[bool | None] = []
    probe = probes.of_file(tmp_path, "worker").probe

    async def counted() -> bool | None:
        looked.append(await probe())
        return looked[-1]

    part = keep(TOUCH, str(tmp_path / "worker.alive"), life=Life(counted, 1.0))
    part.kept.start()
    await await_for(lambda: looked.count(True) >= 10, that="ten looks", timeout=30)
    assert part.said == []


@pytest.mark.slow
async def test_a_worker_that_waits_for_a_broker_that_is_away_is_left_alone(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    probe = probes.of_file(tmp_path, "worker").probe
    assert await probe() is False
    redis_server.stop()
    try:
        assert await probe() is None
    finally:
        redis_server.start()
    assert await probe() is False


async def test_files_that_nobody_can_touch_say_nothing_of_the_worker(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    probe = probes.of_file(tmp_path / "gone", "worker").probe
    assert await probe() is None


@pytest.mark.slow
async def test_a_look_that_fails_says_nothing_of_the_part() -> None:
    async def probe() -> bool:
        raise ZeroDivisionError

    watching = asyncio.create_task(liveness.hangs(Life(probe, 0.1)))
    done, _ = await asyncio.wait([watching], timeout=10 * liveness.INTERVAL)
    watching.cancel()
    assert not done


@pytest.mark.slow
async def test_a_part_gets_time_for_its_first_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    signs = iter([False, False, False, True, False, False, False, False])

    async def probe() -> bool:
        return next(signs)

    monkeypatch.setattr(liveness, "START_TIMEOUT", 5 * liveness.INTERVAL)
    assert await liveness.hangs(Life(probe, 1.9 * liveness.INTERVAL)) >= 1.9 * liveness.INTERVAL
    assert list(signs) == [False, False]


@pytest.mark.slow
async def test_a_part_that_hangs_again_and_again_is_started_after_growing_pauses(
    keep: Keep, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def probe() -> bool:
        return False

    monkeypatch.setattr(part_module, "STEADY_AFTER", 0.0)
    monkeypatch.setattr(liveness, "START_TIMEOUT", 0.0)
    part = keep(WAIT, life=Life(probe, 0.1))
    part.kept.start()
    await await_for(lambda: sum("started again" in line for line in part.said) >= 4, that="four starts", timeout=30)
    again = [line.rpartition(" in ")[2] for line in part.said if "started again" in line]
    assert again[:4] == ["0.01 s", "0.02 s", "0.03 s", "0.03 s"]


async def test_a_part_that_is_stopped_on_purpose_is_not_watched_any_more(keep: Keep) -> None:
    async def probe() -> bool:
        return False

    part = keep(WAIT, life=Life(probe, 0.1))
    part.kept.start()
    await await_for(part.kept.runs, that="it runs")
    await part.kept.stop(within=5)
    assert part.said == []


# --- a disk that takes nothing --------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_part_that_ends_while_the_disk_is_full_is_started_again(keep: Keep, tmp_path: Path) -> None:
    (tmp_path / "parts.new").symlink_to("/dev/full")
    part = keep("print('x', flush=True); raise SystemExit(3)")
    (tmp_path / "logs" / "part.log").symlink_to("/dev/full")
    part.kept.start()
    behind = f"What runs cannot be recorded in {tmp_path / 'parts.json'}: {os.strerror(errno.ENOSPC)}"
    # A part that ends before it is looked at is not recorded: not each of the four need be.
    await await_for(lambda: behind in part.said, that="what is not recorded", timeout=30)
    await await_for(lambda: sum("started again" in line for line in part.said) >= 4, that="four starts", timeout=30)
    assert [line for line in part.said if "cannot be recorded" in line] == [behind]


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EDQUOT])
async def test_whatever_the_disk_says_the_part_is_kept_and_recorded_when_it_is_back(
    keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise OSError(number, os.strerror(number))

    part = keep("raise SystemExit(3)")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", refuse)
        patch.setattr(Path, "replace", refuse)
        part.kept.start()
        await await_for(lambda: sum("again" in line for line in part.said) >= 3, that="three starts", timeout=30)
    (tmp_path / "parts.json").unlink(missing_ok=True)
    await await_for((tmp_path / "parts.json").exists, that="the record")


@pytest.mark.slow
async def test_what_fails_after_the_end_of_a_part_does_not_keep_it_from_starting(keep: Keep) -> None:
    def fail(pid: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    part = keep("raise SystemExit(3)", on_end=fail)
    part.kept.start()
    await await_for(lambda: sum("started again" in line for line in part.said) >= 3, that="three starts", timeout=30)


async def test_a_part_that_cannot_be_started_is_tried_again(keep: Keep, monkeypatch: pytest.MonkeyPatch) -> None:
    part = keep(WAIT)
    start, refused = asyncio.create_subprocess_exec, [OSError(errno.EAGAIN, "no process"), MemoryError()]

    async def sometimes(*args: Any, **kwargs: Any) -> Any:
        if refused:
            raise refused.pop(0)
        return await start(*args, **kwargs)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", sometimes)
    part.kept.start()
    await await_for(part.kept.runs, that="it runs", timeout=30)
    assert [line.split(" (")[0] for line in part.said] == ["part could not be started"] * 2


@pytest.mark.slow
async def test_lines_of_a_part_are_read_on_while_no_log_and_no_terminal_takes_them(
    keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("builtins.print", full)
    done = tmp_path / "done"
    # More than a pipe holds: who is not read stands still.
    code = f"import pathlib; [print('x' * 100, flush=True) for _ in range(5000)]; pathlib.Path({str(done)!r}).touch()"
    part = keep(f"{code}; import signal; signal.pause()")
    (tmp_path / "logs" / "part.log").symlink_to("/dev/full")
    part.kept.start()
    await await_for(done.exists, that="it could write everything", timeout=30)


# --- a whole hub ----------------------------------------------------------------------------------------------------


def replaced(hub: Up, name: str, pid: int) -> bool:
    return hub.parts().get(name, pid) != pid


@pytest.mark.slow
async def test_a_web_process_of_a_hub_that_was_stopped_is_replaced(tmp_path: Path) -> None:
    with up(tmp_path / "hub", HUB_WEB_PROCESSES="2") as hub:
        await asyncio.to_thread(hub.until_ready)
        pid = hub.parts()["web-1"]
        os.kill(pid, signal.SIGSTOP)
        await await_for(lambda: replaced(hub, "web-1", pid), that="another web process", timeout=60)
        assert "web-1 has shown no life for " in hub.output
        assert hub.parts().keys() == {"redis", "web-1", "web-2", *WORKERS, "beat"}
        for name in (*WORKERS, "beat"):
            assert (hub.folder / "run" / f"{name}.alive").exists()
            assert f"{name} has shown no life" not in hub.output
