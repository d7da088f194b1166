"""A person who is erased is in no table, no history and nothing of Redis any more."""

import json
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import structlog
from asgiref.sync import sync_to_async
from celery import shared_task
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from pytest_django import Settings

from chat.actions import create_room, post_message
from chat.models import Message, Room
from hub.accounts import tokens
from hub.accounts.models import LogInLink, Session
from hub.models import Publication
from hub.privacy import ERASED_NAME, engine, erase, erasing, export
from hub.publishing import publish
from hub.users import user_id
from lab.harness.redis_server import RedisServer
from lab.harness.waiting import await_for
from notifications import notify
from notifications.inbox.organizing import mark_read
from notifications.models import Follow, Notification, Topic
from notifications.saved_rules.models import SavedRule
from notifications.sending.actions import send
from notifications.sending.alerting import alert
from tests.connection.wire import wired
from tests.support.people import User
from worker import personal_data as worker_data
from worker.models import Job, TrackedJob
from worker.schedules import schedule
from worker.schedules.models import Schedule
from worker.tasks import send_broadcast

pytestmark = pytest.mark.django_db(transaction=True)

#: What stands for the person wherever they left something.
MARK = "quetzalcoatl"


def tables() -> Iterator[tuple[str, str]]:
    """The name of each table, and all that it has, as one text."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608  # a name of our own
            yield table, str(cursor.fetchall())


def in_tables(text: str) -> list[str]:
    """The tables that have ``text`` somewhere."""
    return [table for table, content in tables() if text in content]


def in_redis(redis: RedisServer, text: str) -> list[Any]:
    """The keys of Redis that have ``text`` in their name or value."""
    needle = text.encode()
    return [key for key in redis.client.keys("*") if needle in key or needle in (redis.client.dump(key) or b"")]


@pytest.fixture
def person() -> Any:
    return User.objects.create_user(MARK, f"{MARK}@example.com")


@shared_task
def mail_later(address: str) -> None:
    """A task that follows another one."""


def leave_traces(person: Any) -> tuple[Room, Room]:
    """Everything that the hub may hold of somebody, with :data:`MARK` in it."""
    other = User.objects.create_user("other")
    lobby, board = create_room(name="lobby", creator=person), Room.objects.create(name="board", is_private=True)
    board.members.add(person, other)
    for room in (lobby, board):
        post_message(room_id=room.pk, author_id=person.pk, text=f"{MARK} writes", key=f"{MARK}-{room.pk}")
        post_message(room_id=room.pk, author_id=other.pk, text="somebody else writes")
    (row,) = notify(to=person, message=f"Dear {MARK}", title=MARK, data={"name": MARK}, key=f"{MARK}:1")
    mark_read(user=person, ids=[row.pk])
    send([alert(to="everyone", message=f"{MARK} tells all", key=f"{MARK}:2")], sender=person)
    Follow.objects.create(topic=Topic.objects.create(name="deploys", title="Deploys"), user=person)
    info = {"client": "c", "user": user_id(person), "conn_info": {"name": MARK}}
    publish(f"user:{user_id(person)}", {"type": "shop.greeting", "to": MARK})
    Publication.objects.create(
        channel="everyone", data=json.dumps({"type": "x", "said": MARK}), info=json.dumps(info, separators=(",", ":"))
    )
    tried = SavedRule.objects.create(name="tried", model="shop.order", recipients="everyone", message="{number}")
    tried.trials.create(event="created", row="1", outcome="alert", message=f"Dear {MARK}", people=1)
    LogInLink.objects.create(user=person, digest=MARK, page=f"/{MARK}", expires_at=timezone.now())
    tokens.issue(person, f"laptop of {MARK}")
    Session.objects.create(session_key=MARK, session_data="", expire_date=timezone.now(), user=person, user_agent=MARK)
    kind = ContentType.objects.get_for_model(type(person))
    LogEntry.objects.create(
        user=other, content_type=kind, object_id=str(person.pk), object_repr=MARK, action_flag=CHANGE
    )
    message = Message.objects.filter(author=person).first()
    assert message is not None
    for named, text in ((row, f"Dear {MARK}"), (Follow.objects.get(), f"{MARK}: deploys")):
        LogEntry.objects.create(
            user=other,
            content_type=ContentType.objects.get_for_model(type(named)),
            object_id=str(named.pk),
            object_repr=text,
            action_flag=CHANGE,
        )
    LogEntry.objects.create(
        user=other,
        content_type=ContentType.objects.get_for_model(Message),
        object_id=str(message.pk),
        object_repr=f"{MARK} writes",
        action_flag=CHANGE,
    )
    mail = f"{MARK}@example.com"
    arguments = json.dumps([[mail], {}])
    Job.objects.create(id="failed", task="mail", arguments=arguments, failed_at=timezone.now())
    Job.objects.create(id="waits", task="mail", arguments=arguments)
    Job.objects.create(id="later", task="mail", arguments=arguments, due_at=timezone.now() + timedelta(days=7))
    to_person = {"message": f"Dear {MARK}", "to": user_id(person)}
    send_broadcast.apply_async(kwargs=to_person, eta=timezone.now() + timedelta(days=7))
    send_broadcast.apply_async(args=["m"], link=mail_later.s(mail), eta=timezone.now() + timedelta(days=7))
    every = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.DAYS)
    PeriodicTask.objects.create(
        name=f"greets {MARK}", task=send_broadcast.name, kwargs=json.dumps(to_person), interval=every
    )
    PeriodicTask.objects.create(
        name="reports", task="mail", args=json.dumps([[mail, "a@example.com"]]), interval=every
    )
    return lobby, board


@pytest.mark.slow
@pytest.mark.own_user_model
def test_nothing_of_the_person_is_left_in_any_table(person: Any) -> None:
    person.name, person.attributes, person.external_id = f"{MARK} the great", {"of": MARK}, "3"
    person.save()
    lobby, board = leave_traces(person)
    assert len(in_tables(MARK)) >= 8
    erase(person)
    assert in_tables(MARK) == []
    assert not User.objects.filter(external_id="3").exists()
    for room in (lobby, board):  # what others wrote is there
        assert list(room.messages.values_list("text", flat=True)) == ["somebody else writes"]
    assert Publication.objects.filter(channel=f"room:{lobby.pk}", data__contains="somebody else writes").exists()


@pytest.mark.slow
def test_account_of_a_project_stays_unless_it_is_asked_for(person: Any) -> None:
    leave_traces(person)
    erase(person, account=False)
    assert in_tables(MARK) == [User._meta.db_table] or set(in_tables(MARK)) == {User._meta.db_table, "hub_namedigest"}
    assert User.objects.filter(pk=person.pk, is_active=True).exists()
    erase(person, account=True)
    assert in_tables(MARK) == []


@pytest.mark.slow
def test_offsets_stay_so_that_nobody_has_to_reload(person: Any) -> None:
    lobby, _ = leave_traces(person)
    rows = Publication.objects.filter(channel=f"room:{lobby.pk}").order_by("offset")
    before = list(rows.values_list("offset", flat=True))
    erase(person)
    assert list(rows.values_list("offset", flat=True))[: len(before)] == before
    assert json.loads(rows[0].data) == {"type": "chat.messages_removed", "ids": []}
    assert json.loads(rows.reverse()[0].data)["ids"] != []


def test_anonymised_texts_lose_the_name(person: Any, settings: Settings) -> None:
    settings.HUB_ERASED_TEXTS = "anonymised"
    lobby = create_room(name="lobby", creator=person)
    post_message(room_id=lobby.pk, author_id=person.pk, text="a text for all")
    assert "hub_chat_message" in in_tables(MARK) and "hub_publication" in in_tables(MARK)
    erase(person, account=True)
    assert in_tables(MARK) == []
    message = Message.objects.get()
    assert (message.text, message.username, message.author_id) == ("a text for all", "—", None)
    kept = [json.loads(row.data) for row in Publication.objects.filter(channel=f"room:{lobby.pk}")]
    assert [(data["text"], data["username"]) for data in kept] == [("a text for all", "—")]
    assert "user_id" not in kept[0]


def test_kept_texts_stay_as_they_are(person: Any, settings: Settings) -> None:
    settings.HUB_ERASED_TEXTS = "kept"
    lobby = create_room(name="lobby", creator=person)
    post_message(room_id=lobby.pk, author_id=person.pk, text="a text for all")
    notify(to=person, message="for you alone")
    erase(person, account=True)
    message = Message.objects.get()
    assert (message.text, message.username, message.author_id) == ("a text for all", MARK, None)
    assert not Notification.objects.exists()


MAIL = f"{MARK}@example.com"
SEND = "worker.tasks.send_broadcast"
CHANGED = "hub.accounts.tasks.send_address_changed"

#: A task, its arguments, and what is left of them; None where the call goes.
CALLS: list[tuple[str, Any, Any]] = [
    (SEND, [[], {"message": "x", "to": "ID"}], None),
    (SEND, [[], {"message": "x", "to": ["ID", "user:NAME"]}], None),
    (SEND, [["x", "ID"], {}], None),
    (SEND, [[], {"message": "x", "to": ["ID", "everyone"]}], [[], {"message": "x", "to": ["everyone"]}]),
    (SEND, [[], {"message": MARK, "title": MARK}], ...),
    (SEND, [[MARK], {}], ...),
    (CHANGED, [["a@example.com", "NAME", "example.com", "en"], {}], None),
    ("gone", [[MARK], {"ID": MARK, MARK: 1}], ...),
    ("gone", [["ID"], {"order": "ID"}], ...),
    ("gone", [[], {"order": {"mail": MAIL}}], None),
    ("gone", [[], {"order": [MAIL, "a subject"]}], None),
    ("gone", [[["a@example.com", MAIL]], {"copies": [MAIL, "b@example.com"]}],
     [[["a@example.com"]], {"copies": ["b@example.com"]}]),
]  # fmt: skip  # one in a line says no more


@pytest.fixture(params=range(len(CALLS)))
def call(request: pytest.FixtureRequest, person: Any) -> tuple[str, Any, Any]:
    """One of :data:`CALLS` with the id and the name of the person; what is left is all where nothing goes."""
    task, arguments, left = CALLS[request.param]
    text = json.dumps(arguments).replace("ID", user_id(person)).replace("NAME", str(person.get_username()))
    return task, json.loads(text), json.loads(text) if left is ... else left


def test_failed_plain_task_that_says_the_address_in_a_text_is_not_run_again(person: Any) -> None:
    for key, text in (("a", f"Ask {person.email.upper()}."), ("b", f"Ask not-{person.email}")):
        TrackedJob.objects.create(
            id=key, task="tests.plain", title="t", failed_at=timezone.now(), call=json.dumps([[], {"x": text}])
        )
    erase(person)
    assert dict(TrackedJob.objects.values_list("pk", "call")) == {
        "a": "",
        "b": json.dumps([[], {"x": f"Ask not-{person.email}"}]),
    }


@pytest.mark.whole_table
@pytest.mark.parametrize("state", ["failed", "waits", "later"])
def test_jobs_of_the_person_go_and_those_of_others_stay(person: Any, call: tuple[str, Any, Any], state: str) -> None:
    task, arguments, left = call
    due = timezone.now() + timedelta(days=state == "later")
    failed = timezone.now() if state == "failed" else None
    Job.objects.create(id="j", task=task, arguments=json.dumps(arguments), due_at=due, failed_at=failed)
    told = [(one["task"], bool(one["failed"])) for one in export(person)["jobs"]]
    assert told == [(task, state == "failed")] * (left != arguments)
    erase(person, account=True)
    assert [json.loads(job.arguments) for job in Job.objects.all()] == [left] * (left is not None)


def test_failed_plain_task_that_was_called_with_the_person_is_not_run_again(
    person: Any, call: tuple[str, Any, Any]
) -> None:
    task, arguments, left = call
    TrackedJob.objects.create(
        id="t", task=task, title="t", state="failed", failed_at=timezone.now(), call=json.dumps(arguments)
    )
    erase(person, account=True)
    assert TrackedJob.objects.get().call == (json.dumps(arguments) if left == arguments else "")


@pytest.mark.whole_table
def test_periodic_tasks_of_the_person_go_and_those_of_others_stay(person: Any, call: tuple[str, Any, Any]) -> None:
    task, (args, kwargs), left = call
    every = IntervalSchedule.objects.create(every=1, period=IntervalSchedule.DAYS)
    PeriodicTask.objects.create(name="p", task=task, args=json.dumps(args), kwargs=json.dumps(kwargs), interval=every)
    assert export(person)["periodic_tasks"] == [{"name": "p", "task": task}] * (left != [args, kwargs])
    erase(person, account=True)
    rows = [[json.loads(row.args), json.loads(row.kwargs)] for row in PeriodicTask.objects.all()]
    assert rows == [left] * (left is not None)


def test_schedules_of_the_person_go_and_those_of_others_stay(person: Any) -> None:
    alone, shared, other = (
        schedule(to=to, message="m", every=timedelta(days=1)).row
        for to in (person, [person, "group:ops"], ["group:ops"])
    )
    run = shared.runs.create(due_at=timezone.now(), ran_at=timezone.now(), status="failed", error="who?")
    assert len(export(person)["schedules"]) == 2
    erase(person, account=True)
    assert {row.pk: row.contents["to"] for row in Schedule.objects.all()} == {
        shared.pk: ["group:ops"],
        other.pk: ["group:ops"],
    }
    run.refresh_from_db()
    assert (run.error, Schedule.objects.filter(pk=alone.pk).exists()) == ("", False)


def made_schedules(person: Any) -> tuple[Schedule, Schedule, Schedule]:
    """One with texts of the person, one with texts of code, and one of somebody else that names their mail address."""
    texts: list[dict[str, Any]] = [
        {"message": f"{MARK} says", "data": {"by": MARK}, "url": "/x/", "name": f"{MARK}'s"},
        {"message": "m"},
        {"message": f"Ask {MAIL}"},
    ]
    mine, coded, other = (schedule(to="group:ops", every=timedelta(days=1), **said).row for said in texts)
    Schedule.objects.filter(pk=mine.pk).update(made_by=f"person:{user_id(person)}")
    return mine, coded, other


def test_schedules_that_the_person_made_are_told_with_what_they_say(person: Any) -> None:
    mine, _coded, other = made_schedules(person)
    told = {one["name"]: one for one in export(person)["schedules"]}
    assert told.keys() == {str(mine), str(other)}
    assert told[str(mine)]["contents"] == mine.contents
    assert "contents" not in told[str(other)]


def test_texts_of_schedules_that_the_person_made_go_and_nothing_is_sent_without_them(person: Any) -> None:
    mine, coded, other = made_schedules(person)
    erase(person, account=True)
    for row in (mine, coded, other):
        row.refresh_from_db()
    assert (mine.contents, mine.name, mine.made_by) == ({"to": ["group:ops"], "message": ERASED_NAME}, "", "")
    assert other.contents == {"to": ["group:ops"], "message": ERASED_NAME}
    assert [row.is_paused for row in (mine, coded, other)] == [True, False, True]
    assert [row.next(1) == [] for row in (mine, coded, other)] == [True, False, True]


def test_texts_of_schedules_stay_where_texts_stay(person: Any, settings: Settings) -> None:
    settings.HUB_ERASED_TEXTS = "anonymised"
    mine, _coded, _other = made_schedules(person)
    before = mine.contents
    erase(person, account=True)
    mine.refresh_from_db()
    assert (mine.contents, mine.made_by, mine.is_paused) == (before, "", False)


def test_edit_of_the_moment_is_neither_overwritten_nor_brings_the_person_back(
    person: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, *_others = made_schedules(person)
    found = worker_data._schedules

    def edited_meanwhile(user: Any) -> Any:
        for held in list(found(user)):
            Schedule.objects.filter(pk=mine.pk).update(contents={"to": ["group:ops", user_id(user)], "title": MARK})
            yield held

    monkeypatch.setattr(worker_data, "_schedules", edited_meanwhile)
    erase(person, account=True)
    mine.refresh_from_db()
    assert mine.contents == {"to": ["group:ops"], "message": ERASED_NAME}


def test_job_that_leads_to_one_about_the_person_goes(person: Any) -> None:
    body = mail_later.s(MAIL)
    later = timezone.now() + timedelta(days=1)
    send_broadcast.apply_async(args=["m"], link=body, eta=later)
    send_broadcast.apply_async(args=["m"], chord=body, eta=later)
    send_broadcast.apply_async(args=["m"], link=mail_later.s("a@example.com"), eta=later)
    assert len(export(person)["jobs"]) == 2
    erase(person, account=True)
    assert "a@example.com" in Job.objects.get().options


def test_kept_publications_still_say_who_published(person: Any, settings: Settings) -> None:
    settings.HUB_ERASED_TEXTS = "kept"
    info = json.dumps({"client": "c", "user": user_id(person)}, separators=(",", ":"))
    Publication.objects.create(channel="everyone", data='{"type": "x"}', info=info)
    erase(person, account=True)
    assert Publication.objects.get(channel="everyone").info == info


def test_what_staff_did_in_the_admin_stays_with_the_account(person: Any) -> None:
    kind = ContentType.objects.get_for_model(Room)
    LogEntry.objects.create(user=person, content_type=kind, object_id="1", object_repr="lobby", action_flag=CHANGE)
    erase(person, account=False)
    assert LogEntry.objects.get().object_repr == "lobby"


async def test_connections_end_and_redis_forgets_the_person(person: Any, redis_server: RedisServer) -> None:
    room = await sync_to_async(create_room)(name="lobby", creator=person)
    async with wired(person) as wire:
        await wire.ask(subscribe={"channel": f"room:{room.pk}"})
        await sync_to_async(erase)(person, account=True)
        await await_for(lambda: wire.closed)
    await await_for(lambda: in_redis(redis_server, MARK) == [], timeout=30)


def test_export_has_what_the_tables_have(person: Any) -> None:
    leave_traces(person)
    told = export(person)
    assert told["id"] == user_id(person)
    assert [message["text"] for message in told["chat"]["messages"]] == [f"{MARK} writes"] * 2
    assert told["chat"]["member_of"] == ["board"] and told["chat"]["opened"] == ["lobby"]
    assert [one["message"] for one in told["alerts"]["received"]] == [f"Dear {MARK}"]
    assert [one["message"] for one in told["alerts"]["sent"]] == [f"{MARK} tells all"]
    assert told["alerts"]["follows"] == ["deploys"]
    assert told["log_in"]["tokens"][0]["name"] == f"laptop of {MARK}"
    assert told["account"]["published"][0]["data"]["said"] == MARK
    assert "password" not in json.dumps(told)


@pytest.mark.parametrize("is_own", [True, False])
def test_columns_of_other_models_that_the_hub_does_not_read_are_not_told(
    person: Any, is_own: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "is_own_model", lambda: is_own)
    fields = export(person)["account"]["fields"]
    assert {"email", "is_active", "last_login"} <= fields.keys() and "password" not in fields
    assert ("attributes" in fields) is (is_own and hasattr(person, "attributes"))


def test_commands_export_and_erase(person: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    known = user_id(person)
    Group.objects.create(name="ops")
    out = StringIO()
    call_command("export_user", known, stdout=out)
    assert json.loads(out.getvalue())["id"] == known
    by_log_in = StringIO()
    call_command("export_user", f"user:{person.get_username()}", stdout=by_log_in)
    assert by_log_in.getvalue() == out.getvalue()
    said = r"Somebody who logs in with that is user:nobody-there\. Nobody was erased"
    with pytest.raises(CommandError, match=said):
        call_command("erase_user", known, "nobody-there", "--no-input")
    with pytest.raises(CommandError, match=r"There is nobody with the id user:nobody-there\.$"):
        call_command("export_user", "user:nobody-there")
    monkeypatch.setattr("builtins.input", lambda asked: "yes" if f"({known})? Write yes" not in asked else "no")
    with pytest.raises(CommandError, match=r"^Nobody was erased"):
        call_command("erase_user", f"user:{person.get_username()}", known)
    assert User.objects.filter(pk=person.pk).exists()
    call_command("erase_user", known, "--account", "--no-input", stderr=StringIO())
    assert not User.objects.filter(pk=person.pk).exists()


@pytest.mark.parametrize("stays", [True, False])
def test_command_says_that_the_account_of_a_project_stays(
    person: Any, monkeypatch: pytest.MonkeyPatch, stays: bool
) -> None:
    monkeypatch.setattr(erasing, "is_own_model", lambda: not stays)
    said = StringIO()
    call_command("erase_user", user_id(person), "--no-input", stderr=said)
    assert User.objects.filter(pk=person.pk).exists() is stays
    assert ("--account deletes it" in said.getvalue()) is stays


def test_log_says_that_and_not_whom(person: Any) -> None:
    with structlog.testing.capture_logs() as logs:
        erase(person, account=True)
    assert {"event": "person_erased", "account": True, "log_level": "info"} in logs
    assert MARK not in str(logs)
