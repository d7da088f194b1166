"""Variables arrive as they were meant: from files, from ``.env`` files of other systems, with any characters."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth import authenticate
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from hub.config import UnusableEnvironment, read_environment
from hub.config.variables import FILE_LIMIT, names, read
from hub.supervisor.database import prepare
from tests.hub.test_production_checks import ENTRIES, run

NAME = "HUB_TRIED"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (b"secret", "secret"),
        (b"secret\n", "secret"),
        (b"secret\r\n", "secret"),
        (b"secret\n\n", "secret\n"),
        (b"two\nlines\n", "two\nlines"),
        (b" blanks stay \n", " blanks stay "),
        (b"\xef\xbb\xbfsecret\n", "secret"),
        ("пароль\n".encode(), "пароль"),
        (b"$ecret\n", "$ecret"),
        (b"\n", ""),
        (b"", ""),
    ],
)
def test_one_line_end_of_a_file_is_not_part_of_the_value(
    written: bytes, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(written)
    monkeypatch.setenv(f"{NAME}_FILE", str(path))
    monkeypatch.setenv(NAME, "the file comes first")
    assert read(NAME) == value


@pytest.mark.slow
@given(st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"])))
def test_a_file_gives_back_what_was_echoed_into_it(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "echoed"
    path.write_bytes(f"{text}\n".encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(f"{NAME}_FILE", str(path))
        assert read(NAME) == text.removeprefix("\ufeff")


@pytest.mark.parametrize("text", ["secret\r", "\r", "two\rlines", "a\r\nb"])
@pytest.mark.parametrize("in_file", [True, False])
def test_carriage_return_is_a_sentence_that_names_the_variable(
    text: str, in_file: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_bytes(text.encode())
    monkeypatch.setenv(*((f"{NAME}_FILE", str(tmp_path / "secret")) if in_file else (NAME, text)))
    with pytest.raises(UnusableEnvironment, match=f"{NAME} has a carriage return in it") as refused:
        read(NAME)
    assert "secret" not in str(refused.value) and "\r" not in str(refused.value)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "cannot be read (No such file"),
        (lambda path: path.mkdir(), "cannot be read (Is a directory"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "is not text in UTF-8"),
        (lambda path: path.write_bytes(b"a" * (FILE_LIMIT + 1)), "has more than"),
    ],
    ids=["missing", "folder", "not text", "big"],
)
def test_file_that_cannot_be_used_is_named(
    make: Callable[[Path], object], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secret"
    make(path)
    monkeypatch.setenv(f"{NAME}_FILE", str(path))
    with pytest.raises(UnusableEnvironment) as refused:
        read(NAME)
    assert f"{NAME}_FILE names {path}, which {reason}" in str(refused.value)


@pytest.mark.parametrize("value", ["$ecret", "$HOME", "$$", "\\$x", f"${NAME}"])
def test_value_that_begins_with_a_dollar_is_no_other_variable(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, value)
    assert read(NAME) == value


def test_blanks_around_the_parts_of_a_list_are_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_ALLOWED_HOSTS", " a.example.com , b.example.com,, ")
    assert read_environment().allowed_hosts == ["a.example.com", "b.example.com"]


def test_blanks_are_part_of_a_secret_and_of_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", " kept ")
    monkeypatch.setenv("HUB_EMAIL_FROM", " hub@example.com ")
    assert (read_environment().secret_key, read_environment().email_from) == (" kept ", "hub@example.com")


def test_names_are_those_of_all_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{NAME}_FILE", "/somewhere")
    assert f"{NAME}_FILE" in names() and NAME not in names()


def test_secrets_of_tokens_come_from_a_file_with_a_line_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secrets").write_text("x" * 32 + "," + "y" * 32 + "\n")
    monkeypatch.setenv("HUB_TOKEN_SECRET_FILE", str(tmp_path / "secrets"))
    assert read_environment().token_secret == ["x" * 32, "y" * 32]


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("name", ["HUB_ENV", "HUB_MAX_FRAME"])
def test_every_entry_says_so_in_a_sentence(entry: str, name: str, tmp_path: Path) -> None:
    ended = run(ENTRIES[entry], tmp_path, **{name: "development\r"})
    said = (ended.stdout + ended.stderr).strip()
    assert ended.returncode != 0
    assert f"{name} has a carriage return" in said
    assert len(said.splitlines()) == 1


def test_password_of_the_administrator_has_no_line_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("of the administrator\n")
    monkeypatch.setenv("HUB_ADMIN_PASSWORD_FILE", str(tmp_path / "password"))
    assert read_environment().admin_password == "of the administrator"


@pytest.mark.own_user_model  # of another one the administrator is not made
@pytest.mark.django_db(transaction=True)
def test_administrator_is_made_with_the_password(settings: Settings) -> None:
    settings.HUB_ADMIN_PASSWORD = "of the administrator"
    prepare()
    assert authenticate(username="admin", password="of the administrator")
