"""Reads session key and language from the cookies and headers of a request or handshake."""

import re
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from types import SimpleNamespace

from django.conf import settings
from django.contrib.sessions.backends.signed_cookies import SessionStore as SignedSessions
from django.utils import translation

#: The form of the keys that Django makes; with an engine of Django's or the hub's, a client with any other value is a
#: guest, without a query.
SESSION_KEY = re.compile(r"[a-z0-9]{8,40}", re.ASCII)

#: With the engine ``signed_cookies`` the cookie is the session, as long as browsers keep one. An engine of a project
#: may make keys of any form.
ANY_SESSION = re.compile(r"[!-~]{8,4096}", re.ASCII)

_WITH_KEYS_OF_DJANGO = ("django.contrib.sessions.", "hub.")

#: Bytes of what a browser says about languages, and answers that are kept: few browsers differ.
REMEMBERED_LENGTH, REMEMBERED = 200, 256


def session_key_in(cookies: Mapping[str, str]) -> str | None:
    """The session key in the cookie of the project; None without one, and for what cannot be one."""
    key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    form = SESSION_KEY if _has_keys_of_django(settings.SESSION_ENGINE) else ANY_SESSION
    return key if form.fullmatch(key) else None


@lru_cache(8)
def _has_keys_of_django(engine: str) -> bool:
    store = import_module(engine).SessionStore
    return store.__module__.startswith(_WITH_KEYS_OF_DJANGO) and not issubclass(store, SignedSessions)


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
