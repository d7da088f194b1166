"""The Celery application of the hub with one task more. ``celery -A bench.publishers.hub_tasks worker``."""

from worker.celery import app

__all__ = ["app"]


@app.task(name="bench.tell_people")
def tell_people(times: int, people: int, text: str) -> None:
    """Send the first ``people`` people an alert each, ``times`` times over."""
    from django.contrib.auth.models import User

    from notifications import notify

    for _ in range(times):
        notify(to=User.objects.order_by("pk")[:people], message=text)
