"""Topics as people see them: their page, and the admin."""

import pytest
from django.test import Client
from django.urls import reverse

from notifications import notify
from notifications.following import follow
from notifications.inbox import queries
from notifications.models import Follow, Notification, Topic
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


# --- administration --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_staff_puts_people_on_a_closed_topic_and_takes_them_off(
    payroll: Topic, ann: User, admin_client: Client
) -> None:
    add = reverse("admin:hub_notifications_follow_add")
    assert admin_client.post(add, {"topic": payroll.pk, "user": ann.pk}).status_code == 302
    row = Follow.objects.get()
    assert (row.topic, row.user) == (payroll, ann)
    again = admin_client.post(add, {"topic": payroll.pk, "user": ann.pk})
    assert again.status_code == 200  # with what is wrong
    delete = reverse("admin:hub_notifications_follow_delete", args=[row.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    assert not Follow.objects.exists()


@pytest.mark.slow
def test_topic_is_made_changed_and_deleted_in_the_admin_and_keeps_its_name(admin_client: Client, ann: User) -> None:
    fields = {"name": "deploys", "title": "Deployments", "description": "", "is_open": "on"}
    assert admin_client.post(reverse("admin:hub_notifications_topic_add"), fields).status_code == 302
    topic = Topic.objects.get()
    change = reverse("admin:hub_notifications_topic_change", args=[topic.pk])
    changed = {**fields, "name": "renamed", "title": "Rollouts"}
    assert admin_client.post(change, changed).status_code == 302
    topic.refresh_from_db()
    assert (topic.name, topic.title) == ("deploys", "Rollouts")
    follow(user=ann, name="deploys")
    notify(to=topic, message="m")
    assert b"Rollouts" in admin_client.get(reverse("admin:hub_notifications_topic_changelist")).content
    delete = reverse("admin:hub_notifications_topic_delete", args=[topic.pk])
    assert admin_client.post(delete, {"post": "yes"}).status_code == 302
    assert not Topic.objects.exists()
    assert not Notification.objects.filter(message="m").exists()


# --- the page --------------------------------------------------------------------------------------------------------


def test_page_has_a_button_for_open_topics_and_a_badge_on_closed_ones(
    deploys: Topic, payroll: Topic, ann: User, client: Client
) -> None:
    guest = client.get("/topics/").content.decode()
    assert "Deployments" in guest and "Payroll" not in guest and "/follow/" not in guest
    assert "/accounts/login/?next=/topics/" in guest
    client.force_login(ann)
    outside = client.get("/topics/").content.decode()
    assert 'action="/topics/deploys/follow/"' in outside and "Payroll" not in outside
    payroll.follows.create(user=ann)
    inside = client.get("/topics/").content.decode()
    assert "Payroll" in inside and "Closed" in inside and "/topics/payroll/" not in inside
    assert "You were put on this topic by an administrator.</span>" in inside  # not only where a mouse finds it


def test_page_shows_the_others_where_one_topic_has_an_impossible_name(
    deploys: Topic, ann: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = Topic(name="deploys.prod", title="Odd")
    monkeypatch.setattr(queries, "topics_for", lambda user: [odd, deploys])
    client.force_login(ann)
    page = client.get("/topics/").content.decode()
    assert "Odd" in page and 'action="/topics/deploys/follow/"' in page and 'action=""' not in page


def test_forms_follow_and_leave_without_scripts(deploys: Topic, ann: User, client: Client) -> None:
    client.force_login(ann)
    answer = client.post("/topics/deploys/follow/")
    assert (answer.status_code, answer["Location"]) == (302, "/topics/#topic-deploys")
    assert 'action="/topics/deploys/unfollow/"' in client.get("/topics/").content.decode()
    assert Follow.objects.filter(user=ann).exists()
    client.post("/topics/deploys/unfollow/")
    assert not Follow.objects.exists()


def test_form_of_a_guest_leads_to_the_log_in_page(deploys: Topic, client: Client) -> None:
    answer = client.post("/topics/deploys/follow/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/topics/")


def test_forms_open_no_closed_topic(payroll: Topic, ann: User, client: Client) -> None:
    client.force_login(ann)
    for change in ("follow", "unfollow"):
        assert client.post(f"/topics/payroll/{change}/").status_code == 404
        assert client.post(f"/topics/nothing/{change}/").status_code == 404
        assert client.get(f"/topics/payroll/{change}/").status_code == 405
    payroll.follows.create(user=ann)
    said = client.post("/topics/payroll/unfollow/", follow=True).content.decode()
    assert "Only an administrator can take you off this topic" in said
    assert Follow.objects.filter(user=ann).exists()


def test_forms_need_their_secret(deploys: Topic, ann: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ann)
    assert strict.post("/topics/deploys/follow/").status_code == 403
    assert not Follow.objects.exists()


def test_page_without_topics_says_so(client: Client, admin_client: Client) -> None:
    assert "Topics that you may follow appear here." in client.get("/topics/").content.decode()
    assert reverse("admin:hub_notifications_topic_add") in admin_client.get("/topics/").content.decode()


def test_title_of_a_topic_is_text(ann: User, client: Client) -> None:
    topic = Topic.objects.create(name="x", title="<b onclick=x>bold</b>", description="<script>x</script>")
    follow(user=ann, name="x")
    notify(to=topic, message="m")
    client.force_login(ann)
    for path in ("/topics/", "/notifications/"):
        page = client.get(path).content.decode()
        assert "&lt;b onclick=x&gt;bold&lt;/b&gt;" in page
        assert "<b onclick" not in page and "<script>x" not in page


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("everyone", "All"),
        ("system", "System"),
        ("dep1oys", "Deployments"),
        ("news", "\u1160"),
        ("news", "\u200b \u2800"),
    ],
    ids=ascii,
)
def test_topic_in_the_admin_can_be_seen_and_told_apart(admin_client: Client, name: str, title: str) -> None:
    Topic.objects.create(name="deploys", title="Deployments")
    assert admin_client.post("/admin/hub_notifications/topic/add/", {"name": name, "title": title}).status_code == 200
    assert Topic.objects.count() == 1
