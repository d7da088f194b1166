"""Posting from sockets: what is written while one transaction is under way goes into the next one together."""

from chat import actions
from chat.models import Message
from hub.database import batched


def _post(drafts: list[actions.Draft]) -> dict[actions.Draft, Message | actions.Refusal]:
    return actions.post_messages(drafts)


_posting = batched(_post, limit=200)


async def post(draft: actions.Draft) -> Message:
    """The stored message. Raises as :func:`chat.actions.post_message`, and ``django.db.Error``."""
    posted = await _posting.get(draft)
    if isinstance(posted, Exception):
        raise posted
    return posted
