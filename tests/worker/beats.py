"""Real beats for tests of schedules: processes that may die at a step, and whose clock may be another than ours."""

import subprocess
import sys
from pathlib import Path

from lab.harness import forking
from lab.harness.environment import BASE_DIR, ending_with_us
from tests.worker.running import environment

#: What a beat does here: it looks at schedules, and at nothing else, again and again, until ``until``.
LOOKS = """
import os, signal, time
import django
django.setup()
from django.db.models import QuerySet
from worker.beat import HubScheduler
from worker.celery import app
from worker.schedules import contents, running
from worker.schedules.models import ScheduleRun
scheduler = HubScheduler(app=app)
scheduler.maintenance = []
"""

#: Dies by SIGKILL before or after the first call of something.
DIES = """
def dying(owner, name, when):
    real = getattr(owner, name)
    def step(*args, **kwargs):
        if when == "after":
            real(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
    setattr(owner, name, step)
dying({owner}, {name!r}, {when!r})
"""

FOR_EVER = """
while True:
    time.sleep(min(0.2, scheduler.tick()))
"""

#: Has the process live so many seconds ahead as a file says: as ``time`` and Django tell it, and by the clock of
#: SQLite, which runs in it.
SHIFTED = """
import datetime, sqlite3, time
from django.utils import timezone
def ahead():
    with open({clock!r}) as file:
        return float(file.read())
real_time, plain = time.time, sqlite3.connect(":memory:", check_same_thread=False)
class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.now(tz) + datetime.timedelta(seconds=ahead())
time.time = lambda: real_time() + ahead()
timezone.datetime = Shifted
def strftime(form, *moment):
    modifiers = [f"{{ahead()}} seconds"] if moment[:1] == ("NOW",) else []
    moment = [*moment, *modifiers]
    return plain.execute("SELECT strftime(?" + ", ?" * len(moment) + ")", (form, *moment)).fetchone()[0]
from django.db.backends.signals import connection_created
def shift(connection, **_others):
    if connection.vendor == "sqlite":
        connection.connection.create_function("strftime", -1, strftime)
connection_created.connect(shift, weak=False)
"""


def beat(data_dir: Path, code: str, log: Path) -> "subprocess.Popen[bytes]":
    """A process that runs ``code`` on the database of this test."""
    variables = environment(data_dir)
    with log.open("ab") as output:
        command = ending_with_us([sys.executable, "-c", code])
        started: subprocess.Popen[bytes] = forking.Popen(
            command, cwd=BASE_DIR, env=variables, stdout=output, stderr=output, start_new_session=True
        )
    return started
