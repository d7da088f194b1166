"""``manage.py token``: what it prints, what it refuses."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from hub.accounts import tokens
from hub.accounts.models import AccessToken
from tests.support.people import User

pytestmark = [pytest.mark.django_db, pytest.mark.own_user_model]


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada")


def run(*arguments: str) -> tuple[str, str]:
    stdout, stderr = StringIO(), StringIO()
    call_command("token", *arguments, stdout=stdout, stderr=stderr)
    return stdout.getvalue(), stderr.getvalue()


def test_prints_the_token_and_nothing_else(ada: User) -> None:
    stdout, stderr = run("ada", "--name", "laptop")
    assert stdout.endswith("\n")
    assert tokens.user_for(stdout.removesuffix("\n")) == ada
    assert not stderr
    assert AccessToken.objects.get().name == "laptop"


def test_revokes_all_tokens_of_the_user_and_prints_none(ada: User) -> None:
    other = tokens.issue(User.objects.create_user("grace"))
    mine = [run("ada")[0].strip() for _ in range(2)]
    stdout, stderr = run("ada", "--revoke")
    assert not stdout
    assert stderr == "2 token(s) of ada revoked.\n"
    assert [tokens.user_for(text) for text in mine] == [None, None]
    assert tokens.user_for(other) is not None


def test_revokes_by_name(ada: User) -> None:
    laptop, server = tokens.issue(ada, "laptop"), tokens.issue(ada, "server")
    run("ada", "--revoke", "--name", "laptop")
    assert tokens.user_for(laptop) is None
    assert tokens.user_for(server) == ada


def test_unknown_user_is_an_error_that_says_so() -> None:
    with pytest.raises(CommandError, match=r"^There is no user named 'nobody'\.$"):
        run("nobody")


def test_inactive_user_gets_no_token(ada: User) -> None:
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="not active"):
        run("ada")
    assert not AccessToken.objects.exists()


def test_name_that_does_not_fit_is_an_error(ada: User) -> None:
    with pytest.raises(CommandError, match="at most 100 characters"):
        run("ada", "--name", "x" * 101)
