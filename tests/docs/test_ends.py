"""Why a connection ends: the table in ``hub.access.reasons``, and what code and documents say of it."""

import re

import pytest
from django.utils import translation

from hub.access import control
from hub.access.reasons import COMING_BACK, End, comes_back, portable
from hub.api import connections
from hub.web.widgets.texts import texts
from lab.harness.environment import BASE_DIR
from tests.docs.documents import table, text_of

SIMPLE = "docs/simple-endpoints.md"
CLIENT = "docs/client-connection.md"


def test_the_tables_of_the_documents_have_the_codes_and_sentences_of_the_code() -> None:
    simple = {int(code): sentence for code, sentence, _ in table(SIMPLE, "code", "reason")}
    assert simple == {end.simple: end.sentence for end in End if end.simple}
    # Two reasons may have one code there: the first is the one that is described.
    of_client = {
        int(code): (word.strip("`"), sentence) for code, word, sentence in table(CLIENT, "closed with", "text")
    }
    assert of_client == {end.client: (end.word, end.sentence) for end in reversed(End) if end.client}


def ranges(text: str) -> set[str]:
    """What a text says of codes that let a client come back."""
    return {found.replace("–", "-") for found in re.findall(r"\d{4}[-–]\d{4} and \d{4}[-–]\d{4}", text)}


@pytest.mark.parametrize("text", [control.DisconnectUser.__doc__, connections._CODE.description])
def test_whoever_speaks_of_codes_says_the_same(text: str) -> None:
    assert COMING_BACK in ranges(text)


def test_what_is_said_of_codes_is_what_the_code_does() -> None:
    first, second = [range(*map(int, part.split("-"))) for part in COMING_BACK.split(" and ")]
    for code in range(3000, 5000):
        assert comes_back(code) == (code in [*first, first.stop, *second, second.stop])
        assert comes_back(code, is_simple=True) == (4000 <= code <= 4399)
    assert "4000–4399: come back" in text_of(SIMPLE)


@pytest.mark.parametrize("end", End)
def test_every_end_can_be_sent_by_any_server_and_means_the_same(end: End) -> None:
    for code, is_simple in ((end.simple, True), (end.client, False)):
        if code:
            sent = portable(code, is_simple=is_simple)
            assert 3000 <= sent < 5000
            if code != 1009:  # which clients know by itself
                assert comes_back(sent, is_simple=is_simple) == comes_back(code, is_simple=is_simple)
            assert sent == code or str(sent) in end.sentence or sent in {other.client for other in End}


def test_widgets_have_a_sentence_for_each_end_after_which_clients_stay_away() -> None:
    code = (BASE_DIR / "static/hub/js/ends.js").read_text()
    names = dict(re.findall(r"^const (\w+) = (\d+);", connection_code().replace("export ", ""), flags=re.MULTILINE))
    ends, with_tokens = (
        {int(names.get(key, key)): text for key, text in re.findall(r'\[(\w+), "(\w+)"\]', table)}
        for table in re.findall(r"new Map\(\[(.*?)\]\);", code, flags=re.DOTALL)
    )
    for_good = {end.client for end in End if end.client and not comes_back(end.client)}
    assert for_good == {number for number in ends if number >= 1000}
    assert with_tokens.keys() <= for_good
    with translation.override("en"):
        said = texts()
    assert all(said[name] for name in {*ends.values(), *with_tokens.values(), "ended"})


def connection_code() -> str:
    return (BASE_DIR / "static/hub/js/hub/connection.js").read_text()
