from django.urls import path

from notifications import views
from notifications.preferences import views as preferences_views

app_name = "notifications"

urlpatterns = [
    path("", views.notification_list, name="list"),
    path("organize/", views.organize, name="organize"),
    path("preferences/", preferences_views.choose, name="preferences"),
    path("items/", views.items, name="items"),
]
