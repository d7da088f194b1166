"""``choose_action``: what a person would click, in a test."""

import pytest
from django.test import TestCase

from hub.testing import achoose_action, capture_publications, choose_action
from hub.testing.mistakes import Misused
from hub.validation import Refused
from notifications import Action, Chosen, Link, action, anotify, notify
from tests.support.people import User

pytestmark = pytest.mark.any_database


@action("tests.approve")
def approve(chosen: Chosen) -> None:
    chosen.user.set_unusable_password()
    chosen.user.save()


@action("tests.refuse")
def refuse(chosen: Chosen) -> None:
    raise Refused("It is gone")


class Choosing(TestCase):
    def setUp(self) -> None:
        self.ada = User.objects.create_user("ada")
        offered: list[Action | Link] = [Action("tests.approve", "Approve"), Link("open", "Open", "/")]
        notify(to=self.ada, message="Order 7 waits", actions=offered)
        notify(to=self.ada, message="Order 7 is late")

    def test_its_function_runs_once_and_pages_are_told(self) -> None:
        with capture_publications() as published:
            assert choose_action(self.ada, "tests.approve") == "tests.approve"
            assert choose_action(self.ada, "tests.approve") == "tests.approve"
        told = [one.data for one in published if one.data["type"] == "notifications.action_chosen"]
        assert [one["action"] for one in told] == ["tests.approve"]
        self.ada.refresh_from_db()
        assert not self.ada.has_usable_password()

    def test_what_no_alert_offers_fails(self) -> None:
        for name in ("open", "tests.refuse"):
            with pytest.raises(AssertionError, match=r"Their alerts offer: 'tests\.approve'"):
                choose_action(self.ada, name)
        with pytest.raises(AssertionError, match="none has actions"):
            choose_action(User.objects.create_user("bob"), "tests.approve")

    def test_a_refusal_is_what_the_person_would_be_told(self) -> None:
        notify(to=self.ada, message="Order 8 waits", actions=[Action("tests.refuse", "Refuse")])
        with pytest.raises(Refused, match="It is gone"):
            choose_action(self.ada, "tests.refuse")


@pytest.mark.django_db(transaction=True)
async def test_from_async_code() -> None:
    ada = await User.objects.acreate_user("ada")
    await anotify(to=ada, message="Order 7 waits", actions=[Action("tests.approve", "Approve")])
    assert await achoose_action(ada, "tests.approve") == "tests.approve"
    with pytest.raises(Misused, match="await achoose_action"):
        choose_action(ada, "tests.approve")
