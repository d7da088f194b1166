"""Two transactions publish to one channel; the one that began first commits last.

Clients see both, in the order of their offsets, without waiting for the one that is slow.
"""

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault, times
from lab.chaos.threads import in_thread

#: Runs in backend code: two threads, the first of which holds its transaction open until the other has committed, or
#: until it can be seen that the database lets only one write at a time.
_PUBLISH = """
import threading
from django.db import connection, transaction
from notifications import notify

began, other_committed, errors = threading.Event(), threading.Event(), []

def slow():
    try:
        with transaction.atomic():
            notify(to="everyone", message=first)
            began.set()
            other_committed.wait(0.3 if connection.vendor == "sqlite" else 10)
    except Exception as error:
        errors.append(error)
    finally:
        began.set()
        connection.close()

thread = threading.Thread(target=slow)
thread.start()
began.wait(10)
if connection.vendor == "sqlite":
    thread.join()
notify(to="everyone", message=second)
other_committed.set()
thread.join()
if errors:
    raise errors[0]
"""


class CommitsOutOfOrder(Fault):
    """Who begins first commits last."""

    name = "commits-out-of-order"
    seconds = 10.0

    async def inject(self, experiment: Experiment, size: float) -> None:
        ledger = experiment.ledger
        for _ in range(times(20, size)):
            first, second = ledger.attempt("slow commit"), ledger.attempt("quick commit")
            try:
                await in_thread(
                    experiment.hub.tasks.run, _PUBLISH, first=ledger.text(first), second=ledger.text(second)
                )
            except AssertionError:  # with another fault at the same time the database may be away
                experiment.must(not experiment.strict, "both transactions commit")
                return
            for number in (first, second):
                ledger.acknowledge(number)
            await experiment.all_show([first, second], within=3.0)
