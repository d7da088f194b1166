"""The hub's URLs, in the namespace ``hub``: a project includes them wherever it likes.

    urlpatterns += [path("hub/", include("hub.urls"))]

The pages of the hub's apps are there where these are installed. :mod:`hub.web.project_urls` is the root of the hub's
own project.
"""

from collections.abc import Collection
from typing import NamedTuple

from django.apps import apps
from django.urls import URLPattern, URLResolver, include, path
from django.views.i18n import set_language

from hub.api import routes as api
from hub.config import hub_settings
from hub.web import health, metrics_view, unmounted, views
from hub.web.widgets import views as widgets


class _Pages(NamedTuple):
    """The pages that ``HUB_PAGES`` calls ``name``: of which app, where they are, and the module of their URLs."""

    name: str
    app: str
    prefix: str
    urls: str


_PAGES = (
    _Pages("accounts", "hub.accounts", "accounts/", "hub.accounts.urls"),
    _Pages("alerts", "notifications", "notifications/", "notifications.urls"),
    _Pages("topics", "notifications", "topics/", "notifications.topic_urls"),
    _Pages("chat", "chat", "chat/", "chat.urls"),
    _Pages("online", "presence", "online/", "presence.urls"),
    _Pages("jobs", "worker", "jobs/", "worker.tracking.urls"),
    _Pages("operations", "worker", "operations/", "worker.operations.urls"),
    _Pages("schedules", "worker", "schedules/", "worker.schedules.urls"),
)

#: What Django answers of the endpoints.
_ENDPOINTS: dict[str, list[URLPattern | URLResolver]] = {
    "api": [path("api", api.call), path("api/", include(api))],
    "health": [path("health/live", health.live), path("health/ready", health.ready)],
    "metrics": [path("metrics", metrics_view.metrics)],
    "widgets": [
        path("widgets.js", widgets.script, name="widgets"),
        path("widgets.<slug:version>.js", widgets.script, name="widgets_version"),
        path("widgets/<slug:language>.json", widgets.texts_in, name="widgets_texts"),
    ],
}


def pages(wanted: Collection[str]) -> list[URLPattern | URLResolver]:
    """The URLs of these pages, as far as their apps are installed."""
    found: list[URLPattern | URLResolver] = []
    if "home" in wanted:
        found.append(path("", views.home, name="home"))
    found += [
        path(some.prefix, include(some.urls)) for some in _PAGES if some.name in wanted and apps.is_installed(some.app)
    ]
    if "language" in wanted:
        found.append(path("i18n/setlang/", set_language, name="set_language"))
    return found


def endpoints(wanted: Collection[str]) -> list[URLPattern | URLResolver]:
    """The URLs of these endpoints; of what Django cannot answer, a sentence that says where it is answered."""
    found = [url for name, urls in _ENDPOINTS.items() if name in wanted for url in urls]
    return [*found, *unmounted.urls(name for name in wanted if name not in _ENDPOINTS)]


def _listed(given: object) -> list[str]:
    """What a setting lists; nothing where it is no list, which the checks say: they load this module first."""
    return list(given) if isinstance(given, list | tuple) else []


app_name = "hub"
urlpatterns = [
    *pages(_listed(hub_settings().pages)),
    *endpoints(_listed(hub_settings().endpoints)),
    path("", views.nothing, name="root"),  # by it the hub knows where it is, whatever is left out
]
