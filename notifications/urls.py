from django.urls import path

from notifications import preferences_views, views

app_name = "notifications"

urlpatterns = [
    path("", views.notification_list, name="list"),
    path("preferences/", preferences_views.choose, name="preferences"),
    path("items/", views.items, name="items"),
]
