"""Alerts in the admin: seen there, never changed or taken back there."""

import pytest
from django.test import Client
from django.urls import reverse

from notifications import notify
from notifications.models import Notification
from tests.support.people import User

pytestmark = pytest.mark.django_db


@pytest.mark.slow
def test_alert_is_not_deleted_in_the_admin_because_the_stream_still_shows_it(admin_client: Client) -> None:
    (row,) = notify(to="everyone", message="lunch is ready")
    everything = reverse("admin:hub_notifications_notification_changelist")
    assert b"lunch is ready" in admin_client.get(everything).content
    delete = reverse("admin:hub_notifications_notification_delete", args=[row.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 403
    admin_client.post(everything, {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"})
    assert Notification.objects.filter(pk=row.pk).exists()


@pytest.mark.own_user_model
def test_user_is_deleted_in_the_admin_with_their_alerts(admin_client: Client) -> None:
    ada = User.objects.create_user("ada")
    notify(to=ada, message="for ada")
    delete = reverse("admin:hub_people_user_delete", args=[ada.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    assert not Notification.objects.filter(message="for ada").exists()
