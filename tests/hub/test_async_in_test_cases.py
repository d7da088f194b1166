"""Async functions of the hub in tests of a team's own."""

import pytest
from asgiref.sync import async_to_sync
from django.test import TestCase, TransactionTestCase

from hub.database.threads import InTestCase, in_database_thread
from hub.models import Publication
from hub.publishing import apublish
from notifications import anotify
from notifications.models import Notification


class AsyncTest(TestCase):
    """Django's own way: the event loop runs beside the thread that has the transaction."""

    async def test_awaiting_the_hub_works_inside_the_transaction_of_a_test_case(self) -> None:
        (row,) = await anotify(to="everyone", message="hello")
        assert await Notification.objects.aget() == row
        await apublish("everyone", {"type": "x"})
        assert await Publication.objects.acount() == 2

    async def test_and_the_transaction_takes_it_back(self) -> None:
        assert not await Notification.objects.aexists()

    def test_sync_tests_may_wait_for_it_too(self) -> None:
        async_to_sync(anotify)(to="everyone", message="hello")
        assert Notification.objects.count() == 1

    async def test_errors_are_the_same_there(self) -> None:
        def fail() -> None:
            raise LookupError("x")

        with pytest.raises(LookupError):
            await in_database_thread(fail)


class AsyncTransactionTest(TransactionTestCase):
    async def test_awaiting_the_hub_works_where_tests_commit(self) -> None:
        await anotify(to="everyone", message="hello")
        assert await Notification.objects.acount() == 1


@pytest.mark.django_db
async def test_a_loop_in_the_thread_of_the_transaction_is_told_what_to_use() -> None:
    with pytest.raises(InTestCase, match=r"TransactionTestCase.*django_db\(transaction=True\)"):
        await anotify(to="everyone", message="hello")


@pytest.mark.django_db(transaction=True)
async def test_what_it_is_told_works() -> None:
    await anotify(to="everyone", message="hello")
    assert await Notification.objects.acount() == 1
