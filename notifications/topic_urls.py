from django.urls import path

from notifications import views

app_name = "topics"

urlpatterns = [
    path("", views.topic_list, name="list"),
    path("<slug:name>/follow/", views.follow_topic, name="follow"),
    path("<slug:name>/unfollow/", views.unfollow_topic, name="unfollow"),
]
