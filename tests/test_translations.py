"""The Russian catalogue is whole, and what is compiled is what is written."""

import re
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, ngettext

FOLDER = Path(settings.BASE_DIR) / "locale/ru/LC_MESSAGES"
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w*\}|</?\w+")


@pytest.fixture(scope="module")
def written() -> polib.POFile:
    return polib.pofile(str(FOLDER / "django.po"))


def test_compiled_catalogue_is_the_written_one(written: polib.POFile) -> None:
    compiled = polib.mofile(str(FOLDER / "django.mo"))
    assert contents(compiled) == contents(written)


def contents(catalogue: polib.POFile | polib.MOFile) -> dict[tuple[str | None, str], tuple[str, dict[int, str]]]:
    return {(entry.msgctxt, entry.msgid): (entry.msgstr, entry.msgstr_plural) for entry in catalogue}


def test_nothing_is_untranslated_fuzzy_or_left_over(written: polib.POFile) -> None:
    assert [entry.msgid for entry in written.untranslated_entries()] == []
    assert [entry.msgid for entry in written.fuzzy_entries()] == []
    assert [entry.msgid for entry in written.obsolete_entries()] == []


def test_translations_keep_placeholders_and_tags(written: polib.POFile) -> None:
    for entry in written:
        for text in entry.msgstr_plural.values() or [entry.msgstr]:
            wanted = set(PLACEHOLDER.findall(entry.msgid)) | set(PLACEHOLDER.findall(entry.msgid_plural))
            assert set(PLACEHOLDER.findall(text)) == wanted, entry.msgid


def test_plurals_have_the_three_russian_forms(written: polib.POFile) -> None:
    plural = [entry for entry in written if entry.msgid_plural]
    assert plural
    assert all(sorted(entry.msgstr_plural) == [0, 1, 2] for entry in plural)
    with translation.override("ru"):
        said = [ngettext("%(number)s person online", "%(number)s people online", n) % {"number": n} for n in (1, 3, 5)]
    assert said == ["1 человек в сети", "3 человека в сети", "5 человек в сети"]


def test_guest_error_is_the_sentence_of_the_specification() -> None:
    with translation.override("ru"):
        said = gettext("Only signed-in users can write messages")
    assert said == "Только авторизованные пользователи могут писать сообщения"
