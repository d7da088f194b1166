"""Rules on trial: asked at each save, kept after the commit, sent to nobody."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from hub.privacy import erase, export
from hub.users import log_in_field
from notifications import failed_calls, open_to_rules
from notifications.models import FailedCall, InboxEntry, Notification
from notifications.saved_rules import trials
from notifications.saved_rules.models import Operator, Outcome, RuleState, SavedRule, SavedRuleTrial
from notifications.saved_rules.reading import ReadyRule
from notifications.sending import retention
from tests.notifications.saved_rules.orders import LABEL, made, move, order, sent
from tests.support.orders import Order
from tests.support.people import User

pytestmark = [pytest.mark.usefixtures("orders"), pytest.mark.django_db(transaction=True)]


def on_trial(conditions: list[dict[str, Any]] | None = None, **values: Any) -> SavedRule:
    return made(conditions, **{"state": RuleState.TRIAL, **values})


def kept(rule: SavedRule) -> list[tuple[str, str]]:
    return [(one.outcome, one.message or one.error) for one in rule.trials.order_by("pk")]


def page_of(client: Client, rule: SavedRule) -> str:
    text = client.get(reverse("admin:hub_notifications_savedrule_trial", args=[rule.pk])).text
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_a_save_is_kept_with_what_would_have_been_sent_and_nothing_is_sent() -> None:
    rule = on_trial(url="/orders/{number}/", title="{old.status}", fields="status")
    for name in ("ann", "ben"):
        User.objects.create_user(name)
    row = order(number="7")
    move(row, status="paid")
    one = rule.trials.get()
    assert (one.row, one.event, one.outcome) == (str(row.pk), "changed", Outcome.ALERT)
    assert (one.title, one.message, one.url, one.people) == ("new", "7: paid", "/orders/7/", 2)
    rule.refresh_from_db()
    assert (sent(), rule.times_fired) == ([], 0)


@pytest.mark.parametrize(
    ("conditions", "values", "outcome", "error"),
    [
        ([], {"fields": "number"}, Outcome.UNCHANGED, ""),
        ([{"field": "total", "operator": Operator.MORE, "value": "5"}], {}, Outcome.CONDITIONS, ""),
        ([], {"recipients": "user:nobody"}, Outcome.ERROR, "UnknownRecipient: There is no user named 'nobody'."),
    ],
)
def test_what_is_not_sent_is_kept_with_the_reason(
    conditions: list[dict[str, Any]], values: dict[str, str], outcome: Outcome, error: str
) -> None:
    rule = on_trial(conditions, **values)
    row = order()
    move(row, status="paid")
    row.refresh_from_db()
    assert row.status == "paid"
    ((found, said),) = kept(rule)
    assert (found, said[: len(error)]) == (outcome, error)
    assert not FailedCall.objects.exists()


def test_a_path_that_leads_to_nobody_is_a_reason() -> None:
    open_to_rules(Notification, fields=["title"], recipients=["user"])
    rule = on_trial(model="hub_notifications.notification", recipients="user", on_created=True)
    SavedRule.objects.update(message="{title}")
    Notification(message="x").save()
    assert kept(rule) == [(Outcome.NOBODY, "")]


def test_what_is_deleted_with_the_row_that_names_its_people_would_have_reached_them() -> None:
    open_to_rules(InboxEntry, fields=["read_at"], recipients=["notification__user"])
    deletions: dict[str, Any] = {"on_deleted": True, "on_created": False, "on_changed": False}
    rule = on_trial(model=InboxEntry._meta.label_lower, recipients="notification__user", message="gone", **deletions)
    ann = User.objects.create_user("ann")
    owner = Notification.objects.create(user=ann, message="x")
    entry = InboxEntry.objects.create(notification=owner, user=ann)
    with transaction.atomic():
        entry.delete()
        owner.delete()
    assert [(one.outcome, one.people) for one in rule.trials.all()] == [(Outcome.ALERT, 1)]


@pytest.mark.parametrize("event", ["created", "changed", "deleted"])
def test_only_changes_that_the_rule_is_of_are_kept(event: str) -> None:
    events: dict[str, Any] = {"on_changed": False, f"on_{event}": True}
    rule = on_trial(**events)
    row = Order.objects.create()
    move(row, status="paid")
    row.delete()
    assert [one.event for one in rule.trials.all()] == [event]


def test_saves_of_a_transaction_are_one_and_those_rolled_back_none() -> None:
    rule = on_trial(fields="status")
    first, second, third = order(), order(), order(number="3")
    with transaction.atomic():
        move(first, status="paid")
        move(first, status="packed")
        move(second, status="paid")
        move(second, status="new")
        with pytest.raises(RuntimeError), transaction.atomic():
            move(third, status="paid")
            raise RuntimeError
    with pytest.raises(RuntimeError), transaction.atomic():
        move(third, status="lost")
        raise RuntimeError
    assert kept(rule) == [(Outcome.ALERT, "1: packed"), (Outcome.UNCHANGED, "")]


def test_a_row_that_is_made_and_deleted_in_one_transaction_was_never_there() -> None:
    rule = on_trial(on_created=True)
    with transaction.atomic():
        Order.objects.create().delete()
    assert kept(rule) == []


def test_many_saves_of_a_transaction_are_one_insert_after_the_commit() -> None:
    rule = on_trial(fields="status")
    rows = [order(number=str(number)) for number in range(5)]
    with CaptureQueriesContext(connection) as found:
        with transaction.atomic():
            for row in rows:
                move(row, status="paid")
            before_commit = len(found.captured_queries)
        after = [query["sql"] for query in found.captured_queries[before_commit:]]
    written = [sql for sql in after if sql.startswith("INSERT")]
    assert len(written) == 1 and SavedRuleTrial._meta.db_table in written[0]
    assert len(kept(rule)) == 5


def test_an_error_of_sql_spoils_neither_the_save_nor_what_others_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM nowhere")

    rule = on_trial()
    made(name="other")
    monkeypatch.setattr(ReadyRule, "alert_for", lambda self, *_: broken() if self.is_on_trial else described(self, *_))
    row = order()
    with transaction.atomic():
        move(row, status="paid")
    assert sent() == ["1: paid"]
    ((outcome, error),) = kept(rule)
    assert outcome == Outcome.ERROR and "nowhere" in error


described = ReadyRule.alert_for


@pytest.mark.parametrize("where", ["insert", "count"])
def test_what_cannot_be_kept_breaks_no_save(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise DatabaseError("no room")

    rule = on_trial()
    if where == "insert":
        monkeypatch.setattr(SavedRuleTrial.objects, "bulk_create", broken)
    else:
        monkeypatch.setattr(trials, "people_of", broken)
    row = order()
    move(row, status="paid")
    row.refresh_from_db()
    assert row.status == "paid"
    assert [one.people for one in rule.trials.all()] == ([] if where == "insert" else [None])


def test_people_are_counted_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "PEOPLE", 2)
    group = Group.objects.create(name="ops")
    for name in ("ann", "ben", "cid"):
        User.objects.create_user(name).groups.add(group)
    rules = [on_trial(name=to, recipients=to) for to in ("everyone", "members", "group:ops")]
    move(order(), status="paid")
    assert [rule.trials.get().people for rule in rules] == [2, 2, 2]


def test_the_newest_of_each_rule_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "KEPT", 3)
    monkeypatch.setattr(trials, "TRIM_EVERY", 1)
    rule = on_trial(fields="status")
    other = on_trial(name="other", fields="number")
    rows = [order(number=str(number)) for number in range(4)]
    for row in rows:
        move(row, status="paid")
    with transaction.atomic():
        for row in rows:
            move(row, status="packed")
    assert kept(rule) == [(Outcome.ALERT, f"{number}: packed") for number in (1, 2, 3)]
    assert kept(other) == [(Outcome.UNCHANGED, "")] * 3


def test_alerts_are_asked_after_the_commit_of_the_saves_that_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[tuple[str, bool]]()

    def asking(self: ReadyRule, now: Any, before: Any) -> Any:
        asked.append((now["number"], connection.in_atomic_block))
        return described(self, now, before)

    monkeypatch.setattr(trials, "KEPT", 2)
    monkeypatch.setattr(ReadyRule, "alert_for", asking)
    on_trial()
    rows = [order(number=str(number)) for number in range(4)]
    with transaction.atomic():
        for row in rows:
            move(row, status="paid")
        assert asked == []
    assert asked == [("2", False), ("3", False)]


def test_the_rare_alert_outlives_the_many_saves_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "KEPT", 3)
    rule = on_trial(fields="status")
    row = order()
    move(row, status="paid")
    for number in range(5):
        move(row, number=str(number))
    trials.prune()
    assert [outcome for outcome, _ in kept(rule)] == [Outcome.ALERT, *[Outcome.UNCHANGED] * 3]


def test_what_is_old_is_pruned() -> None:
    rule = on_trial()
    move(order(), status="paid")
    retention.prune()
    trials.prune()
    assert len(kept(rule)) == 1
    rule.trials.update(created_at=timezone.now() - timedelta(days=366))
    assert trials.prune() == 1
    assert kept(rule) == []


def test_the_page_shows_what_would_have_been_sent_and_why_not(admin: Client) -> None:
    rule = on_trial([{"field": "total", "operator": Operator.MORE, "value": "5"}], message="<b>{number}")
    assert page_of(admin, rule).count("No save so far.") == 2
    move(order(number="dear", total=9), status="paid")
    move(order(number="cheap", total=1), status="paid")
    page = page_of(admin, rule)
    assert "The rule is on trial" in page and "&lt;b&gt;dear" in page
    assert "the conditions do not hold" in page and "cheap" not in page
    rule.state = RuleState.OFF
    rule.save()
    assert "The rule is not on trial" in page_of(admin, rule)


@pytest.mark.parametrize("codename", ["view_savedrule", "add_savedrule"])
def test_the_page_is_for_those_who_may_change_rules(admin: Client, codename: str) -> None:
    rule = on_trial()
    User.objects.get().user_permissions.set(Permission.objects.filter(codename=codename))
    page = reverse("admin:hub_notifications_savedrule_trial", args=[rule.pk])
    assert admin.get(page).status_code == 403
    assert Client().get(page).status_code == 302
    assert admin.get(page.replace(f"/{rule.pk}/", "/0/")).status_code in (403, 404)


def test_rules_are_put_on_trial_from_their_list(admin: Client) -> None:
    rule = made(state=RuleState.OFF)
    for action, state in (("try_out", RuleState.TRIAL), ("switch_on", RuleState.ON), ("switch_off", RuleState.OFF)):
        url = reverse("admin:hub_notifications_savedrule_changelist")
        admin.post(url, {"action": action, "_selected_action": [rule.pk]})
        rule.refresh_from_db()
        assert rule.state == state


def test_a_changed_rule_begins_its_trial_from_the_start(admin: Client) -> None:
    rule = on_trial(level="info")
    form = {
        "name": rule.name, "model": LABEL, "on_changed": "on", "recipients": "everyone", "message": rule.message,
        "level": "info", "state": "trial", "conditions-TOTAL_FORMS": "0", "conditions-INITIAL_FORMS": "0",
    }  # fmt: skip  # one in a line says no more
    change = reverse("admin:hub_notifications_savedrule_change", args=[rule.pk])
    row = order()
    move(row, status="paid")
    assert admin.post(change, {**form, "name": "renamed", "state": "off"}).status_code == 302
    assert len(kept(rule)) == 1
    assert admin.post(change, {**form, "message": "other"}).status_code == 302
    assert kept(rule) == []


def test_who_is_erased_is_in_no_trial() -> None:
    ann, ben = User.objects.create_user("annabel"), User.objects.create_user("benedict")
    rule = on_trial(message="Dear {number}")
    for person in (ann, ben):
        move(order(number=str(getattr(person, log_in_field()))), status="paid")
    told = export(ann)["alerts"]["trials"]
    assert [(one["rule"], one["message"]) for one in told] == [("rule", f"Dear {getattr(ann, log_in_field())}")]
    erase(ann)
    assert kept(rule) == [(Outcome.ALERT, f"Dear {getattr(ben, log_in_field())}")]


@pytest.mark.parametrize("broken", ["conditions_hold", "alert_for"])
def test_its_errors_are_in_the_log_but_not_each_of_many(
    broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("no such discount")

    rule = on_trial()
    monkeypatch.setattr(ReadyRule, broken, fail)
    for number in range(3):
        move(order(number=str(number)), status="paid")
    assert kept(rule) == [(Outcome.ERROR, "ValueError: no such discount")] * 3
    assert caplog.text.count("saved_rule_trial_failed") == 1 and "no such discount" in caplog.text


def test_secrets_in_errors_are_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("https://u:hunter22@crm/?token=abcdef")

    failed_calls.forget()
    rule = on_trial()
    monkeypatch.setattr(ReadyRule, "alert_for", broken)
    move(order(), status="paid")
    ((_, error),) = kept(rule)
    assert "hunter22" not in error and "abcdef" not in error


def test_an_error_that_no_database_takes_spoils_neither_its_row_nor_those_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(self: ReadyRule, now: Any, before: Any) -> Any:
        if now["number"] == "7":
            raise ValueError("a\0b\ud800c")
        return described(self, now, before)

    rule = on_trial()
    monkeypatch.setattr(ReadyRule, "alert_for", broken)
    first, second = order(number="7"), order(number="8")
    with transaction.atomic():
        move(first, status="paid")
        move(second, status="paid")
    assert kept(rule) == [(Outcome.ERROR, "ValueError: ab?c"), (Outcome.ALERT, "8: paid")]
