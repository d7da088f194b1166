"""``docs/asyncapi.json`` is the contract that the code has."""

import json
import re
from typing import Any

from hub.access.reasons import End, Error, Unsubscribed
from hub.endpoints.centrifuge import asyncapi
from hub.session import methods
from lab import protocol_types
from lab.harness.environment import BASE_DIR
from tests.docs.documents import table

PAGE = "docs/client-connection.md"


def test_the_document_is_what_the_message_types_say() -> None:
    kept = (BASE_DIR / "docs" / "asyncapi.json").read_text()
    assert kept == asyncapi.text(), "Run: python manage.py asyncapi > docs/asyncapi.json"


def test_types_for_typescript_are_those_of_the_document() -> None:
    kept = protocol_types.TYPES.read_text()
    assert kept == protocol_types.text(asyncapi.document()), "Run: python -m lab.protocol_types"
    for line in (
        '  "inbox.list": { params: ListInbox; answer: InboxPart };',
        '  state?: "all" | "archived" | "read" | "snoozed" | "unread";',
        "  quiet: HoursMessage | null;",
        "  positions: Record<string, StreamPosition>;",
        "export type Nothing = Record<string, never>;",
    ):
        assert f"\n{line}\n" in kept, line


def test_every_method_of_an_app_is_in_it() -> None:
    registered = {
        name
        for name, one in methods.methods().items()
        if one.method.__module__.startswith(("chat.", "notifications.", "presence.", "worker."))
    }
    assert set(asyncapi.document()["x-rpc-methods"]) == registered


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi.document()
    references = set(re.findall(r'"\$ref": ?"#/([^"]+)"', asyncapi.text()))
    assert len(references) > 50
    for reference in references:
        found: Any = document
        for key in reference.split("/"):
            found = found[key]


def test_parameters_and_answers_of_every_method_have_types() -> None:
    document = asyncapi.document()
    assert len(document["x-rpc-methods"]) >= 12
    for name, method in document["x-rpc-methods"].items():
        for kind in (method["params"], method["answer"]):
            schema = document["components"]["schemas"][kind["$ref"].rpartition("/")[2]]
            assert schema["type"] == "object" and (schema["properties"] or schema["title"] in EMPTY), name
            assert not [key for key, of in schema["properties"].items() if not of], name


#: What says nothing on purpose.
EMPTY = {"CountInbox", "GetHeeded", "ListCategories", "ListTopics", "Nothing"}


def test_every_app_is_in_it() -> None:
    schemas = json.loads(asyncapi.text())["components"]["schemas"]
    assert {"MessagePosted", "NotificationCreated", "OnlineCounted", "Command", "Reply", "Publication"} <= set(schemas)


def test_codes_of_the_client_connection_are_those_of_the_code() -> None:
    assert documented("error") == {int(error): error.text for error in Error if error is not Error.UNAUTHORIZED}
    assert documented("closed with") == {end.client: end.word for end in End if end.client}
    assert documented("unsubscribed with") == {int(why): why.text for why in Unsubscribed}


def documented(header: str) -> dict[int, str]:
    """A table of codes in ``docs/client-connection.md``."""
    return {int(code): text.strip("`") for code, text, *_ in table(PAGE, header, "text")}


def test_a_code_says_whether_to_come_back() -> None:
    coming_back = {end.client for end in End if 3000 <= end.client < 3500}
    assert {End.SERVER_STOPS.client, End.EXPIRED.client, End.NEW_HISTORY.client} <= coming_back
    assert not coming_back & {End.BAD_TOKEN.client, End.BAD_REQUEST.client, End.DISCONNECTED.client}
    assert all(len(text.encode()) <= 123 for end in End for text in (end.word, end.text))
