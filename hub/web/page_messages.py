"""What one page has to say on the next one, in a cookie with a name of the hub's own."""

from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage

from hub.config import hub_settings
from hub.config.derived import cookie_prefix


class _Cookie(CookieStorage):
    @property
    def cookie_name(self) -> str:  # type: ignore[override]  # a plain attribute there
        return f"{cookie_prefix(hub_settings())}messages"


class PageMessages(FallbackStorage):
    """Django's, for ``MESSAGE_STORAGE``: in a cookie, and what does not fit there in the session."""

    storage_classes = (_Cookie, SessionStorage)
