"""``hub.characters`` and ``hub.validation.names``: which names can be seen, look like one another, are reserved."""

import unicodedata
from typing import Literal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from hub.characters import is_visible, look_alike, shows_nothing
from hub.validation import names

FORMS: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")

#: What Unicode calls default-ignorable, and what is blank: one of each kind.
INVISIBLE = [
    "\u00ad",
    "\u034f",
    "\u061c",
    "\u115f",
    "\u1160",
    "\u17b4",
    "\u180e",
    "\u200b",
    "\u200d",
    "\u202e",
    "\u2060",
]
INVISIBLE += ["\u3164", "\ufe0f", "\ufeff", "\uffa0", "\U0001d173", "\U000e0041", "\U000e0100"]
BLANK = [" ", "\t", "\u00a0", "\u2003", "\u3000", "\u2800", "\u2028", "\u0301", "\n", "\x07"]


def code(name: str, **given: object) -> str | None:
    try:
        names.validate(name, **given)  # type: ignore[arg-type]  # each test knows what it gives
    except ValidationError as error:
        return error.code
    return None


@pytest.mark.parametrize("character", INVISIBLE, ids=ascii)
def test_name_with_a_character_that_shows_nothing_is_refused(character: str) -> None:
    assert shows_nothing(character)
    assert [code(name) for name in (character, f"ann{character}", f"{character}ann")] == ["invisible"] * 3


@pytest.mark.parametrize("text", [*BLANK, *INVISIBLE, "".join(BLANK + INVISIBLE), ""], ids=ascii)
def test_text_of_nothing_visible_is_not_visible(text: str) -> None:
    assert not is_visible(text)
    assert is_visible(text + "x") and is_visible("👍🏽" + text)


@pytest.mark.parametrize("text", ["👨‍👩‍👧", "❤️", "ا", "…", "-", "\U0001fae8", "क्‍ष", "\ue000"])
def test_text_that_shows_something_is_visible(text: str) -> None:
    assert is_visible(text)


@pytest.mark.parametrize(
    "name",
    [
        "System",
        "SYSTEM",
        "Ѕystem",
        "ѕуѕtеm",
        "sуstem",
        "Ｓystem",
        "𝐒ystem",
        "systern",
        "Sуstеm",
        "everyone",
        "Evеryone",
    ],
)
def test_name_that_the_hub_speaks_under_is_nobodys(name: str) -> None:
    assert code(name) == code(name, official=True) == "reserved"


@pytest.mark.parametrize("name", ["admin", "Admin", "аdmin", "adrnin", "ｒｏｏｔ", "rооt", "M0derator", "suppоrt"])
def test_official_name_is_given_by_administrators_only(name: str) -> None:
    assert (code(name), code(name, official=True)) == ("reserved", None)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("alice", "AIice"),  # a capital I
        ("alice", "аlice"),
        ("Bill", "Bi11"),
        ("paypal", "pаypаl"),
        ("сор", "cop"),  # all of it in another script
        ("modern", "rnodern"),
        ("o", "0"),
        ("Straße", "STRASSE"),
        ("ann", "ANN"),
        ("é", "e\u0301"),
    ],
)
def test_names_that_people_take_for_each_other_look_alike(one: str, other: str) -> None:
    assert look_alike(one, other)
    assert code(one, taken=["zoe", other]) == "lookalike"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ann", "anna"),
        ("user1", "user2"),
        ("анна", "ивaн"),
        ("部屋", "部長"),
        ("ali", "all"),
        ("a-b", "ab"),
        ("e", "é"),
    ],
)
def test_names_that_differ_do_not(one: str, other: str) -> None:
    assert not look_alike(one, other)
    assert code(one, taken=[other]) is None


@pytest.mark.slow
@given(st.text(max_size=30))
def test_name_looks_like_itself_in_every_form(name: str) -> None:
    for form in FORMS:
        assert look_alike(name, unicodedata.normalize(form, name))
    assert look_alike(name, name + "\u200b")
