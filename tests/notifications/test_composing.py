"""The staff write a notification, send one again and take one back."""

import itertools
import re
import time
from datetime import timedelta
from functools import partial
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import signing
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hub.testing import drain_jobs
from hub.users import user_id
from notifications import MEMBERS, Kind, notify
from notifications.kinds import declaring
from notifications.models import Follow, InboxEntry, Notification, ScheduledAlert, Topic
from notifications.oversight.looked_at import AGE, Look
from notifications.oversight.repeating import send_again
from notifications.sending import named_audiences
from tests.support.people import User, make_crowd

pytestmark = pytest.mark.django_db(transaction=True)

COMPOSE = "admin:hub_notifications_notification_compose"
ONCE = "0" * 32


def write(client: Client, button: str, **fields: Any) -> Any:
    return client.post(reverse(COMPOSE), {"once": ONCE, button: "1", **fields})


def seal_in(page: Any) -> str:
    """What the page has of what it shows."""
    found = re.search(r'name="seen" value="([^"]+)"', text_of(page))
    return found[1] if found else ""


def seen(client: Client, **fields: Any) -> str:
    """What the form has from its preview, or from the page that refused to send."""
    return seal_in(write(client, "_preview", **fields))


def look_and_send(client: Client, **fields: Any) -> Any:
    return write(client, "_send", **fields, seen=seen(client, **fields))


def text_of(response: Any) -> str:
    return str(response.content.decode())


def report_of(row: Notification) -> str:
    return reverse("admin:hub_notifications_notification_report", args=[row.pk])


def look_and_do(client: Client, address: str, wish: str, once: str = ONCE) -> Any:
    """What the button of a report does, once somebody has said that it is meant."""
    asked = {"do": wish, "once": once}
    return client.post(address, {**asked, "confirmed": "1", "seen": seal_in(client.post(address, asked))})


def test_a_preview_counts_people_and_sends_nothing(admin_client: Client, ann: User, deploys: Topic) -> None:
    Follow.objects.create(topic=deploys, user=ann)
    page = text_of(write(admin_client, "_preview", audience="topic:deploys", message="<i>done</i>"))
    assert "To 1 person" in page and "&lt;i&gt;done&lt;/i&gt;" in page
    assert not Notification.objects.exists()


@pytest.mark.parametrize(
    ("audience", "people"),
    [("everyone", 4), ("members", 4), ("group:ops", 2), ("", 1), ("audience:all", 4)],
)
def test_all_recipients_of_a_form_are_counted(
    admin_client: Client, ann: User, monkeypatch: pytest.MonkeyPatch, audience: str, people: int
) -> None:
    monkeypatch.setattr(named_audiences, "_declared", {})
    named_audiences.audience("all")(User.objects.all)
    ops = Group.objects.create(name="ops")
    for one in make_crowd("one", 2):
        one.groups.add(ops)
    fields = {"audience": audience} if audience else {"people": user_id(ann)}
    page = text_of(write(admin_client, "_preview", message="m", **fields))
    assert f"To {people} p" in page


def test_a_notification_is_sent_once_however_often_the_form_comes(admin_client: Client, ann: User) -> None:
    for _again in range(2):
        answer = look_and_send(admin_client, people=user_id(ann), message="m", buttons="Open = /orders/7/")
        (row,) = Notification.objects.all()
        assert answer.status_code == 302 and answer["location"] == report_of(row)
    row = Notification.objects.get()
    assert row.sender is not None and row.source == f"person:{user_id(row.sender)}"
    assert row.actions == [{"name": "link-0", "label": "Open", "url": "/orders/7/"}]
    assert "was sent before" in text_of(admin_client.get(report_of(row)))


def test_what_is_sent_later_waits_for_its_time(admin_client: Client, ann: User) -> None:
    at = timezone.localtime() + timedelta(hours=2)
    for _again in range(2):
        look_and_send(admin_client, people=user_id(ann), message="m", at=at.strftime("%Y-%m-%dT%H:%M"))
    (row,) = ScheduledAlert.objects.all()
    assert abs(row.due_at - at) < timedelta(minutes=1) and not Notification.objects.exists()


def test_a_test_goes_to_the_one_who_writes_and_to_nobody_else(admin_client: Client, admin_user: User) -> None:
    for _again in range(2):
        assert write(admin_client, "_test", audience="everyone", message="m").status_code == 200
    assert [row.user_id for row in Notification.objects.all()] == [admin_user.pk] * 2


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"message": "m"}, "Choose an audience"),
        ({"audience": "everyone"}, "message has 1 to"),
        ({"audience": "everyone", "message": "m", "url": "javascript:alert(1)"}, "url is http"),
        ({"audience": "everyone", "message": "m", "buttons": "Do it = nothing-of-the-kind"}, "no action named"),
        ({"audience": "everyone", "message": "m", "params": "{"}, "valid JSON"),
        ({"audience": "everyone", "message": "m", "params": "[" * 20_000}, "valid JSON"),
        ({"people": "nobody", "message": "m"}, "nobody called nobody"),
        ({"audience": "topic:nothing", "message": "m"}, "not one of the available choices"),
        ({"audience": "everyone", "message": "m", "once": "x"}, "Enter a valid value"),
    ],
)
def test_what_cannot_be_sent_is_said_in_the_form(admin_client: Client, fields: dict[str, str], sentence: str) -> None:
    page = text_of(write(admin_client, "_send", **fields))
    assert sentence in page
    assert not Notification.objects.exists()


def test_texts_of_a_kind_are_shown_in_each_language(
    admin_client: Client, ann: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(declaring, "_declared", {})
    Kind("shop.page", label="Page", title=_("Language"), message="{name}", fields={"name": str})
    page = text_of(write(admin_client, "_preview", people=user_id(ann), kind="shop.page", params='{"name": "Ada"}'))
    for code, title in (("en", "Language"), ("ru", "Язык")):
        assert re.search(rf'<td\s+lang="{code}">{title}</td>', page), code
    assert page.count(">Ada</td>") == 2


def test_a_notification_is_sent_again_to_those_who_had_it(admin_client: Client, ann: User) -> None:
    (row,) = notify(to=ann, message="m", title="t", key="k", data={"n": 1})
    for _again in range(2):
        assert look_and_do(admin_client, report_of(row), "again").status_code == 302
    again, first = Notification.objects.all()
    assert first.pk == row.pk and again.user_id == ann.pk
    assert (again.message, again.title, again.data, again.key) == ("m", "t", {"n": 1}, f"again:{ONCE}")


def test_a_notification_of_many_is_sent_again_to_one_or_to_all(admin_client: Client) -> None:
    crowd = make_crowd("one", named_audiences.SMALL + 5)
    (row,) = notify(to=crowd, message="m")
    drain_jobs()
    one = crowd[3]
    look_and_do(admin_client, f"{report_of(row)}?person={user_id(one)}", "again")
    (to_one,) = Notification.objects.exclude(pk=row.pk)
    assert to_one.user_id == one.pk
    assert look_and_do(admin_client, f"{report_of(row)}?person=nobody", "again").status_code == 404
    look_and_do(admin_client, report_of(row), "again", "1" * 32)
    drain_jobs()
    to_all = Notification.objects.latest("pk")
    assert to_all.audience == "people"
    assert InboxEntry.objects.filter(notification=to_all).count() == len(crowd)


def test_what_went_to_a_group_that_is_gone_is_not_sent_to_everyone(ann: User) -> None:
    (row,) = notify(to=Group.objects.create(name="g"), message="m")
    Notification.objects.filter(pk=row.pk).update(group_id=10**6)
    stored = Notification.objects.select_related("group").get(pk=row.pk)
    with pytest.raises(LookupError):
        send_again(stored, once=ONCE, sender=ann)


def test_a_notification_is_taken_back(admin_client: Client, ann: User) -> None:
    (row,) = notify(to=ann, message="m")
    assert look_and_do(admin_client, report_of(row), "retract").status_code == 302
    assert not Notification.objects.exists()


@pytest.mark.slow
@pytest.mark.own_user_model
def test_each_button_needs_its_permission(client: Client, ann: User) -> None:
    (row,) = notify(to=ann, message="m")
    ann.is_staff = True
    ann.save()
    client.force_login(ann)

    def may(*names: str) -> list[int]:
        ann.user_permissions.set(Permission.objects.filter(codename__in=names))
        return [
            client.get(reverse(COMPOSE)).status_code,
            look_and_do(client, report_of(row), "again").status_code,
            look_and_do(client, report_of(row), "retract").status_code,
        ]

    assert may() == [403, 403, 403]
    assert may("view_notification") == [403, 403, 403]
    page = client.get(report_of(row)).content.decode()
    assert 'value="again"' not in page and 'value="retract"' not in page
    assert may("view_notification", "add_notification") == [200, 302, 403]
    assert may("view_notification", "delete_notification") == [403, 403, 302]


def test_an_audience_that_fails_is_said_in_the_form(admin_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_audiences, "_declared", {})
    named_audiences.audience("broken")(lambda: User.objects.filter(pk__in=[1 // 0]))
    assert "ZeroDivisionError" in text_of(write(admin_client, "_preview", audience="audience:broken", message="m"))


def test_a_link_fills_in_for_whom_and_no_name_of_the_form(admin_client: Client) -> None:
    page = text_of(admin_client.get(reverse(COMPOSE), {"people": "ada", "message": "foreign", "once": ONCE}))
    assert ">\nada</textarea>" in page
    assert "foreign" not in page and ONCE not in page


def test_what_a_button_does_is_asked_for_before_it_is_done(admin_client: Client, ann: User) -> None:
    crew = Group.objects.create(name="crew")
    for user in make_crowd("crew", 3):
        user.groups.add(crew)
    (row,) = notify(to=crew, message="to the crew")
    for wish, said in (("again", "To 3 people"), ("retract", "This cannot be undone.")):
        page = admin_client.post(report_of(row), {"do": wish, "once": ONCE})
        assert page.status_code == 200
        assert said in page.text and "to the crew" in page.text
        assert f'name="do" value="{wish}"' in page.text and ONCE in page.text
    page = admin_client.post(f"{report_of(row)}?person={user_id(ann)}", {"do": "again", "once": ONCE})
    assert "To 1 person" in page.text
    page = admin_client.post(f"{report_of(row)}?person={user_id(ann)}", {"do": "retract"})
    assert "To 3 people" in page.text and f"({user_id(ann)})" not in page.text
    assert list(Notification.objects.all()) == [row]
    for wrong in ({"do": "again", "once": "x"}, {"do": "nothing", "once": ONCE, "confirmed": "1"}):
        assert admin_client.post(report_of(row), wrong).status_code == 400


@pytest.mark.parametrize(
    ("wish", "changed"),
    [
        *itertools.product(("again", "retract"), ("text", "people", "wish", "seal")),
        ("again", "person"),  # what is taken back is taken from all
    ],
)
def test_what_differs_from_what_was_looked_at_is_asked_again(
    admin_client: Client, ann: User, wish: str, changed: str
) -> None:
    crew = Group.objects.create(name="crew")
    ann.groups.add(crew)
    (row,) = notify(to=crew, message="m")
    asked = {"do": wish, "once": ONCE}
    address = report_of(row)
    meant = {**asked, "confirmed": "1", "seen": seal_in(admin_client.post(address, asked))}
    match changed:
        case "text":
            Notification.objects.filter(pk=row.pk).update(message="another")
        case "people":
            User.objects.create_user("ben").groups.add(crew)
        case "person":
            address = f"{address}?person={user_id(ann)}"  # as many as before
        case "wish":
            meant["do"] = "retract" if wish == "again" else "again"
        case "seal":
            meant["seen"] = "x"
    page = admin_client.post(address, meant)
    said = {"seal": "Look at this first", "people": "The recipients have changed"}
    assert page.status_code == 200 and said.get(changed, "This is not what you have looked at") in page.text
    assert [found.pk for found in Notification.objects.all()] == [row.pk]
    assert admin_client.post(address, {**meant, "seen": seal_in(page)}).status_code == 302
    assert [found.pk for found in Notification.objects.all()] != [row.pk]


def test_what_has_no_recipients_any_more_is_taken_back_and_not_sent_again(admin_client: Client) -> None:
    (row,) = notify(to=MEMBERS, message="m")
    Notification.objects.filter(pk=row.pk).update(audience="audience:gone")
    answer = admin_client.post(report_of(row), {"do": "again", "once": ONCE}, follow=True)
    assert "is no audience" in unescape(answer.text)
    assert "This cannot be undone." in admin_client.post(report_of(row), {"do": "retract"}).text
    assert look_and_do(admin_client, report_of(row), "retract").status_code == 302


@pytest.mark.parametrize(
    "changed",
    [{"message": "another"}, {"people": "everyone else"}, {"url": "/elsewhere/"}, {"once": "1" * 32}, {"seen": "x"}],
    ids=lambda changed: next(iter(changed)),
)
def test_what_was_changed_after_the_preview_is_shown_before_it_is_sent(
    admin_client: Client, ann: User, changed: dict[str, str]
) -> None:
    ben = User.objects.create_user("ben")
    fields = {"people": user_id(ann), "message": "m", "once": ONCE}
    new = {**fields, "seen": seen(admin_client, **fields), **changed}
    if "people" in changed:
        new["people"] = user_id(ben)  # as many as before
    page = text_of(answer := write(admin_client, "_send", **new))
    assert ("Look at this first" if "seen" in changed else "This is not what you have looked at") in page
    assert not Notification.objects.exists()
    assert write(admin_client, "_send", **{**new, "seen": seal_in(answer)}).status_code == 302
    assert Notification.objects.count() == 1


def test_nothing_is_sent_that_nobody_has_looked_at(admin_client: Client, ann: User) -> None:
    page = text_of(write(admin_client, "_send", people=user_id(ann), message="m"))
    assert "Look at this first" in page and "To 1 person" in page
    assert not Notification.objects.exists()


def test_a_look_is_of_whoever_has_looked(admin_client: Client, client: Client, ann: User) -> None:
    fields = {"people": user_id(ann), "message": "m"}
    look = seen(admin_client, **fields)
    client.force_login(User.objects.create_superuser("other", "o@example.com", "x"))
    assert write(client, "_send", **fields, seen=look).status_code == 200
    assert not Notification.objects.exists()


def test_recipients_who_changed_after_the_preview_are_counted_again(admin_client: Client) -> None:
    ops = Group.objects.create(name="ops")
    crowd = make_crowd("one", 3)
    crowd[0].groups.add(ops)
    fields = {"audience": "group:ops", "message": "m"}
    look = seen(admin_client, **fields)
    for one in crowd:
        one.groups.add(ops)
    page = text_of(write(admin_client, "_send", **fields, seen=look))
    assert "it was 1 person, now it is 3 people." in page and "To 3 people" in page
    assert not Notification.objects.exists()
    assert look_and_send(admin_client, **fields).status_code == 302


@pytest.mark.parametrize(
    ("before", "now", "asks"), [(99, 100, True), (100, 101, False), (100, 98, True), (0, 1, True)]
)
def test_one_of_a_hundred_may_come_or_go_between_look_and_send(before: int, now: int, asks: bool) -> None:
    assert bool(Look("1", ["m"], now).objection(Look("1", ["m"], before).seal)) is asks


@pytest.mark.parametrize(
    "seal",
    ["", "x", "a:b:c", signing.dumps(["1", "d", 1], salt="another")],
    ids=["nothing", "a word", "three parts", "of another salt"],
)
def test_a_look_cannot_be_made_up(seal: str) -> None:
    assert Look("1", ["m"], 1).objection(seal)


def test_a_look_is_good_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    look, now = Look("1", ["said"], 5), time.time()
    seal = look.seal
    assert look.objection(seal) == ""
    for later, is_refused in ((AGE - 60, False), (AGE + 60, True)):
        monkeypatch.setattr("django.core.signing.time.time", partial(float, now + later))
        assert bool(look.objection(seal)) is is_refused
