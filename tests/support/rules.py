"""Rules that a test makes, and that end with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save

from hub.database import changes


@contextmanager
def rules_end() -> Iterator[None]:
    """Take back what was connected to Django's signals of models in the block."""
    signals = (pre_save, post_save, pre_delete, post_delete, m2m_changed)
    kept = {signal: list(signal.receivers) for signal in signals}
    watched = {
        model: replace(each, wanted=[*each.wanted], receivers={**each.receivers}, of_deletions={**each.of_deletions})
        for model, each in changes.watched.items()
    }
    yield
    for signal, receivers in kept.items():
        signal.receivers = receivers
        signal.sender_receivers_cache.clear()
    changes.watched.clear()
    changes.watched.update(watched)
