"""Audiences by name: who belongs to them, how an app declares them, and what is wrong with some."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.core import checks as django_checks

from hub.testing import assert_not_notified, assert_notified, drain_jobs
from notifications import MEMBERS, audience, notify, people_with
from notifications.models import InboxEntry, Notification
from notifications.sending import named_audiences
from notifications.sending.alerting import UnknownRecipient
from notifications.sending.named_audiences import Audience, BadAudience, audience_named
from tests.support.people import User

#: A field that each user model has.
FIRST = "password"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named_audiences, "_declared", {})


@pytest.fixture
def customers() -> Audience:
    ops = Group.objects.create(name="ops")
    sales = Group.objects.create(name="sales")
    for name in ("ada", "bob"):
        User.objects.create_user(name).groups.add(ops, sales)
    User.objects.create_user("eve")

    @audience("customers")
    def customers() -> Any:
        return User.objects.filter(groups__name__in=["ops", "sales"])  # twice each

    return customers


def reached() -> Iterator[Any]:
    drain_jobs()
    users = User.objects.filter(pk__in=InboxEntry.objects.values("user")).order_by("pk")
    return (user.get_username() for user in users)


@pytest.mark.own_user_model
@pytest.mark.parametrize("form", ["name", "object", "list"])
def test_people_of_a_declared_audience_get_it_once(customers: Audience, form: str) -> None:
    to: Any = {"name": "audience:customers", "object": customers, "list": ["audience:customers"]}[form]
    (alert,) = notify(to=to, message="m")
    assert alert.audience == "audience:customers"
    assert list(reached()) == ["ada", "bob"]
    assert InboxEntry.objects.count() == 2


@pytest.mark.own_user_model
def test_members_are_those_who_are_active() -> None:
    User.objects.create_user("ada")
    User.objects.create_user("gone", is_active=False)
    notify(to=MEMBERS, message="m")
    assert list(reached()) == ["ada"]


@pytest.mark.own_user_model
def test_people_with_a_permission_have_it_themselves_by_a_group_or_as_superusers() -> None:
    permission = Permission.objects.get(codename="add_notification")
    ops = Group.objects.create(name="ops")
    ops.permissions.add(permission)
    both = User.objects.create_user("both")
    both.groups.add(ops)
    both.user_permissions.add(permission)
    User.objects.create_user("grouped").groups.add(ops)
    User.objects.create_user("root", is_superuser=True)
    User.objects.create_user("inactive", is_active=False).groups.add(ops)
    User.objects.create_user("nobody")
    assert people_with("hub_notifications.add_notification") == audience_named(
        "permission:hub_notifications.add_notification"
    )
    notify(to="permission:hub_notifications.add_notification", message="m")
    assert list(reached()) == ["both", "grouped", "root"]


@pytest.mark.own_user_model
def test_assertions_see_it_before_and_after_the_job(customers: Audience) -> None:
    notify(to=customers, message="We have moved")
    for _ in range(2):
        assert_notified("user:ada", "We have moved", times=1)
        assert_notified("audience:customers", "We have moved")
        assert_not_notified("user:eve")
        assert_not_notified("members")
        assert_not_notified("everyone")
        drain_jobs()
    with pytest.raises(AssertionError, match=r"audience:customers: .info. We have moved"):
        assert_notified("user:eve")


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("audience:nobody", "There is no audience named 'nobody'; declare it in audiences.py"),
        ("permission:shop.nothing", "There is no permission 'shop.nothing'"),
        ("permission:", "There is no permission ''"),
        ("member", "is not 'everyone', 'members', 'user:NAME'"),
    ],
)
def test_what_names_no_audience_is_refused_at_the_call(to: str, sentence: str) -> None:
    with pytest.raises(UnknownRecipient, match=sentence):
        notify(to=to, message="m")
    assert not Notification.objects.exists()


@pytest.mark.parametrize("name", ["", "Customers", "a b", "x" * 61, "-a"])
def test_a_bad_name_is_refused_where_it_is_declared(name: str) -> None:
    with pytest.raises(BadAudience, match="is no name for an audience"):
        audience(name)


def test_two_of_one_name_are_refused() -> None:
    audience("customers")(User.objects.all)

    def others() -> Any:
        return User.objects.none()

    with pytest.raises(BadAudience, match="Two audiences are named 'customers'"):
        audience("customers")(others)


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        (list, "returns list; it has to return a queryset of"),
        (Group.objects.all, "returns a queryset of auth.Group; it has to"),
        (lambda: User.objects.all()[:5], "cannot be filtered further"),
        (lambda: User.objects.all().union(User.objects.all()), "cannot be filtered further"),
        (lambda: User.objects.order_by(FIRST).distinct(FIRST), "cannot be filtered further"),
        (lambda: 1 / 0, "cannot be read: ZeroDivisionError"),
    ],
)
def test_checks_say_what_is_wrong_with_a_declared_audience(returned: Any, sentence: str) -> None:
    audience("odd")(returned)
    messages = [message.msg for message in django_checks.run_checks() if "'audience:odd'" in message.msg]
    assert len(messages) == 1
    assert sentence in messages[0]


@pytest.mark.parametrize("form", ["name", "object"])
def test_what_a_job_could_not_read_is_refused_at_the_call(form: str) -> None:
    odd = audience("odd")(lambda: User.objects.all()[:5])
    to: Any = {"name": "audience:odd", "object": odd}[form]
    with pytest.raises(UnknownRecipient, match="cannot be filtered further"):
        notify(to=to, message="m")
    assert not Notification.objects.exists()
