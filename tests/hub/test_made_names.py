"""What others read of people whose model says no name."""

import uuid

import pytest
from pytest_django.fixtures import Settings

from hub.users.made_names import code_of, looks_made, made_name

#: Two versions of UUIDs of one moment and machine: parts of them are alike.
ALIKE = [
    ("0196a1f0-7c3e-7a11-8f10-1a2b3c4d5e6f", "0196a1f0-7c3e-7a11-8f10-1a2b3c4d5e70"),
    ("c232ab00-9414-11ec-b3c8-9f6bdeced846", "d232ab00-9414-11ec-b3c8-9f6bdeced846"),
]


@pytest.fixture
def code() -> str:
    return code_of("0196a1f0-7c3e-7a11-8f10-1a2b3c4d5e6f")


def test_name_is_short_and_stays() -> None:
    assert made_name("0196a1f0-7c3e-7a11-8f10-1a2b3c4d5e6f") == "Person 27xg-sfk2"


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_names_tell_people_apart(one: str, other: str) -> None:
    assert made_name(one) != made_name(other)


def test_many_people_have_as_many_names() -> None:
    # Of 2^38 names: two of these are alike once in fourteen thousand runs.
    people = [str(uuid.uuid4()) for _ in range(6_000)]
    assert len({made_name(person) for person in people}) == len(people)


@pytest.mark.parametrize("known", ["7", "ada", "cust_0196a1f0", "0196a1f0-7c3e"])
def test_ids_that_may_be_chosen_are_read_whole(known: str) -> None:
    assert made_name(known) == f"#{known}"


@pytest.mark.parametrize(
    "form",
    [
        "Person {}",
        "person{}",
        "Реrsоn {}",
        "P\u200berson\u2003{}",
        "«Person» {}!",
        "Pers\u043en-{}\u0301",
        "ＰＥＲＳＯＮ {}",
    ],
)
def test_name_that_looks_made_is_known(form: str, code: str) -> None:
    for said in (code, code.upper(), code.replace("-", ""), code.replace("2", "２")):
        assert looks_made(form.format(said))


@pytest.mark.own_user_model  # no id of another one is a number with a sign
@pytest.mark.parametrize("name", ["Person 7wlO-IIoo", "#7", "＃7", "# 12"])
def test_letters_that_look_like_digits_make_no_other_name(name: str) -> None:
    assert looks_made(name)


@pytest.mark.own_user_model  # no id of another one is a number with a sign
@pytest.mark.parametrize("name", ["\u200b#7", "#\u200b7", "#7.", "«#7»", "#7\u0301", "♯7"])
def test_signs_that_are_overlooked_make_no_other_name(name: str) -> None:
    assert looks_made(name)


@pytest.mark.parametrize("name", ["#l2", "#1O", "#\u0406\u041e"])
def test_letters_are_no_other_id_where_ids_have_digits_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.users.made_names.has_form_of_id", str.isdecimal)
    assert looks_made(name)


def test_name_that_is_shown_from_its_end_is_no_other_name() -> None:
    assert looks_made("Person \u202eakfs-gx72")


@pytest.mark.parametrize(
    "name",
    [
        "Ada",
        "Ada 2",
        "Person",
        "Person Karstens",
        "Person 3f2a",
        "Perso 3f2a-91bc",
        "Käufer 3f2a-91bc",
        "#",
        "C#",
        "#1 fan",
        "♯",
    ],
)
def test_names_of_people_are_no_made_ones(name: str) -> None:
    assert not looks_made(name)


def test_word_is_that_of_the_project(settings: Settings, code: str) -> None:
    settings.LANGUAGE_CODE = "ru"
    name = made_name("0196a1f0-7c3e-7a11-8f10-1a2b3c4d5e6f")
    assert name.endswith(code)
    assert looks_made(name)
