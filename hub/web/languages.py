"""The languages in which the hub's pages can be shown in a project."""

from pathlib import Path

from django.conf import settings
from django.utils.translation import get_language, to_locale

import hub
from hub.config import BASE_DIR
from hub.web.middleware import place

#: The language that the texts are written in.
_SOURCE = "en"


def others() -> list[str]:
    """The codes of ``LANGUAGES``, without the current one, in which the hub has texts.

    None where no ``LocaleMiddleware`` heeds what a visitor chooses.
    """
    current = get_language()
    return [code for code in _offered() if code != current]


def _offered() -> tuple[str, ...]:
    if not settings.USE_I18N or place("django.middleware.locale.LocaleMiddleware") is None:
        return ()
    return tuple(code for code, _ in settings.LANGUAGES if _has_texts(code))


def _has_texts(code: str) -> bool:
    main = code.partition("-")[0]
    return main == _SOURCE or any(
        (_folder() / to_locale(one) / "LC_MESSAGES/django.mo").exists() for one in (code, main)
    )


def _folder() -> Path:
    """Beside the app in the repository, inside it in the package."""
    packaged = Path(hub.__file__).parent / "locale"
    return packaged if packaged.is_dir() else BASE_DIR / "locale"
