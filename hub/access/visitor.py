"""Reads session key and language from the cookies and headers of a request or handshake."""

import re
from types import SimpleNamespace

from django.utils import translation

#: The form of session keys; a client with any other value is a guest, without a query.
SESSION_KEY = re.compile(r"[a-z0-9]{8,40}", re.ASCII)


def language_of(cookies: dict[str, str], accepted: bytes) -> str:
    """The language by the rules of ``LocaleMiddleware``: the language cookie, else ``Accept-Language``."""
    request = SimpleNamespace(
        COOKIES=cookies, META={"HTTP_ACCEPT_LANGUAGE": accepted.decode("latin-1")}, path_info="/"
    )
    return translation.get_language_from_request(request)  # type: ignore[arg-type]  # all that it reads of a request
