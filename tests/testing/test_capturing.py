"""Capturing alerts and publications: what would be committed is seen, and nothing else."""

import threading

import pytest
from django.db import connections, transaction
from django.test import TestCase, TransactionTestCase

from hub.publishing import publish, publish_ephemeral
from hub.testing import capture_notifications, capture_publications
from notifications import anotify, notify
from tests.support.people import User


def say(message: str) -> None:
    notify(to="everyone", message=message)


class Cases:
    """What holds whether tests commit or not."""

    def test_alerts_of_the_block_are_captured_and_earlier_ones_are_not(self) -> None:
        say("before")
        with capture_notifications() as sent:
            say("first")
            say("second")
        say("after")
        assert [alert.message for alert in sent] == ["first", "second"]

    def test_what_was_rolled_back_is_not_captured(self) -> None:
        with capture_notifications() as sent, capture_publications() as published:
            say("kept")
            with transaction.atomic():
                say("taken back")
                transaction.set_rollback(True)
        assert [alert.message for alert in sent] == ["kept"]
        assert [one.data["message"] for one in published] == ["kept"]

    def test_what_waits_for_the_commit_is_sent(self) -> None:
        with capture_notifications() as sent, transaction.atomic():
            transaction.on_commit(lambda: say("committed"))
        assert [alert.message for alert in sent] == ["committed"]

    def test_function_of_a_commit_runs_once_although_blocks_are_nested(self) -> None:
        ran: list[str] = []
        with capture_notifications(), capture_notifications(), capture_publications(), transaction.atomic():
            transaction.on_commit(lambda: transaction.on_commit(lambda: ran.append("x")))
        assert ran == ["x"]

    def test_list_may_be_looked_at_inside_the_block(self) -> None:
        with capture_notifications() as sent:
            assert sent == []
            transaction.on_commit(lambda: say("one"))
            assert len(sent) == 1
            say("two")
            assert [alert.message for alert in sent] == ["one", "two"]

    def test_publications_are_in_the_order_in_which_clients_get_them(self) -> None:
        with capture_publications() as published:
            publish_ephemeral("everyone", {"type": "live"})
            publish("everyone", {"type": "stored"}, tags={"a": "b"})
        assert [(one.data["type"], bool(one.offset)) for one in published] == [("live", False), ("stored", True)]
        assert published[1].tags == {"a": "b"}

    def test_publications_of_one_channel_may_be_asked_for(self) -> None:
        with capture_publications("everyone") as published:
            notify(to=User.objects.create_user("ada"), message="another channel")
            say("this one")
        assert [one.data["message"] for one in published] == ["this one"]

    def test_block_that_raises_leaves_nothing_behind(self) -> None:
        with pytest.raises(LookupError), capture_notifications() as sent:
            transaction.on_commit(lambda: say("late"))
            raise LookupError
        assert sent == []

    async def test_async_block_captures_too(self) -> None:
        async with capture_notifications() as sent:
            await anotify(to="everyone", message="hello")
        assert [alert.message for alert in sent] == ["hello"]


@pytest.mark.django_db  # for the run on PostgreSQL
class CapturingInTestCase(Cases, TestCase):
    def test_open_transaction_of_the_test_holds_back_what_waits_for_its_commit(self) -> None:
        with capture_notifications() as sent, transaction.atomic():
            transaction.on_commit(lambda: say("committed"))
            assert sent == []
            assert "1 functions wait" in repr(sent)
        assert len(sent) == 1

    def test_hooks_of_the_set_up_are_left_to_the_test(self) -> None:
        ran: list[str] = []
        transaction.on_commit(lambda: ran.append("set-up"))
        with capture_notifications():
            pass
        assert ran == []
        assert len(connections["default"].run_on_commit) == 1

    def test_robust_function_that_fails_is_logged_and_another_is_raised(self) -> None:
        def fail() -> None:
            raise LookupError("x")

        with self.assertLogs("hub.testing.commits"), capture_notifications():
            transaction.on_commit(fail, robust=True)
        with pytest.raises(LookupError), capture_notifications():
            transaction.on_commit(fail)


@pytest.mark.django_db  # for the run on PostgreSQL
class CapturingWhereTestsCommit(Cases, TransactionTestCase):
    def test_alerts_of_other_threads_are_captured(self) -> None:
        def work() -> None:
            say("from a thread")
            connections.close_all()

        with capture_notifications() as sent, capture_publications() as published:
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        assert [alert.message for alert in sent] == ["from a thread"]
        assert len(published) == 1


def test_repr_names_all_that_was_captured(hub_notifications: object, ada: User) -> None:
    notify(to=ada, message="hello", title="Greeting", url="/x/")
    assert "ada (" in repr(hub_notifications)
    assert "[info] Greeting: hello url='/x/'" in repr(hub_notifications)


def test_publication_of_a_test_without_a_database_is_captured() -> None:
    with capture_publications() as published:
        publish_ephemeral("everyone", {"type": "x"})
    assert published[0].data == {"type": "x"}
    assert "everyone" in repr(published)


def test_fixtures_capture_the_whole_test(hub_notifications: list[object], hub_publications: list[object]) -> None:
    assert hub_notifications == []
    say("hello")
    assert len(hub_notifications) == len(hub_publications) == 1
