"""The examples of ``docs/howto/let-people-follow-topics.md`` work, and its numbers are those of the code."""

import re
from typing import Any

import pytest

from lab.harness.environment import BASE_DIR
from notifications.following import FOLLOW_LIMIT
from notifications.models import NAME_LIMIT, Follow, Notification, Topic
from tests.docs.documents import block, prose, table
from tests.support.people import User

HOW_TO = "docs/howto/let-people-follow-topics.md"


def run(begins: str, names: dict[str, Any]) -> None:
    exec(compile(block(HOW_TO, begins), f"{HOW_TO}: {begins}", "exec"), names)  # noqa: S102  # the document's own code


@pytest.mark.django_db
def test_a_topic_is_made_and_alerts_go_to_it() -> None:
    names: dict[str, Any] = {}
    run("a topic", names)
    run("an alert", names)
    assert [(row.topic, row.message) for row in Notification.objects.order_by("pk")] == [
        (names["deploys"], "Version 42 is live"),
        (names["deploys"], "The same by its row"),
    ]


@pytest.mark.django_db
def test_people_are_put_on_it_and_taken_off() -> None:
    names: dict[str, Any] = {"user": User.objects.create_user("ada")}
    run("a topic", names)
    on, off = block(HOW_TO, "its people").splitlines()[1:]
    exec(on, names)  # noqa: S102  # the document's own code
    assert [row.user for row in Follow.objects.all()] == [names["user"]]
    exec(off, names)  # noqa: S102  # the document's own code
    assert not Follow.objects.exists()


def test_methods_of_the_page_exist() -> None:
    module = (BASE_DIR / "static/hub/js/hub.js").read_text()
    called = set(re.findall(r"\bhub\.(\w+)\(", block(HOW_TO, "follow", "js")))
    assert called == {"topics", "follow", "unfollow", "on"}
    for name in called:
        assert re.search(rf"^  (?:async )?{name}\(", module, flags=re.MULTILINE), name


def test_fields_and_limits_are_those_of_the_code() -> None:
    fields = {name for cells in table(HOW_TO, "field", "is") for name in re.findall(r"`(\w+)`", cells[0])}
    assert fields <= {field.name for field in Topic._meta.get_fields()}
    assert f"at most {NAME_LIMIT}." in prose(HOW_TO)
    assert f"at most {FOLLOW_LIMIT} topics" in prose(HOW_TO)
