"""Reads session key and language from the cookies and headers of a request or handshake."""

import re
from functools import lru_cache
from types import SimpleNamespace

from django.conf import settings
from django.utils import translation

#: The form of session keys; a client with any other value is a guest, without a query.
SESSION_KEY = re.compile(r"[a-z0-9]{8,40}", re.ASCII)

#: Bytes of what a browser says about languages, and answers that are kept: few browsers differ.
REMEMBERED_LENGTH, REMEMBERED = 200, 256


def language_of(cookies: dict[str, str], accepted: bytes) -> str:
    """The language by the rules of ``LocaleMiddleware``: the language cookie, else ``Accept-Language``."""
    chosen = cookies.get(settings.LANGUAGE_COOKIE_NAME, "")
    is_short = len(chosen) + len(accepted) <= REMEMBERED_LENGTH
    return (_language_of if is_short else _language_of.__wrapped__)(chosen, accepted)


@lru_cache(REMEMBERED)
def _language_of(chosen: str, accepted: bytes) -> str:
    request = SimpleNamespace(
        COOKIES={settings.LANGUAGE_COOKIE_NAME: chosen},
        META={"HTTP_ACCEPT_LANGUAGE": accepted.decode("latin-1")},
        path_info="/",
    )
    return translation.get_language_from_request(request)  # type: ignore[arg-type]  # all that it reads of a request
