"""Everything is below ``/app/``."""

from django.urls import include, path

urlpatterns = [path("app/", include("shop.urls"))]
