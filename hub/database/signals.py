"""Listening to Django's signals of models: to changes of the hub's own database that code makes, not to fixtures.

``loaddata`` says ``raw`` when it saves a row. It says nothing when it sets the row's many-to-many relations right
after; that is known here from the row. What is saved to another database, such as a copy in an archive, is no change
either.
"""

import weakref
from collections.abc import Callable
from typing import Any

from django.db import DEFAULT_DB_ALIAS, models
from django.db.models.signals import ModelSignal, pre_save

#: Takes what the signal says, but ``using`` and ``raw``.
Receiver = Callable[..., None]

#: Rows that a fixture has saved and that are still at hand, by their number in memory: equal rows are not the same.
_loaded: dict[int, "weakref.ref[models.Model]"] = {}


def listen(receiver: Receiver, signal: ModelSignal, sender: type[models.Model], uid: str) -> None:
    """Call ``receiver`` for each signal of ``sender`` that tells of a change; ``uid`` names the pair of both.

    It is called in the transaction of the change, with the signal's arguments but ``using`` and ``raw``.
    """

    def changed(sender: Any, instance: Any, using: str, raw: bool = False, **said: Any) -> None:
        if using == DEFAULT_DB_ALIAS and not raw and not is_loaded(instance):
            receiver(sender=sender, instance=instance, **said)

    signal.connect(changed, sender=sender, weak=False, dispatch_uid=uid)


def connect() -> None:
    """Know the rows that fixtures save; called once, when the apps are ready."""
    pre_save.connect(_saving, dispatch_uid="hub.database.signals")


def _saving(sender: Any, instance: models.Model, raw: bool, **_: Any) -> None:
    number = id(instance)
    if raw:
        _loaded[number] = weakref.ref(instance, lambda _: _loaded.pop(number, None) and None)
    elif number in _loaded:
        del _loaded[number]


def is_loaded(instance: models.Model) -> bool:
    """Whether a fixture has made ``instance``, and no code has saved it since."""
    known = _loaded.get(id(instance))
    return known is not None and known() is instance
