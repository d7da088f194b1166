"""File descriptors: as many as the system allows, and a server that has none left says so."""

import asyncio
import resource
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from lab.harness.environment import BASE_DIR, clean_environment, free_port
from lab.harness.waiting import wait_for
from tests.hub.serving import handshake
from tests.hub.test_server import data_folder, is_live, running

__all__ = ["data_folder"]

pytestmark = pytest.mark.xdist_group("server")

#: Starts a part of the hub with a soft limit that is below the hard one.
LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
sys.argv = sys.argv[1:]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""

LIMIT = 400


def refused(port: int) -> float:
    lines = httpx.get(f"http://127.0.0.1:{port}/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith('hub_refused_total{limit="descriptors"}'))


@pytest.mark.slow
async def test_a_server_without_descriptors_says_so_and_is_well_afterwards(data_folder: Path) -> None:
    port = free_port()
    start = ["-c", LIMITED.format(soft=LIMIT // 2, hard=LIMIT), "hub.server", "--port", str(port)]
    with running(start, data_folder) as process:
        wait_for(lambda: is_live(port), timeout=60, that="the server answers")
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert f"Max open files            {LIMIT}" in limits, "the soft limit was not raised"
        clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(LIMIT + 20)]
        try:
            answers = []
            for reader, writer in clients[LIMIT:]:
                writer.write(handshake(f"127.0.0.1:{port}", "/ws/notifications/"))
                answers.append(await asyncio.wait_for(reader.read(100), 20))
            before = process_seconds(process.pid)
            await asyncio.sleep(1)  # what it does while it can take nobody is what is looked at
            spent = process_seconds(process.pid) - before
        finally:
            for _, writer in clients:
                writer.transport.abort()
        assert any(answer.startswith(b"HTTP/1.1 503 ") for answer in answers)
        assert spent < 0.5, "the loop spins"
        await asyncio.to_thread(wait_for, lambda: is_live(port), that="the server answers again")
        assert await asyncio.to_thread(refused, port) > 0
    said = [line for line in (data_folder / "server.log").read_text().splitlines() if "no_descriptors_left" in line]
    assert 1 <= len(said) <= 5


def process_seconds(pid: int) -> float:
    """Seconds of processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@pytest.mark.slow
@pytest.mark.parametrize("part", ["worker", "up"])
def test_each_part_raises_its_limit(part: str, tmp_path: Path) -> None:
    code = {
        "worker": "import worker.celery; from celery import signals; signals.import_modules.send(None)",
        "up": """
import django
django.setup()
from unittest import mock
from django.core.management import call_command
with mock.patch("hub.management.commands.up.run"):
    call_command("up")
""",
    }[part]
    limit = "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (300, 700))"
    result = subprocess.run(
        [sys.executable, "-c", f"{limit}\n{code}\nprint(resource.getrlimit(resource.RLIMIT_NOFILE))"],
        cwd=BASE_DIR,
        env=clean_environment(HUB_DATA_DIR=str(tmp_path), DJANGO_SETTINGS_MODULE="hub.settings"),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert result.stdout.split("\n")[-2] == "(700, 700)"


def test_a_limit_that_is_none_is_not_raised_to_what_some_programs_count_through() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    from hub.server.descriptors import MOST, raise_limit

    assert raise_limit() == (max(soft, min(hard, MOST)) if hard != resource.RLIM_INFINITY else max(soft, MOST))
