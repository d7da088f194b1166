"""The root of the URLs where the hub runs as a project of its own: its pages, the admin, and the pages of errors."""

from django.contrib import admin
from django.urls import include, path
from django.utils.translation import gettext_lazy as _
from django.views.generic import RedirectView

from hub.web import error_pages

urlpatterns = [
    path("", include("hub.urls")),
    path("admin/password_change/", RedirectView.as_view(pattern_name="hub:accounts:password")),
    path("admin/", admin.site.urls),
]

admin.site.site_header = admin.site.site_title = _("Notification Hub")

handler400 = error_pages.bad_request
handler403 = error_pages.permission_denied
handler404 = error_pages.page_not_found
handler500 = error_pages.server_error
