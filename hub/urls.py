"""The composition root of HTTP."""

from django.contrib import admin
from django.urls import include, path

from hub import health, metrics_view, views

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/", include("accounts.urls")),
    path("notifications/", include("notifications.urls")),
    path("chat/", include("chat.urls")),
    path("online/", include("presence.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("health/live", health.live),
    path("health/ready", health.ready),
    path("metrics", metrics_view.metrics),
    path("admin/", admin.site.urls),
]
