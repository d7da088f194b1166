"""The Celery application of the hub with some tasks more. ``celery -A lab.bench.publishers.hub_tasks worker``."""

from typing import Any

from worker.celery import app

__all__ = ["app"]

app.conf.include = [*(app.conf.include or ()), "lab.bench.publishers.job_tasks", "lab.bench.publishers.queue_tasks"]


@app.task(name="bench.send_to_group")
def send_to_group(text: str) -> None:
    """Send an event to everyone, as Channels' tutorials do."""
    from asgiref.sync import async_to_sync
    from channels.layers import get_channel_layer

    import hub

    layer: Any = get_channel_layer()
    async_to_sync(layer.group_send)(hub.group("everyone"), {"type": "notification", "message": text})


@app.task(name="bench.tell_people")
def tell_people(times: int, people: int, text: str) -> None:
    """Send the first ``people`` people an alert each, ``times`` times over."""
    from hub.users.model import all_users, log_in_field
    from lab.bench.publishers import log_in_names
    from notifications import notify

    # Not the first by key: keys that are UUIDs have another order than the people with sockets.
    named = {f"{log_in_field()}__in": [log_in_names.of(number) for number in range(people)]}
    for _ in range(times):
        notify(to=all_users().filter(**named), message=text)
