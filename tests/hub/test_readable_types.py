"""Whatever a request says of what it brings, it is answered, and the log has no traceback of it."""

import logging
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
from pytest_django.fixtures import Settings

from hub.asgi import application
from lab.harness.environment import CSRF_COOKIE

pytestmark = pytest.mark.django_db(transaction=True)

FORM = "multipart/form-data; boundary=x"

#: Django's test of forms passes, so that it reads them.
TOKEN = "a" * 32


@pytest.fixture
async def client(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    settings.HUB_SIGNUP = True
    transport = httpx.ASGITransport(app=cast(Any, application))
    cookies = {CSRF_COOKIE: TOKEN}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", cookies=cookies) as made:
        yield made


def form(**fields: bytes) -> bytes:
    fields = {"csrfmiddlewaretoken": TOKEN.encode(), **fields}
    parts = [
        b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name.encode(), value)
        for name, value in fields.items()
    ]
    return b"".join([*parts, b"--x--\r\n"])


@pytest.mark.any_database
@pytest.mark.parametrize(
    "written",
    [
        "text/plain; charset*=nothing''x",
        "text/plain; charset*=undefined''%41",
        "text/plain; charset*=utf-8''%00",
        "text/plain; charset*=utf-7''%2B2AA-",
        "text/plain; x*=idna''%FF%FE.%41",
        "text/plain; charset=\xff\x80",
    ],
)
@pytest.mark.parametrize(
    "path", ["/", "/health/live", "/static/none.css", "/nothing", "/admin/login/", "/api/nothing"]
)
async def test_type_that_cannot_be_read_is_refused_on_every_page(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, written: str, path: str
) -> None:
    for method in ("GET", "POST"):
        answer = await client.request(method, path, headers={b"Content-Type": written.encode("latin-1")})
        assert answer.status_code == 400
        assert "could not understand" in answer.text
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]


@pytest.mark.any_database
@pytest.mark.parametrize(
    "charset", ["hex", "rot13", "undefined", "punycode", "idna", "utf-7", "unicode_escape", "utf-16"]
)
@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/accounts/signup/", "/admin/login/", "/i18n/setlang/", "/chat/"]
)
async def test_form_in_another_character_set_is_refused(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, charset: str, path: str
) -> None:
    # In two of them this is half a character, which no database takes.
    body = form(username=rb"+2AA-\ud800", password=b"x", name=b"+2AA-", language=b"ru")
    answer = await client.post(path, content=body, headers={"Content-Type": f"{FORM}; charset={charset}"})
    assert answer.status_code == 400
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "written", [FORM, f"{FORM}; charset=utf-8", f'{FORM}; charset="UTF-8"', f"{FORM}; charset*=utf-8''utf-8"]
)
async def test_form_in_utf_8_is_read(client: httpx.AsyncClient, written: str) -> None:
    answer = await client.post(
        "/accounts/login/", content=form(username="Ольга".encode(), password=b"x"), headers={"Content-Type": written}
    )
    assert answer.status_code == 200
    assert 'value="Ольга"' in answer.text


@pytest.mark.parametrize(
    "written", ["", "text/plain; charset=latin-1", "application/json; charset=utf-16", "a;b;c=;=d"]
)
async def test_what_brings_no_form_may_be_in_any_character_set(client: httpx.AsyncClient, written: str) -> None:
    assert (await client.get("/", headers={"Content-Type": written})).status_code == 200
