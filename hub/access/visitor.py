"""What the cookies and headers of a request or a handshake say of a visitor, before anybody asks who it is."""

import re
from types import SimpleNamespace

from django.utils import translation

#: What a session key can look like; anything else is a guest's, without asking the database.
SESSION_KEY = re.compile(r"[a-z0-9]{8,40}", re.ASCII)


def language_of(cookies: dict[str, str], accepted: bytes) -> str:
    """As ``LocaleMiddleware`` decides for a page: the cookie of the switcher, else what the browser asks for."""
    request = SimpleNamespace(
        COOKIES=cookies, META={"HTTP_ACCEPT_LANGUAGE": accepted.decode("latin-1")}, path_info="/"
    )
    return translation.get_language_from_request(request)  # type: ignore[arg-type]  # all that it reads of a request
