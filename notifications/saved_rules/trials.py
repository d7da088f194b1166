"""What rules on trial would have sent: asked at each real save, kept after the commit, sent to nobody.

The save pays for asking whether the rule is of it, which compares values. What the alert would have been, and to whom,
is asked after the commit and stored by one insert: of the newest saves, however many the transaction has. Of a deleted
row it is asked at once where its people are those of another row. Nothing here breaks the save.
"""

import contextlib
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.models import Q

from hub.config import hub_settings
from hub.database import SavedRow, note, noted, prune_table, run_last_on_commit
from hub.logs import get_logger
from hub.users import User
from notifications import names_in_texts
from notifications.errors import told
from notifications.saved_rules import current
from notifications.saved_rules.models import ERROR_LIMIT, ROW_LIMIT, Outcome, SavedRule, SavedRuleTrial
from notifications.saved_rules.reading import ReadyRule, Values, event_of
from notifications.sending.alerting import Alert
from notifications.sending.counting import people_of

log = get_logger(__name__)

#: Saves that are kept of each rule: so many of those with an alert, and so many of those without.
KEPT = 100

#: A process removes what is beyond them after so many saves that it kept; the pruning does as well.
TRIM_EVERY = 20

#: People of one recipient are counted up to this.
PEOPLE = 1000

_kept: dict[int, int] = {}


class Verdict(NamedTuple):
    """What a rule has to say of a save. ``alert`` is called after the commit where the rule would have sent one."""

    event: str
    row: str
    outcome: Outcome
    alert: Callable[[], Alert | None] | None = None
    error: str = ""


def note_save(rule: ReadyRule, row: SavedRow, now: Values) -> None:
    """Ask the rule about the save, and have the answer kept when the transaction is committed.

    All saves of a row in one transaction are one, with its last state, as they are one alert of a rule that is on.
    """
    key = ("hub.saved_rule_trial", rule.pk)
    said: Mapping[Hashable, Verdict] = noted(key, using=row.using) or {}
    others = {pk: verdict for pk, verdict in said.items() if pk != row.instance.pk}
    verdict = _verdict(rule, row, now)
    if verdict is not None:
        others[row.instance.pk] = verdict
    elif len(others) == len(said):
        return  # a change that the rule is not of, and nothing of the row is noted
    newest = _newest(others)
    note(key, newest, using=row.using)
    run_last_on_commit(("keep", key), partial(_keep, rule.pk, newest, row.using), using=row.using)


def _newest(said: Mapping[Hashable, Verdict]) -> Mapping[Hashable, Verdict]:
    """At most as many as are kept."""
    if len(said) <= KEPT:
        return said
    is_alert = {pk: verdict.outcome == Outcome.ALERT for pk, verdict in said.items()}
    kept = chain.from_iterable([pk for pk in said if is_alert[pk] is one][-KEPT:] for one in (True, False))
    wanted = set(kept)
    return {pk: verdict for pk, verdict in said.items() if pk in wanted}


def _verdict(rule: ReadyRule, row: SavedRow, now: Values) -> Verdict | None:
    """None where the rule is not of such a change."""
    event = event_of(row.before, is_deleted=row.is_deleted)
    if now is None or not rule.is_of(event):
        return None
    verdict = partial(Verdict, event, str(row.instance.pk)[:ROW_LIMIT])
    try:
        if not row.is_deleted and not rule.counts(now, row.before):
            return verdict(Outcome.UNCHANGED)
        if not rule.conditions_hold(now, row.before):
            return verdict(Outcome.CONDITIONS)
        if row.is_deleted and any("__" in path for path in rule.paths):
            # What its path leads through may go with it, and is there no more after the commit.
            with _savepoints(row.using):
                alert = rule.alert_for(now, row.before)
            return verdict(Outcome.NOBODY) if alert is None else verdict(Outcome.ALERT, lambda: alert)
    except Exception as error:  # noqa: BLE001  # whatever a rule compares, the save goes on; the page shows it
        current.note_trial_failure(rule.pk, error)
        return verdict(Outcome.ERROR, error=told(error, ERROR_LIMIT))
    return verdict(Outcome.ALERT, partial(rule.alert_for, now, row.before))


@contextlib.contextmanager
def _savepoints(using: str) -> Iterator[None]:
    """An error of SQL does not spoil the transactions that are open; after a commit there may be one of a test."""
    with contextlib.ExitStack() as open_ones:
        for alias in {using, DEFAULT_DB_ALIAS}:
            if connections[alias].in_atomic_block:
                open_ones.enter_context(transaction.atomic(using=alias))
        yield


def _keep(rule: int, said: Mapping[Hashable, Verdict], using: str) -> None:
    """Store the answers. The change is committed: whatever goes wrong here is logged."""
    try:
        with _savepoints(DEFAULT_DB_ALIAS):
            SavedRuleTrial.objects.bulk_create([_row(rule, verdict, using) for verdict in said.values()])
            if _is_time_to_trim(rule, len(said)):
                prune(seconds=1, rule=rule)
    except Exception:  # the rule was deleted, or the database cannot be written
        log.warning("saved_rule_trial_not_kept", rule=rule, exc_info=True)


def _row(rule: int, verdict: Verdict, using: str) -> SavedRuleTrial:
    row = SavedRuleTrial(
        rule_id=rule, event=verdict.event, row=verdict.row, outcome=verdict.outcome, error=verdict.error
    )
    if verdict.alert is None:
        return row
    try:
        with _savepoints(using):
            alert = verdict.alert()
    except Exception as error:  # noqa: BLE001  # whatever a rule writes, the others are kept; the page shows it
        current.note_trial_failure(rule, error)
        row.outcome, row.error = Outcome.ERROR, told(error, ERROR_LIMIT)
        return row
    if alert is None:
        row.outcome = Outcome.NOBODY
    else:
        row.title, row.message, row.url, row.people = alert.title, alert.message, alert.url, _people(rule, alert)
    return row


def _people(rule: int, alert: Alert) -> int | None:
    try:
        with _savepoints(DEFAULT_DB_ALIAS):
            return people_of(alert.to, limit=PEOPLE)
    except Exception:  # an audience is code of the project's
        log.warning("saved_rule_trial_not_counted", rule=rule, exc_info=True)
        return None


def _is_time_to_trim(rule: int, number: int) -> bool:
    _kept[rule] = _kept.get(rule, 0) + number
    if _kept[rule] < TRIM_EVERY:
        return False
    del _kept[rule]
    return True


def prune(*, seconds: float = 30.0, rule: int | None = None) -> int:
    """Delete what is older than ``HUB_ALERT_DAYS``, and of each rule what is beyond :data:`KEPT`.

    With ``rule`` that of one rule, whatever its age. Returns how many rows that were.
    """
    rows = SavedRuleTrial.objects.all() if rule is None else SavedRuleTrial.objects.filter(rule=rule)
    rules = SavedRule.objects.all() if rule is None else SavedRule.objects.filter(pk=rule)
    is_alert = Q(outcome=Outcome.ALERT)
    lists = [(rows.filter(is_alert), rules, "rule"), (rows.exclude(is_alert), rules, "rule")]
    days = hub_settings().alert_days if rule is None else 0
    return prune_table("alert", rows, days=days, items=KEPT, lists=lists, seconds=seconds)


def naming(user: User) -> list[SavedRuleTrial]:
    """What is kept that names the person, with its rule."""
    is_named = names_in_texts.names(user)
    return [
        trial
        for trial in SavedRuleTrial.objects.select_related("rule").order_by("pk").iterator()
        if is_named(f"{trial.title}\n{trial.message}\n{trial.url}\n{trial.error}")
    ]


def forget(user: User) -> None:
    """Delete what is kept that names the person."""
    SavedRuleTrial.objects.filter(pk__in=[trial.pk for trial in naming(user)]).delete()
