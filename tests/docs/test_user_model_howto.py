"""The page about user models has every sentence of the checks."""

import re

from lab.harness.environment import BASE_DIR
from tests.docs.documents import table

HOW_TO = "docs/howto/use-your-user-model.md"


def test_every_sentence_of_the_checks_is_on_the_page() -> None:
    told = " ".join(says for _, says in table(HOW_TO, "what", "what the hub says"))
    code = (BASE_DIR / "hub" / "users" / "checks.py").read_text()
    assert set(re.findall(r"hub\.[EW]\d+", told)) == set(re.findall(r"hub\.[EW]\d+", code))


def test_sentences_on_the_page_are_those_of_the_checks() -> None:
    code = re.sub(r'"\s+f?"', "", (BASE_DIR / "hub" / "users" / "checks.py").read_text())
    for _, says in table(HOW_TO, "what", "what the hub says"):
        sentence = re.sub(r"`.*?`|…", "", says)
        # What stands between names that differ from project to project.
        for part in re.split(r"people\.Person|'\w+(?:\.\w+)*'|64|The key of the user model", sentence):
            assert part.strip(" :.,") in code, part
