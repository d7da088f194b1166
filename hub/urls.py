"""The hub's URLs, in the namespace ``hub``: a project includes them wherever it likes.

    urlpatterns += [path("hub/", include("hub.urls"))]

:mod:`hub.web.project_urls` is the root of the hub's own project.
"""

from django.urls import include, path
from django.views.i18n import set_language

from hub.api import routes as api
from hub.web import health, metrics_view, views

app_name = "hub"
urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/", include("hub.accounts.urls")),
    path("notifications/", include("notifications.urls")),
    path("topics/", include("notifications.topic_urls")),
    path("chat/", include("chat.urls")),
    path("online/", include("presence.urls")),
    path("i18n/setlang/", set_language, name="set_language"),
    path("api", api.call),
    path("api/", include(api)),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", metrics_view.metrics),
]
