"""The hub's URLs, in the namespace ``hub``: a project includes them wherever it likes.

    urlpatterns += [path("hub/", include("hub.urls"))]

The pages of the hub's apps are there where these are installed. :mod:`hub.web.project_urls` is the root of the hub's
own project.
"""

from django.apps import apps
from django.urls import include, path
from django.views.i18n import set_language

from hub.api import routes as api
from hub.web import health, metrics_view, views

#: The pages of an app: its name, where they are, and the module of their URLs.
_PAGES = (
    ("hub.accounts", "accounts/", "hub.accounts.urls"),
    ("notifications", "notifications/", "notifications.urls"),
    ("notifications", "topics/", "notifications.topic_urls"),
    ("chat", "chat/", "chat.urls"),
    ("presence", "online/", "presence.urls"),
)

app_name = "hub"
urlpatterns = [
    path("", views.home, name="home"),
    *(path(prefix, include(urls)) for app, prefix, urls in _PAGES if apps.is_installed(app)),
    path("i18n/setlang/", set_language, name="set_language"),
    path("api", api.call),
    path("api/", include(api)),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", metrics_view.metrics),
]
