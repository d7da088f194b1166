"""Posting from sockets: what is written while one transaction is under way goes into the next one together."""

from chat import actions
from chat.models import Message
from hub.concurrency.batcher import Batcher
from hub.database.threads import in_database_thread


async def _post(drafts: list[actions.Draft]) -> dict[actions.Draft, Message | actions.Refusal]:
    return await in_database_thread(actions.post_messages, drafts)


_posting = Batcher(_post, limit=200)


async def post(draft: actions.Draft) -> Message:
    """The stored message. Raises as :func:`chat.actions.post_message`, and ``django.db.Error``."""
    posted = await _posting.get(draft)
    if isinstance(posted, Exception):
        raise posted
    return posted
