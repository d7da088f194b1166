"""``docs/simple-endpoints.md`` lists exactly the codes and keys that the code has."""

import ast
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

import hub.urls  # noqa: F401  # with all that refuses something
from chat.events import MessagePosted, plain_frames
from hub.access.reasons import End
from hub.streams import Envelope
from hub.validation.refused import Refused
from lab.harness.environment import BASE_DIR
from notifications import events as notification_events
from presence.events import frame_of
from tests.docs.documents import blocks, table, text_of

PAGE = "docs/simple-endpoints.md"


def test_close_codes_are_those_of_the_code() -> None:
    documented = [int(code) for code, *_ in table(PAGE, "code", "reason")]
    assert sorted(documented) == sorted(end.simple for end in End if end.simple)


@pytest.mark.slow
def test_error_codes_are_those_of_the_code() -> None:
    documented = [code.strip("`") for code, *_ in table(PAGE, "code", "meaning")]
    assert sorted(documented) == sorted(error_codes())


def error_codes() -> set[str]:
    """The word of every ``Refused`` that has one, and of every ``BadMessage`` that the code makes, a constant."""
    codes = set(words(Refused))
    for package in ("chat", "hub", "notifications", "presence"):
        for source in (BASE_DIR / package).rglob("*.py"):
            for node in ast.walk(ast.parse(source.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "BadMessage":
                    code = node.args[0]
                    assert isinstance(code, ast.Constant), f"{source}:{node.lineno}"
                    codes.add(str(code.value))
    return codes


def words(refused: type[Refused]) -> Iterator[str]:
    for fact in refused.__subclasses__():
        if "word" in vars(fact):
            yield fact.word
        yield from words(fact)


def item(channel: str, publication: msgspec.Struct) -> Envelope:
    return Envelope(channel, "660fc9f4", 12, msgspec.json.encode(publication).decode())


def notification() -> str | None:
    sent = notification_events.NotificationCreated(
        id=31, message="m", title="t", level="info", url="/", at=datetime.now(UTC)
    )
    return notification_events.plain_frame(item("user:7", sent))


def message() -> str | None:
    posted = MessagePosted(id=5, text="t", username="ada", user_id="42", at=datetime.now(UTC))
    return plain_frames("en")(item("room:1", posted))


@pytest.mark.parametrize(
    "made", [notification, message, lambda: frame_of(7)], ids=["notification", "message", "online_count"]
)
def test_example_frames_have_the_keys_that_are_sent(made: Any) -> None:
    sent = json.loads(made())
    examples = [json.loads(block) for block in blocks(PAGE, "json")]
    (example,) = [frame for frame in examples if frame["type"] == sent["type"]]
    assert list(example) == list(sent)


def test_limits_are_those_of_the_code() -> None:
    from hub.streams.cursors import LENGTH_LIMIT, POSITIONS_LIMIT
    from hub.validation.text import MESSAGE_LIMIT

    text = " ".join(text_of(PAGE).split())
    assert f"at most {MESSAGE_LIMIT:,} characters" in text
    assert f"at most {LENGTH_LIMIT:,} characters and {POSITIONS_LIMIT} positions" in text
