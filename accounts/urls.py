from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("login/", views.LogInView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("signup/", views.SignUpView.as_view(), name="signup"),
    path("tokens/", views.access_tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", views.revoke_access_token, name="revoke_token"),
]
