"""Fetches the keys at ``HUB_TOKEN_JWKS_URL`` for an event loop, in a thread: no client waits for it but those whose
token is signed with a key that nobody knows yet."""

import asyncio

from hub.access.signed_tokens.key_url import keys_at
from hub.concurrency.background import Background
from hub.concurrency.daemon_threads import in_daemon_thread
from hub.concurrency.node import Part
from hub.config import hub_settings


class KeyRefresh:
    """Fetches the keys at the start of a web process, and every ``HUB_TOKEN_JWKS_REFRESH`` seconds from then on."""

    def __init__(self) -> None:
        self._fetching: asyncio.Future[bool] | None = None
        self._refreshing = Background("signing keys", self._refresh, event="signing_keys_not_refreshed")
        if hub_settings().token_jwks_url:
            self._refreshing.wake()

    async def refresh_now(self) -> None:
        """Fetch the keys, unless that was done a moment ago; all who ask meanwhile wait for the same answer."""
        source = keys_at(hub_settings().token_jwks_url)
        if self._fetching is None or self._fetching.done():
            if not source.may_fetch:
                return
            self._fetching = in_daemon_thread(source.fetch, name="hub-signing-keys")
        await asyncio.shield(self._fetching)

    async def close(self) -> None:
        """Fetch no more. A fetch that is under way ends by itself."""
        await self._refreshing.close()

    async def _refresh(self) -> float:
        await self.refresh_now()
        return hub_settings().token_jwks_refresh


#: The one of the running event loop.
current = Part(KeyRefresh, at_start=True)
