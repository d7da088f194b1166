"""The engine. What other code may import from ``hub`` itself is here; importing it loads no model and no app."""

from typing import TYPE_CHECKING, Any

__all__ = ["__version__", "group", "mount", "schedule"]

#: The same as in ``pyproject.toml``.
__version__ = "0.1.0"

if TYPE_CHECKING:
    from celery import Celery


def group(channel: str) -> str:
    """The channel-layer group that carries ``channel``, such as ``"everyone"``, ``"user:42"`` or ``"room:7"``.

    What is sent to it with ``group_send`` reaches every client that follows the channel, live: not stored, without an
    offset, with nothing to recover (``docs/howto/publish-through-the-channel-layer.md``). The name is stable.

    Call it once the apps are ready: before that no channel is known.

    Raises:
        UnknownChannel: the name is malformed, of no registered namespace, or has no id of its namespace; or the
            channel is the hub's own.
    """
    from hub.channels import find, group_name

    find(channel)
    return group_name(channel)


def mount(django_application: Any, *, websocket: Any = None) -> Any:
    """A project's ASGI application with the hub in front of it, below the URL at which it includes ``hub.urls``.

        application = hub.mount(get_asgi_application(), websocket=our_router)

    Requests and handshakes for the hub's endpoints are the hub's; everything else goes on untouched: requests to
    ``django_application``, other WebSockets to ``websocket`` or, without one, nowhere. Sessions and users are the
    project's. Call it after ``django.setup()``, which ``get_asgi_application()`` has done.

    Args:
        django_application: the project's ASGI application for HTTP, or a ``ProtocolTypeRouter`` of Channels.
        websocket: its ASGI application for WebSockets, such as a Channels router; by default that of a
            ``ProtocolTypeRouter``.

    Raises:
        ImproperlyConfigured: the project's URLs do not include the hub's, or a setting of the hub is not what it is
            declared to be.
    """
    from hub.mounting.project import mount as mount_into

    return mount_into(django_application, websocket)


def schedule(app: "Celery") -> None:
    """Have the beat of a project's Celery application send the tasks that the hub runs regularly.

    They deliver what a crash left undelivered, send jobs again that nothing was heard of, and delete what need not be
    kept. They take a worker of the project a few milliseconds every few seconds. Other tasks, queues, routes and the
    scheduler of ``app`` stay as they are; a task that no worker took in time expires. With
    ``beat_scheduler = "worker.beat.HubScheduler"`` nothing is added: that scheduler sends them by itself.

    A worker and a beat of ``app`` do not start with a setting of the hub that is not what it is declared to be. Celery
    logs no line at INFO for each run of the hub's regular tasks.

    Call it in the module that makes the application::

        app = Celery("myproject")
        app.config_from_object("django.conf:settings", namespace="CELERY")
        app.autodiscover_tasks()
        hub.schedule(app)
    """
    from worker import scheduling, starting

    scheduling.schedule(app)
    starting.watch(app)
