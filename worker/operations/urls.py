from django.urls import path

from worker.operations import views

app_name = "operations"

urlpatterns = [
    path("", views.overview, name="overview"),
    path("failed/", views.failed, name="failed"),
    path("job/", views.job, name="job"),
    path("queue/<slug:change>/", views.queue, name="queue"),
    path("worker/<slug:change>/", views.worker, name="worker"),
]
