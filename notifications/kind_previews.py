"""What kinds say with example values, for those who write and translate their texts."""

from collections.abc import Iterator
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone
from django.utils.translation import get_language_info

from notifications import kind_mistakes
from notifications.kinds import params
from notifications.kinds.declaring import Kind, declared
from notifications.kinds.locales import Locale, languages
from notifications.kinds.wording import translations, write

#: For how many notifications a row of several is shown.
EXAMPLE_COUNT = 3


class KindTexts(NamedTuple):
    """The texts of a kind in one language."""

    code: str
    #: The language's name for itself.
    language: str
    title: str
    message: str
    url: str
    #: Those of a row that stands for several; empty where they are as above.
    many_title: str = ""
    many_message: str = ""


class KindPreview(NamedTuple):
    """A kind as people get it. Where something is wrong with it, the sentences say so, and no text is shown."""

    kind: Kind
    said: list[KindTexts]
    #: Languages of the project that the kind has no texts in.
    missing: list[str]
    mistakes: list[str]


def previews() -> Iterator[KindPreview]:
    """All kinds, by name, in the active time zone."""
    return map(_preview, declared())


def _preview(kind: Kind) -> KindPreview:
    if mistakes := list(kind_mistakes.of(kind)):
        return KindPreview(kind, [], [], mistakes)
    if not (kind.templates or kind.many):
        return KindPreview(kind, [], [], [])
    codes = [settings.LANGUAGE_CODE, *languages()]
    has_texts = {settings.LANGUAGE_CODE, *translations(kind)}
    said = [_said(kind, code) for code in codes if code in has_texts]
    return KindPreview(kind, said, [language_name(code) for code in codes if code not in has_texts], [])


def _said(kind: Kind, code: str) -> KindTexts:
    values, locale = params.examples_of(kind), Locale(code, timezone.get_current_timezone_name())
    texts, many = write(kind, values, locale), write(kind, values, locale, EXAMPLE_COUNT)
    of_many = [many[name] if name in kind.many else "" for name in ("title", "message")]
    of_one = [texts.get(name, "") for name in ("title", "message", "url")]
    return KindTexts(code, language_name(code), *of_one, *of_many)


def language_name(code: str) -> str:
    """The name of a language for itself."""
    try:
        return str(get_language_info(code)["name_local"])
    except KeyError:
        return code
