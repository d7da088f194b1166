"""What reaches a log, and what must not."""

import io
import json
import logging
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import structlog
import uvicorn.logging
from django.conf import settings
from django.test import Client

from hub.logs import get_logger
from hub.logs.redaction import redact
from hub.ops import logs

CANARY = "c4n4ry-Tok3n_x"


@pytest.fixture
def lines(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """What is logged as JSON, while the test runs."""
    root = logging.getLogger()
    before = root.handlers[:]
    logs.configure({"level": "DEBUG", "json": True})
    written = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    yield written
    logs.configure(settings.LOGGING)
    for handler in before:
        if handler not in root.handlers:
            root.addHandler(handler)


@pytest.mark.parametrize(
    "text",
    [
        f'"WebSocket /ws/notifications/?token={CANARY}" [accepted]',
        f"GET /api/x?a=1&access_token={CANARY}&b=2 HTTP/1.1",
        f"next=%2Fws%2F%3Ftoken%3D{CANARY}",
        f"Authorization: Bearer {CANARY}",
        f"authorization: Token {CANARY}",
        f"headers=[(b'authorization', b'Bearer {CANARY}')]",
        f"X-API-Key: {CANARY}",
        f"the header was Bearer {CANARY}.",
        f'{{"token": "{CANARY}", "message": "m"}}',
        f"{{'access_token': '{CANARY}'}}",
        rf"{{\"token\": \"{CANARY}\"}}",
        f"redis://:{CANARY}@redis:6379/0",
        f"redis://:p@{CANARY}@redis:6379/0",
        f"postgresql://hub:{CANARY}@db/hub",
        f"connecting with password={CANARY} to db",
        f"Cookie: sessionid={CANARY}; theme=dark",
        f"Cookie: hub_8000_session={CANARY}; theme=dark",
        f"Cookie: theme=dark; __Host-hub_csrf={CANARY}",
        f'{{"session": "{CANARY}", "node": "n"}}',
    ],
)
def test_secret_is_taken_out_of_text(text: str) -> None:
    redacted = redact(text)
    assert CANARY not in redacted
    assert "[removed]" in redacted


def test_nothing_that_a_terminal_obeys_or_hides_is_written(lines: io.StringIO) -> None:
    logs.configure({"level": "DEBUG", "json": False})
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(lines)
    hostile = "\x1b[2J\x9b31m\rgone\x07\u2028\u202egnorw\x85"
    get_logger("hub.some").warning("event", error=hostile, name="Ä")
    logging.getLogger("other").error("said %s", hostile)
    logging.getLogger("other").error("two\nlines", exc_info=ValueError(hostile))
    text = lines.getvalue()
    assert [one for one in hostile if one in text and not one.isprintable()] == []
    assert text.count(r"\x1b[2J\x9b31m\rgone\x07\u2028\u202egnorw\x85") == 3
    assert "name=Ä" in text and "two\nlines" in text


@pytest.mark.parametrize(
    "piece", ["x", "token", "token=", "authorization:", "bearer ", "://", "://a:", "a@", '"', "\\", "password ", " "]
)
def test_long_line_takes_no_longer_than_its_length(piece: str) -> None:
    before = time.thread_time()
    redact(piece * (200_000 // len(piece)))
    assert time.thread_time() - before < 1


@pytest.mark.parametrize(
    "text",
    [
        "GET /ws/notifications/?since=everyone@k3j9x2.12 HTTP/1.1",
        "Connected to redis+socket:///var/redis.sock",
        "http://127.0.0.1:8000/chat/room/",
        "the token was revoked",
        "authorization is missing",
    ],
)
def test_text_without_secrets_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def fail(text: str) -> None:
    raise ValueError(text)


def log_with_arguments() -> None:
    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" [accepted]', "::1", f"/ws/?token={CANARY}")


def log_an_exception() -> None:
    try:
        fail(f"Authorization: Bearer {CANARY}")
    except ValueError:
        logging.getLogger("django.request").exception("failed")


def log_our_event() -> None:
    structlog.get_logger("hub.test").warning("connected", url=f"redis://:{CANARY}@host/0", token=CANARY)


def log_our_exception() -> None:
    try:
        fail(f"token={CANARY}")
    except ValueError:
        structlog.get_logger("hub.test").exception("failed")


def test_key_that_is_a_uuid_reads_as_one(lines: io.StringIO) -> None:
    get_logger("hub.tests").warning("logged_in", user=UUID(int=7), users=[UUID(int=7), 8])
    line = json.loads(lines.getvalue())
    assert line["users"] == [line["user"], 8] == ["00000000-0000-0000-0000-000000000007", 8]


@pytest.mark.parametrize("log", [log_with_arguments, log_an_exception, log_our_event, log_our_exception])
def test_secret_reaches_no_line(lines: io.StringIO, log: Any) -> None:
    log()
    written = lines.getvalue()
    assert "[removed]" in written
    assert CANARY not in written
    for line in written.splitlines():
        assert json.loads(line)["logger"]


@pytest.mark.parametrize(
    "name", ["uvicorn.error", "celery.worker", "django.server", "django.request", "hub.fanout.relay", "any"]
)
def test_libraries_and_our_own_code_write_the_same_lines(lines: io.StringIO, name: str) -> None:
    logging.getLogger(name).warning("from the library")
    structlog.get_logger(name).warning("from us", number=7)
    library, ours = (json.loads(line) for line in lines.getvalue().splitlines())
    assert (library["event"], ours["event"], ours["number"]) == ("from the library", "from us", 7)
    assert library["logger"] == ours["logger"] == name
    assert library["level"] == ours["level"] == "warning"


def test_request_for_another_host_is_a_line_without_a_traceback(lines: io.StringIO, client: Client) -> None:
    assert client.get("/", HTTP_HOST="evil.example").status_code == 400
    (refused,) = (
        line for line in map(json.loads, lines.getvalue().splitlines()) if "DisallowedHost" in line["logger"]
    )
    assert "evil.example" in refused["event"]
    assert "exception" not in refused


#: Bodies that cannot be read, and what they are said to be.
UNREADABLE = {
    "no boundary": (b"a=1", "multipart/form-data"),
    "half a boundary": (b"--x\r\n" * 3000, "multipart/form-data; boundary=x"),
    "a broken file": (
        b'--x\r\nContent-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64\r\n\r\n!\r\n--x--',
        "multipart/form-data; boundary=x",
    ),
    "many files": (
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n1\r\n' * 150 + b"--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
    "many fields": (b"&".join(b"a%d=1" % number for number in range(1500)), "application/x-www-form-urlencoded"),
    "another character set": (b"a=1", "application/x-www-form-urlencoded; charset=latin-1"),
}


@pytest.mark.any_database
@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/", "/nothing/", "/chat/nothing/", "/accounts/login/", "/topics/", "/admin/nothing/"]
)
@pytest.mark.parametrize("wrong", UNREADABLE)
def test_form_that_cannot_be_read_is_refused_and_is_a_line_without_a_traceback(
    lines: io.StringIO, path: str, wrong: str
) -> None:
    body, kind = UNREADABLE[wrong]
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.cookies[settings.CSRF_COOKIE_NAME] = "a" * 32
    assert client.generic("POST", path, body, content_type=kind).status_code in (400, 403, 404)
    written = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert written and not [line for line in written if "exception" in line]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/" + "\x1b" * 60_000, {}),
        ("/", {"Host": "a" * 60_000}),
        ("/accounts/login/", {"Origin": "http://" + "a" * 60_000}),
    ],
    ids=["path", "host", "origin"],
)
def test_line_about_a_request_is_short_however_long_that_is(
    lines: io.StringIO, path: str, headers: dict[str, str]
) -> None:
    answer = Client(enforce_csrf_checks=True).post(path, headers=headers)
    assert answer.status_code in (400, 403, 404)
    assert 100 < len(lines.getvalue()) < 2000


def test_access_log_that_the_server_switched_off_stays_off(lines: io.StringIO) -> None:
    logging.getLogger("uvicorn.access").info("a request")
    assert lines.getvalue() == ""


def test_access_log_of_a_server_started_by_hand_goes_through_ours(lines: io.StringIO) -> None:
    access = logging.getLogger("uvicorn.access")
    handler = logging.StreamHandler()
    handler.setFormatter(uvicorn.logging.AccessFormatter())
    access.handlers = [handler]
    try:
        logs.configure({"level": "INFO", "json": False})
        assert [type(handler.formatter) for handler in access.handlers] == [logs.RedactingFormatter]
        logs.configure({"level": "INFO", "json": False})
        assert [type(handler.formatter) for handler in access.handlers] == [logs.RedactingFormatter]
    finally:
        access.handlers = []
