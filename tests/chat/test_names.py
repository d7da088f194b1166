import unicodedata

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from chat import names


@pytest.mark.parametrize(
    "name",
    ["a", "general", "Комната_1", "部屋", "غرفة", "किताब", "ห้อง", "٣", "-", "_", "a-b_c", "x" * 64, "ж" * 64, "ß"],
)
def test_letters_of_any_script_digits_hyphens_and_underscores_are_names(name: str) -> None:
    names.validate(names.normal(name))


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "two words",
        "x" * 65,
        "a/b",
        "..",
        ".",
        "a.b",
        "a\\b",
        "a\0",
        "a\nb",
        "a\u200bb",
        "a\u202eb",
        "a\ufeff",
        "\u0301",
        "\u0301a",
        "🎉",
        "a+b",
        "a%20b",
        "<b>",
        "a:b",
        "½",
        "\ud800",
        "a\u2028b",
        "a\u00a0b",
    ],
    ids=ascii,
)
def test_anything_else_is_no_name(name: str) -> None:
    with pytest.raises(ValidationError):
        names.validate(names.normal(name))


def test_the_same_letters_typed_differently_are_one_name() -> None:
    assert names.normal("cafe\u0301") == names.normal("caf\u00e9") == "caf\u00e9"
    assert names.normal("  room ") == "room"


@pytest.mark.slow
@given(st.text(max_size=80))
def test_every_text_is_a_name_or_is_refused_and_its_normal_form_is_final(text: str) -> None:
    name = names.normal(text)
    assert names.normal(name) == name
    try:
        names.validate(name)
    except ValidationError:
        return
    assert 1 <= len(name) <= names.LIMIT
    assert not any(unicodedata.category(character)[0] in "CZSP" for character in name if character not in "_-")
