"""The composition root of HTTP."""

import inspect

from django.contrib import admin
from django.urls import include, path
from django.views import defaults
from django.views.generic import RedirectView

from hub.api import routes as api
from hub.web import health, metrics_view, views

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/", include("hub.accounts.urls")),
    path("notifications/", include("notifications.urls")),
    path("topics/", include("notifications.topic_urls")),
    path("chat/", include("chat.urls")),
    path("online/", include("presence.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api", api.call),
    path("api/", include(api)),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", metrics_view.metrics),
    path("admin/password_change/", RedirectView.as_view(pattern_name="accounts:password")),
    path("admin/", admin.site.urls),
]

# Django's own, without the look at the request's form that it wraps them in: no page of ours for errors has a form,
# and what is wrong may be that the one of the request cannot be read.
handler400 = inspect.unwrap(defaults.bad_request)
handler403 = inspect.unwrap(defaults.permission_denied)
handler404 = inspect.unwrap(defaults.page_not_found)
handler500 = inspect.unwrap(defaults.server_error)
