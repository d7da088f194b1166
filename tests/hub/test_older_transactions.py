"""Waiting for transactions that began before a change."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from chat.actions import create_room, post_message
from chat.models import Message, Room
from hub.database.older_transactions import wait_for_older
from hub.privacy import erase
from lab.harness.waiting import wait_for
from tests.support.people import User
from tests.support.writers import needs_several_writers

pytestmark = pytest.mark.django_db(transaction=True)


class Writer(threading.Thread):
    """Posts a message in a transaction that stays open until ``may_commit`` is set."""

    def __init__(self, room: Room, author: User) -> None:
        super().__init__()
        self.room, self.author = room, author
        self.has_written, self.may_commit = threading.Event(), threading.Event()

    def run(self) -> None:
        try:
            with transaction.atomic():
                post_message(room_id=self.room.pk, author_id=self.author.pk, text="on its way")
                self.has_written.set()
                self.may_commit.wait(20)
        finally:
            connection.close()


@pytest.fixture
def writer() -> Iterator[Writer]:
    author = User.objects.create_user("ada")
    thread = Writer(create_room(name="lobby", creator=author), author)
    thread.start()
    assert thread.has_written.wait(30)
    yield thread
    thread.may_commit.set()
    thread.join(20)


def test_there_is_nothing_to_wait_for_by_default() -> None:
    assert wait_for_older(timeout=0.5)
    with transaction.atomic():
        assert wait_for_older(timeout=0.5)


@needs_several_writers
def test_open_transaction_is_waited_for_no_longer_than_allowed(writer: Writer) -> None:
    assert not wait_for_older(timeout=0.2)
    writer.may_commit.set()
    assert wait_for_older(timeout=10)


@needs_several_writers
def test_message_that_was_on_its_way_is_erased_as_well(writer: Writer) -> None:
    def erase_in_thread() -> None:
        try:
            erase(User.objects.get(pk=writer.author.pk), account=True)
        finally:
            connection.close()

    erasing = threading.Thread(target=erase_in_thread)
    erasing.start()
    wait_for(lambda: not User.objects.get(pk=writer.author.pk).is_active, that="the person is shut out")
    writer.may_commit.set()
    erasing.join(20)
    writer.join(20)
    assert not Message.objects.exists() and not User.objects.filter(pk=writer.author.pk).exists()
