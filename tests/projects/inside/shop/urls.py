from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from orders import views

urlpatterns = [
    path("", views.orders, name="home"),
    path("orders/<slug:number>/pack/", views.pack, name="pack"),
    path("login/", LoginView.as_view(template_name="login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
]
