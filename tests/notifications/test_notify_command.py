"""``manage.py notify``: what goes out, and one sentence for what does not."""

import pytest
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command

from hub.users import user_id
from notifications.models import Notification
from tests.support.people import User

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_sends_to_everyone_a_user_and_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    ann, ops = User.objects.create_user("ann"), Group.objects.create(name="ops")
    Notification.objects.all().delete()
    call_command("notify", "--to", "everyone", "--title", "T", "--level", "success", "--url", "/x/", "all")
    call_command("notify", "one", "--to", f"user:{ann.get_username()}", "--to", "group:ops")
    call_command("notify", "two", "--to", user_id(ann))
    rows = Notification.objects.order_by("pk")
    assert [(row.message, row.user, row.group) for row in rows] == [
        ("all", None, None),
        ("one", ann, None),
        ("one", None, ops),
        ("two", ann, None),
    ]
    assert (rows[0].title, rows[0].level, rows[0].url) == ("T", "success", "/x/")
    assert capsys.readouterr().out.splitlines() == [
        "Sent to everyone (1 stored).",
        f"Sent to user:{ann.get_username()}, group:ops (2 stored).",
        f"Sent to {user_id(ann)} (1 stored).",
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--to", "everyone", ""], "1 to 4000 characters"),
        (["--to", "everyone", "x" * 4001], "1 to 4000 characters"),
        (["--to", "everyone", "a\udcffb"], "cannot be stored"),  # as Python reads bytes that are no UTF-8
        (["--to", "user:nobody", "x"], "no user named 'nobody'"),
        (["--to", "group:nothing", "x"], "no group named 'nothing'"),
        (["--to", "topic:nothing", "x"], "no topic named 'nothing'"),
        (["--to", "ann", "x"], "is not 'everyone'"),
        (["--to", "user:\udcff", "x"], "characters that no name has"),
        (["--to", "everyone", "--url", "javascript:x", "x"], "url is"),
        (["--to", "everyone", "--title", "x" * 201, "x"], "title has at most"),
        (["--to", "everyone", "--level", "fatal", "x"], "invalid choice"),
        (["x"], "--to"),
        (["--to", "everyone"], "message"),
    ],
    ids=lambda value: str(value)[:40].encode("ascii", "replace").decode(),
)
def test_what_cannot_be_sent_is_one_sentence_and_nothing_is_stored(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("notify", *arguments)
    assert not Notification.objects.exists()
