"""The rules that are on or on trial, as this process knows them.

They are read again when they are two seconds old and a row changes.
"""

import threading
import time
from typing import Any

from django.db import Error, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.db.models.signals import post_delete, post_save

from hub.database import listen
from hub.logs import get_logger
from notifications.errors import told
from notifications.saved_rules.models import ERROR_LIMIT, RuleState, SavedRule, SavedRuleCondition
from notifications.saved_rules.reading import ReadyRule, ready

log = get_logger(__name__)

#: Seconds after which the rules are read again: what somebody changes takes effect in all processes within this.
FRESH = 2.0

#: Rules that a process knows, at most.
LIMIT = 500

#: Seconds between two errors of one rule that a process writes down.
ERRORS_EVERY = 10.0


class _Known:
    """What was read last."""

    def __init__(self) -> None:
        self.rules: dict[str, list[ReadyRule]] = {}
        self.read_at = float("-inf")
        self.lock = threading.Lock()
        self.failed_at: dict[int, float] = {}


_known = _Known()


def rules_of(label: str) -> list[ReadyRule]:
    """The rules of the model that are on or on trial.

    A query of a small table, and one of their conditions, once in :data:`FRESH` seconds. Others that ask meanwhile get
    what is known. If the database cannot be asked, so does this one.
    """
    if time.monotonic() - _known.read_at > FRESH and _known.lock.acquire(blocking=False):
        try:
            _known.read_at = time.monotonic()
            with transaction.atomic():  # a savepoint where the transaction of the save is open: it must not suffer
                _known.rules = _read()
        except Error:
            log.warning("saved_rules_unknown", exc_info=True)
        finally:
            _known.lock.release()
    return _known.rules.get(label, [])


def forget() -> None:
    """Read the rules again at the next change of a row."""
    _known.read_at = float("-inf")
    _known.failed_at.clear()


def connect() -> None:
    """Have the process in which somebody changes a rule know it at once; called once, when the apps are ready."""
    for model in (SavedRule, SavedRuleCondition):
        for signal in (post_save, post_delete):
            listen(_rule_changed, signal, model, f"notifications.saved_rules.{model.__name__}")


def _rule_changed(**_: Any) -> None:
    transaction.on_commit(forget)


def _read() -> dict[str, list[ReadyRule]]:
    found: dict[str, list[ReadyRule]] = {}
    for row in SavedRule.objects.exclude(state=RuleState.OFF).prefetch_related("conditions").order_by("pk")[:LIMIT]:
        try:
            rule = ready(row, row.conditions.all())
        except Exception as error:  # noqa: BLE001  # whatever is wrong with one, the others run
            note_failure(row.pk, row.name, error)
        else:
            found.setdefault(row.model, []).append(rule)
    return found


def note_failure(pk: int, name: str, error: Exception) -> None:
    """Log the error of a rule, and write it into its row after the commit; not each of many."""
    if not _is_time_to_tell(pk):
        return
    log.error("saved_rule_failed", rule=name, exc_info=error)
    text = told(error, ERROR_LIMIT)
    rows = SavedRule.objects.filter(pk=pk)
    transaction.on_commit(lambda: rows.update(last_error=text, failed_at=Now()), robust=True)


def note_trial_failure(pk: int, error: Exception) -> None:
    """Log the error of a rule on trial, which is kept among what the rule would have sent; not each of many."""
    if _is_time_to_tell(pk):
        log.warning("saved_rule_trial_failed", rule=pk, exc_info=error)


def _is_time_to_tell(pk: int) -> bool:
    now = time.monotonic()
    if now - _known.failed_at.get(pk, float("-inf")) < ERRORS_EVERY:
        return False
    if len(_known.failed_at) > LIMIT:
        _known.failed_at.clear()
    _known.failed_at[pk] = now
    return True


def count(pk: int, number: int) -> None:
    """Note that the rule has fired so many times more."""
    try:
        SavedRule.objects.filter(pk=pk).update(times_fired=F("times_fired") + number, fired_at=Now())
    except Error:
        log.warning("saved_rule_not_counted", rule=pk, exc_info=True)  # the change is committed
