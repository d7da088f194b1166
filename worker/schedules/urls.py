from django.urls import path

from worker.schedules import views

app_name = "schedules"

urlpatterns = [
    path("", views.schedule_list, name="list"),
    path("new/", views.new, name="new"),
    path("preview/", views.preview, name="preview"),
    path("calendar/", views.calendar, name="calendar"),
    path("tasks/<int:pk>/", views.task, name="task"),
    path("<int:pk>/", views.one, name="one"),
    path("<int:pk>/edit/", views.edit, name="edit"),
    path("<int:pk>/<slug:change>/", views.change, name="change"),
]
