"""A method that a page does not take is answered with a sentence, in the language of the visitor."""

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import AsyncClient, Client
from django.urls import reverse

SENTENCES = {"en": "does not take requests of this kind", "ru": "не принимает такие запросы"}


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "ru"])
def test_get_of_a_page_that_only_takes_forms_says_what_is_wrong(client: Client, language: str) -> None:
    response = client.get(reverse("hub:accounts:logout"), headers={"Accept-Language": language})
    assert response.status_code == 405
    assert "POST" in response["Allow"]
    assert response["Content-Length"] == str(len(response.content))
    assert SENTENCES[language] in response.content.decode()


@pytest.mark.parametrize("language", ["en", "ru"])
async def test_post_to_a_page_that_is_only_read_says_what_is_wrong(async_client: AsyncClient, language: str) -> None:
    response = await async_client.post(reverse("hub:notifications:list"), headers={"Accept-Language": language})
    assert response.status_code == 405
    assert SENTENCES[language] in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "error", [OperationalError("database or disk is full"), InterfaceError("the connection is closed")], ids=str
)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_page_without_a_database_says_when_to_come_back_and_is_no_traceback(
    client: Client, caplog: pytest.LogCaptureFixture, error: Exception, language: str
) -> None:
    def fail(*_: object) -> None:
        raise error

    headers = {"Accept-Language": language}
    with connection.execute_wrapper(fail):
        answers = [client.get(path, headers=headers) for path in ("/chat/", "/topics/", "/notifications/")]
        answers.append(client.post("/accounts/login/", {"username": "ada", "password": "x"}, headers=headers))
    for answer in answers:
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert f'lang="{language}"' in answer.content.decode()
    assert not [record for record in caplog.records if record.exc_info]
