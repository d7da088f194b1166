"""What ``manage.py check`` says about the hub's settings: some can only be judged when all apps are known."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from hub.access.signed_tokens import checks as _of_tokens  # noqa: F401  # registers its own
from hub.bus.redis_layer import HubChannelLayer
from hub.channels import namespaces
from hub.config import faults, hub_settings, is_own_project, layers, misspelt, production_checks, under_test
from hub.database import checks as _of_database  # noqa: F401  # registers its own
from hub.database import routers as _of_routers  # noqa: F401  # likewise
from hub.live_rows import checks as _of_live_rows  # noqa: F401  # likewise
from hub.users import checks as _of_users  # noqa: F401  # likewise
from hub.web import checks as _of_pages  # noqa: F401  # likewise

_IN_A_TABLE = ("django.contrib.sessions.backends.db", "django.contrib.sessions.backends.cached_db")
_LAYER = 'Its BACKEND is "hub.bus.redis_layer.HubChannelLayer".'


@checks.register
def settings_are_what_they_are_declared_to_be(
    app_configs: Sequence[Any] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Each ``HUB_…`` in Django's settings has its type and is not below its least value."""
    return [checks.Error(sentence, id="hub.E002") for sentence in faults()]


@checks.register
def variables_are_known(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Each ``HUB_…`` of the environment is one that the hub reads; a warning, since others may be a platform's."""
    return [checks.Warning(sentence, id="hub.W001") for sentence in misspelt.sentences()]


@checks.register
def settings_are_known(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Each ``HUB_…`` in Django's settings is one that the hub heeds."""
    return [checks.Warning(sentence, id="hub.W002") for sentence in misspelt.sentences_of_django()]


@checks.register
def retention_names_namespaces(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """``HUB_RETENTION`` names only namespaces that some app has registered."""
    retention: Any = hub_settings().retention
    if not isinstance(retention, Mapping):
        return []  # the check above says so
    known = {namespace.name for namespace in namespaces() if namespace.durable}
    return [
        checks.Error(
            f"HUB_RETENTION names {name!r}, and no app has registered a durable namespace of that name.",
            hint=f"There are {', '.join(sorted(known))}.",
            id="hub.E001",
        )
        for name in retention
        if name not in known
    ]


@checks.register
def apps_are_those_of_a_project(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """What the hub cannot do without is installed, and nothing that is for the hub's own project."""
    found: list[checks.CheckMessage] = []
    if not apps.is_installed("worker"):
        found.append(
            checks.Error(
                'INSTALLED_APPS has no "worker": nothing delivers what a crash left, and jobs are not stored.',
                hint='Of the five apps of the hub only "chat" and "presence" may be left out.',
                id="hub.E046",
            )
        )
    if settings.SESSION_ENGINE in _IN_A_TABLE and not apps.is_installed("django.contrib.sessions"):
        found.append(
            checks.Error(
                'INSTALLED_APPS has no "django.contrib.sessions", which has the table of SESSION_ENGINE: nobody stays '
                "logged in.",
                hint="Add it, or set SESSION_ENGINE to one that needs no table.",
                id="hub.E038",
            )
        )
    if apps.is_installed("hub.accounts") and not is_own_project():
        found.append(
            checks.Error(
                'INSTALLED_APPS has "hub.accounts", which is for the hub\'s own project: people and sessions are '
                "those of this one.",
                hint="Take it out.",
                id="hub.E047",
            )
        )
    if not apps.is_installed("django.contrib.staticfiles"):
        found.append(
            checks.Warning(
                'INSTALLED_APPS has no "django.contrib.staticfiles": nothing finds the scripts of the widgets.',
                hint="Add it, unless you serve the folder hub/static of the package in another way.",
                id="hub.W043",
            )
        )
    return found


@checks.register
def times_have_zones(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """Times that Django gives can be compared with those of schedules and of clients."""
    if settings.USE_TZ:
        return []
    return [
        checks.Error(
            "USE_TZ is False: the hub compares times of rows with times that have a zone.",
            hint="Set USE_TZ = True, and have Django's documentation on time zones at hand.",
            id="hub.E035",
        )
    ]


@checks.register
def containers_can_ask_for_health(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """In the hub's own project something asks ``/health/…``: ``up``, containers, a proxy."""
    if not is_own_project() or "health" in hub_settings().endpoints:
        return []
    return [
        checks.Warning(
            'HUB_ENDPOINTS leaves out "health": "up", compose.yaml and deploy/release take each web process for one '
            "that is down.",
            hint='Add "health" to it.',
            id="hub.W004",
        )
    ]


@checks.register
def redis_and_layer_are_named(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """A project names the Redis and the channel layer of the hub."""
    found: list[checks.CheckMessage] = []
    if not hub_settings().redis_url:
        found.append(_no_redis())
    ours = layers.of_the_hub(getattr(settings, "CHANNEL_LAYERS", {}))
    if ours is None:
        found.append(
            checks.Error(
                f'CHANNEL_LAYERS has neither "{layers.ALIAS}" nor "default".',
                hint=_LAYER,
                id="hub.E031",
            )
        )
    elif fault := _fault_of_layer(ours):
        found.append(checks.Error(fault, hint=_LAYER, id="hub.E032"))
    elif not layers.is_in_memory(ours):
        found += _foreign_layer(ours)
    elif not under_test.is_under_test():
        found.append(
            checks.Warning(
                "CHANNEL_LAYERS is in memory: what a worker or another process sends reaches nobody's browser.",
                hint=_LAYER,
                id="hub.W037",
            )
        )
    return found


def _no_redis() -> checks.CheckMessage:
    if hasattr(settings, "REDIS_URL"):  # which the project uses for something: the hub takes no name but its own
        return checks.Error(
            "HUB_REDIS_URL is not set, and the hub does not read REDIS_URL.",
            hint="HUB_REDIS_URL = REDIS_URL, or the address of another Redis.",
            id="hub.E030",
        )
    return checks.Error("HUB_REDIS_URL is not set.", hint='HUB_REDIS_URL = "redis://127.0.0.1:6379/0".', id="hub.E030")


def _foreign_layer(layer: Mapping[str, Any]) -> Iterator[checks.CheckMessage]:
    name = layer["BACKEND"]
    made_by = import_string(name)
    if isinstance(made_by, type) and not issubclass(made_by, HubChannelLayer):
        yield checks.Warning(
            f"CHANNEL_LAYERS gives the hub {name!r}, which is not the hub's: what is sent all at once takes many "
            "round trips, or is dropped and arrives seconds later.",
            hint=f'Keep it as "default", and add one that is called "{layers.ALIAS}". {_LAYER}',
            id="hub.W059",
        )


def _fault_of_layer(layer: Mapping[str, Any]) -> str:
    """Why the channel layer of these settings cannot be made; empty where its class is found."""
    name = layer.get("BACKEND", "")
    try:
        import_string(name)
    except ImportError as error:
        return f"CHANNEL_LAYERS names {name!r}, which cannot be imported: {error}."
    return ""


@checks.register(deploy=True)
def production_would_start(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[checks.CheckMessage]:
    """What ``HUB_ENV=production`` refuses is an error; what ``HUB_ALLOW_UNSAFE`` allows is shown."""
    words = production_checks.OWN if is_own_project() else production_checks.INSIDE
    found = production_checks.dangers(
        {name: getattr(settings, name) for name in dir(settings) if name.isupper()}, words
    )
    allowed = getattr(settings, "HUB_ALLOW_UNSAFE", ())
    return [
        checks.Info(f"{production_checks.ALLOW} has {danger.name}: {danger.sentence}", id="hub.I001")
        if danger.name in allowed
        else checks.Error(danger.refusal, id="hub.E003")
        for danger in found
    ]
