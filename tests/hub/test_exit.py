"""The end of a web process whose threads hang, or outlive the interpreter's."""

import subprocess
import sys
import time

import pytest

from hub.database.threads import CLOSE_TIMEOUT
from hub.server.serve import EXIT_TIMEOUT
from lab.harness.environment import BASE_DIR

#: Seconds for a process that starts on a machine that has other things to do.
START = 60.0

#: A server that has ended while a thread still waits for its database.
HANGS = """
import asyncio, os, threading, time
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
import django
django.setup()
from hub.server import serve
from hub.database import threads

begun = threading.Event()

def hang():
    begun.set()
    time.sleep(600)

async def served():
    hanging = asyncio.ensure_future(threads.in_database_thread(hang))
    await asyncio.to_thread(begun.wait)
    threads.close_all()
    print("ended", flush=True)

serve.HubServer.run = lambda self, sockets=None: asyncio.run(served())
serve.main([])
"""


@pytest.mark.slow
def test_a_thread_that_hangs_in_its_database_does_not_keep_a_server_from_ending() -> None:
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", HANGS], cwd=BASE_DIR, capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "ended\n"), ended.stderr
    assert time.monotonic() - began < START + CLOSE_TIMEOUT + EXIT_TIMEOUT


#: A server in a thread that ends when the main thread has, as Django's reloading ``runserver`` leaves it.
LATE = """
import asyncio, os, threading
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hub.settings")
import django
django.setup()
from hub.database import threads

def serve():
    asyncio.run(threads.in_database_thread(int))
    begun.set()
    threading.main_thread().join()
    threads.close_all()
    print("ended", flush=True)

begun = threading.Event()
threading.Thread(target=serve).start()
begun.wait()
"""


@pytest.mark.slow
def test_a_server_may_end_after_the_interpreter_has_ended_its_threads() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LATE], cwd=BASE_DIR, capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ended\n", "")
