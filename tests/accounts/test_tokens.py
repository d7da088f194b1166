"""Access tokens: issued once, stored as a digest, gone when revoked."""

import pytest
from pytest_django import DjangoAssertNumQueries

from hub.accounts import tokens
from hub.accounts.models import AccessToken
from tests.support.people import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


def test_token_speaks_for_its_owner(ada: User) -> None:
    assert tokens.user_for(tokens.issue(ada)) == ada


def test_text_of_a_token_is_stored_nowhere(ada: User) -> None:
    text = tokens.issue(ada, "laptop")
    stored = AccessToken.objects.values_list().get()
    assert not [value for value in stored if text in str(value)]
    assert text.startswith(AccessToken.objects.get().prefix)


def test_tokens_are_long_and_never_the_same(ada: User) -> None:
    issued = {tokens.issue(ada) for _ in range(20)}
    assert len(issued) == 20
    assert all(text.startswith("hub_") and len(text) >= len("hub_") + 43 for text in issued)


def test_revoked_token_speaks_for_nobody(ada: User) -> None:
    first, second = tokens.issue(ada, "laptop"), tokens.issue(ada, "server")
    assert tokens.revoke(AccessToken.objects.filter(name="laptop")) == 1
    assert tokens.user_for(first) is None
    assert tokens.user_for(second) == ada


def test_revoking_twice_keeps_the_first_date(ada: User) -> None:
    tokens.issue(ada)
    tokens.revoke(AccessToken.objects.all())
    date = AccessToken.objects.get().revoked_at
    assert tokens.revoke(AccessToken.objects.all()) == 0
    assert AccessToken.objects.get().revoked_at == date


def test_token_of_an_inactive_account_speaks_for_nobody(ada: User) -> None:
    text = tokens.issue(ada)
    User.objects.update(is_active=False)
    assert tokens.user_for(text) is None


def test_looking_up_a_token_asks_the_database_once(
    ada: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    text = tokens.issue(ada)
    assert tokens.user_for(text) == ada  # writes that it is used, for a minute
    with django_assert_num_queries(1):
        found = tokens.user_for(text)
        assert found is not None
        assert found.get_username() == ada.get_username()


@pytest.mark.parametrize(
    "text",
    ["", "hub_", "hub_" + "A" * 43, "hub_" + "A" * 10_000_000, "hub_\x00", "hub_\ud800", "hub_ж", "' OR 1=1 --", "%"],
    ids=["empty", "scheme", "unknown", "huge", "zero", "surrogate", "not ascii", "sql", "wildcard"],
)
def test_hostile_text_speaks_for_nobody(ada: User, text: str) -> None:
    tokens.issue(ada)
    assert tokens.user_for(text) is None


def test_digest_of_a_token_is_no_token(ada: User) -> None:
    tokens.issue(ada)
    assert tokens.user_for("hub_" + AccessToken.objects.get().digest) is None
