from django.urls import path

from worker.tracking import views

app_name = "jobs"

urlpatterns = [path("", views.job_list, name="list")]
