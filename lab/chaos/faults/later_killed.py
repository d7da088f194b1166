"""Five alerts are to be sent later, and five others are snoozed until then. The worker is killed with SIGKILL before
that time and beat at it; both are started again.

Each alert is sent once, and each snoozed one is back as unread, told once; none before its time, all soon after it.
"""

import asyncio
import json
import time
from typing import Any

from lab.chaos.experiment import Experiment
from lab.chaos.faults.base import Fault
from lab.chaos.threads import in_thread

ALERTS = 5

#: Seconds until the time of all, and how late they may be: another beat waits for the lease of the one that died.
BEFORE, LIMIT = 6.0, 60.0

_STORE = """
import json
from datetime import timedelta
from django.utils import timezone
from hub.people.models import User
from notifications import notify
from notifications.inbox.organizing import snooze
person, _ = User.objects.get_or_create(username=name)
now = timezone.now()
for number in range(alerts):
    notify(to=person, message=f"{name} later {number}", at=now + timedelta(seconds=before), key=f"{name} {number}")
ids = [notify(to=person, message=f"{name} snoozed {number}")[0].pk for number in range(alerts)]
snooze(user=person, ids=ids, until=now + timedelta(seconds=before))
print(json.dumps([ids, (now + timedelta(seconds=before)).timestamp()]))
"""
_LOOK = """
import json
from hub.models import Publication
from hub.people.models import User
from notifications import channels
from notifications.inbox import reading
from notifications.models import Notification
person = User.objects.get(username=name)
told = Publication.objects.filter(channel=channels.of_user(person), data__contains="alert_returned")
unread = reading.unread_ids(reading.reader(person.pk), limit=1000)
print(json.dumps({
    "sent": [[message, at.timestamp()] for message, at in
        Notification.objects.filter(message__startswith=f"{name} later").values_list("message", "created_at")],
    "unread": [pk for pk in unread if pk in ids],
    "returned": [[json.loads(data)["id"], at.timestamp()] for data, at in told.values_list("data", "created_at")],
}))
"""


class LaterKilled(Fault):
    """What sends later is killed before it does."""

    name = "later-killed"
    seconds = 30.0
    seconds_at_least = 30.0
    sizes = (1.0, 1.0)

    async def inject(self, experiment: Experiment, size: float) -> None:
        hub, chance = experiment.hub, experiment.chance
        name = f"later{chance.getrandbits(32)}"
        stored = await in_thread(hub.tasks.run, _STORE, name=name, alerts=ALERTS, before=BEFORE)
        ids, due = json.loads(stored)

        async def look() -> dict[str, list[Any]]:
            found: dict[str, list[Any]] = json.loads(await in_thread(hub.observer.run, _LOOK, name=name, ids=ids))
            return found

        await asyncio.sleep(chance.uniform(0, BEFORE / 2))
        await in_thread(hub.worker.kill)
        await asyncio.sleep(max(0.0, due - time.time() + chance.uniform(-0.5, 0.5)))
        await in_thread(hub.beat.kill)
        hub.worker.start()
        hub.beat.start()

        async def all_there() -> bool:
            found = await look()
            return len(found["sent"]) >= ALERTS and len(found["unread"]) == ALERTS and len(found["returned"]) >= ALERTS

        await experiment.eventually(all_there, within=LIMIT, that=f"{2 * ALERTS} alerts are there at their time")
        found = await look()
        messages = sorted(message for message, _ in found["sent"])
        experiment.must(
            messages == [f"{name} later {number}" for number in range(ALERTS)], f"{len(messages)} were sent, once each"
        )
        returned = sorted(pk for pk, _ in found["returned"])
        experiment.must(returned == sorted(ids), f"{len(returned)} returns were told, once each")
        earliest = min(at for _, at in found["sent"] + found["returned"]) - due
        experiment.must(earliest >= 0, f"the first came {earliest:.1f} s after its time")
