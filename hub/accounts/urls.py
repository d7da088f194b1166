from django.contrib.auth.views import LogoutView
from django.urls import path

from hub.accounts import views

app_name = "accounts"
urlpatterns = [
    path("login/", views.LogInView.as_view(), name="login"),
    path("link/", views.follow_link, name="link"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("signup/", views.SignUpView.as_view(), name="signup"),
    path("password/", views.PasswordView.as_view(), name="password"),
    path("mail/", views.MailAddressView.as_view(), name="mail"),
    path("password_reset/", views.ResetView.as_view(), name="password_reset"),
    path("password_reset/sent/", views.ResetSentView.as_view(), name="password_reset_sent"),
    path("password_reset/<uidb64>/<token>/", views.NewPasswordView.as_view(), name="password_new"),
    path("tokens/", views.access, name="tokens"),
    path("tokens/<int:pk>/revoke/", views.revoke_access_token, name="revoke_token"),
    path("sessions/end/", views.end_everything, name="end_everything"),
    path("sessions/<str:public_id>/end/", views.end_session, name="end_session"),
]
