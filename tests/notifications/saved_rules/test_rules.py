"""Rules that are made in the admin: when they fire, for whom, and what they may read."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.checks import run_checks
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation
from pytest_django.fixtures import Settings

from hub.privacy import erase, export
from hub.users import log_in_field, user_id
from lab.harness.waiting import wait_for
from notifications import open_to_rules
from notifications.models import Notification
from notifications.saved_rules import comparing, current, erasing, opening, previewing, texts
from notifications.saved_rules.models import Operator, RuleState, SavedRule
from notifications.saved_rules.reading import ReadyRule, ready
from tests.notifications.saved_rules.orders import LABEL, made, move, order, posted, sent
from tests.support.orders import Order, Tag, Ticket
from tests.support.people import User

pytestmark = pytest.mark.usefixtures("orders")


@pytest.mark.parametrize(
    ("event", "expected"),
    [("created", ["1: new"]), ("changed", ["1: paid"]), ("deleted", ["1: paid"])],
)
def test_a_rule_fires_when_a_row_is_made_changed_or_deleted(event: str, expected: list[str]) -> None:
    events: dict[str, Any] = {"on_changed": False, f"on_{event}": True}
    made(**events)
    row = Order.objects.create()
    move(row, status="paid")
    row.delete()
    assert sent() == expected


def test_a_change_counts_if_a_named_field_has_changed() -> None:
    made(fields="status, total", message="{old.status} > {status}, {{{total}}}")
    row = order()
    move(row, number="2")
    assert sent() == []
    move(row, status="paid")
    assert sent() == ["new > paid, {0.00}"]


def test_saves_of_a_transaction_are_one_alert() -> None:
    made(fields="status")
    row = order()
    with transaction.atomic():
        for status in ("paid", "packed"):
            move(row, status=status)
    with transaction.atomic():
        move(row, status="lost")
        move(row, status="packed")
    assert sent() == ["1: packed"]


@pytest.mark.django_db(transaction=True)
def test_a_rule_is_counted_after_the_commit_and_known_at_once() -> None:
    rule = SavedRule.objects.create(
        name="counted",
        state=RuleState.ON,
        model=LABEL,
        on_changed=True,
        recipients="everyone",
        message="{number}",
        fields="status",
    )
    first, second = order(), order()
    with transaction.atomic():
        move(first, status="paid")
        move(first, status="packed")
        move(second, status="paid")
        move(second, status="new")
    with pytest.raises(RuntimeError), transaction.atomic():
        move(second, status="lost")
        raise RuntimeError
    move(second, status="paid")
    rule.refresh_from_db()
    assert rule.times_fired == 2
    assert rule.fired_at is not None
    rule.state = RuleState.OFF
    rule.save()
    move(second, status="packed")
    assert len(sent()) == 2


CONDITIONS = [
    ([("number", Operator.IS, "7")], True),
    ([("number", Operator.IS_NOT, "7")], False),
    ([("number", Operator.ONE_OF, "5, 7")], True),
    ([("status", Operator.CONTAINS, "AI")], True),
    ([("status", Operator.BEGINS, "Pa")], True),
    ([("total", Operator.LESS, "10")], False),
    ([("total", Operator.AT_MOST, "10")], True),
    ([("total", Operator.MORE, "9.99")], True),
    ([("total", Operator.AT_LEAST, "10.01")], False),
    ([("status", Operator.EMPTY, "")], False),
    ([("status", Operator.NOT_EMPTY, "")], True),
    ([("number", Operator.IS, "7"), ("total", Operator.IS, "11")], False),
]


@pytest.mark.parametrize(("wanted", "fires"), CONDITIONS)
def test_conditions_of_one_alternative_hold_together(wanted: list[tuple[str, str, str]], fires: bool) -> None:
    made([{"field": field, "operator": how, "value": value} for field, how, value in wanted])
    move(order(number="7", total=10), status="paid")
    assert bool(sent()) is fires


def test_one_alternative_is_enough_and_the_row_before_can_be_asked() -> None:
    made(
        [
            {"field": "total", "operator": Operator.MORE, "value": "100"},
            {"field": "status", "value": "new", "of_old": True, "alternative": 2},
            {"field": "status", "value": "paid", "alternative": 2},
        ]
    )
    row = order()
    move(row, status="packed")
    assert sent() == []
    move(row, status="new")
    move(row, status="paid")
    assert sent() == ["1: paid"]


def test_a_path_leads_to_a_person() -> None:
    assert [message.msg for message in run_checks() if message.id == "hub.E074"] == []
    open_to_rules(Notification, fields=["title"], recipients=["user", "sender"])
    made(model="hub_notifications.notification", recipients="user\nsender", message="{title}", on_created=True)
    ann, ben = (User.objects.create_user(name) for name in ("ann", "ben"))
    row = Notification(user=ann, sender=ben, title="a title", message="x")
    row.save()
    told = Notification.objects.filter(message="a title")
    assert {alert.user for alert in told} == {ann, ben}


def test_a_value_decides_nothing_but_its_own_place_in_a_link() -> None:
    made(url="/orders/{number}/", message="x")
    move(order(number="../?a=//b"), status="paid")
    assert Notification.objects.get().url == "/orders/..%2F%3Fa%3D%2F%2Fb/"


def test_a_long_value_is_cut() -> None:
    made(message="{number} " * 300)
    row = order()
    Order.objects.update(number="n" * 20)
    row.refresh_from_db()
    move(row, status="paid")
    assert len(sent()[0]) == 4000


HOSTILE = [
    {"message": "{number.__class__}"},
    {"message": "{customer}"},
    {"message": "{number!r:>99999999}"},
    {"message": "{0}"},
    {"message": "{_state}"},
    {"message": "{"},
    {"url": "javascript:{number}"},
    {"url": "{number}"},
    {"url": "https://{number}/"},
    {"url": "//evil.example/"},
    {"fields": "customer"},
    {"fields": "tags__name"},
    {"recipients": "customer"},
    {"recipients": "user:nobody"},
    {"recipients": ""},
    {"model": "auth.user"},
    {"on_changed": ""},
]


@pytest.mark.parametrize("values", HOSTILE, ids=str)
def test_what_a_rule_must_not_say_is_refused_when_it_is_made(admin: Client, values: dict[str, str]) -> None:
    assert posted(admin, **values)
    assert not SavedRule.objects.exists()


@pytest.mark.parametrize("values", HOSTILE, ids=str)
def test_what_a_rule_must_not_say_breaks_no_save(values: dict[str, Any]) -> None:
    rule = made(**{**values, **({"on_changed": False} if "on_changed" in values else {})})
    row = order()
    move(row, status="paid")
    row.refresh_from_db()
    assert row.status == "paid"
    assert sent() == []
    assert rule.pk


@pytest.mark.django_db(transaction=True)
def test_an_error_stands_in_the_rule() -> None:
    rule = made(recipients="user:nobody")
    with transaction.atomic():
        move(order(), status="paid")
    rule.refresh_from_db()
    assert rule.last_error.startswith("UnknownRecipient: There is no user named 'nobody'")
    assert rule.times_fired == 0


@pytest.mark.django_db(transaction=True)
def test_an_error_stands_in_the_rule_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_values: Any) -> None:
        raise LookupError("nobody at postgres://u:pa55word@db/x")

    monkeypatch.setattr(ReadyRule, "alert_for", fail)
    rule = made(recipients="user:nobody")
    with transaction.atomic():
        move(order(), status="paid")
    rule.refresh_from_db()
    assert rule.last_error == "LookupError: nobody at postgres://u:[removed]@db/x"


@pytest.mark.slow
def test_a_rule_is_made_on_its_page(admin: Client) -> None:
    condition = {"alternative": "1", "field": "total", "operator": "more", "value": "5"}
    assert posted(admin, condition) == []
    assert posted(admin, {**condition, "field": "customer"}, name="b") == [
        "Rules may not read “customer”, only: id, number, status, total."
    ]
    assert posted(admin, {**condition, "value": "much"}, name="c") == ["“much” is no value of the field “total”."]
    rule = SavedRule.objects.get()
    assert rule.state == RuleState.OFF
    assert [str(one) for one in rule.conditions.all()] == ["total is more than 5"]


def test_a_preview_says_what_the_rule_would_say_and_sends_nothing(admin: Client) -> None:
    rule = made(
        [{"field": "total", "operator": Operator.MORE, "value": "5"}], state=RuleState.OFF, message="<b>{number}"
    )
    order(number="cheap", total=1)
    order(number="dear", total=9)
    page = admin.get(reverse("admin:hub_notifications_savedrule_preview", args=[rule.pk]))
    assert "Of the last 2 rows the rule would fire for 1." in page.text
    assert "&lt;b&gt;dear" in page.text
    assert "cheap" not in page.text
    assert sent() == []


def test_a_preview_is_for_those_who_may_change_rules(admin: Client) -> None:
    rule = made()
    User.objects.get().user_permissions.set(Permission.objects.filter(codename="view_savedrule"))
    page = reverse("admin:hub_notifications_savedrule_preview", args=[rule.pk])
    assert admin.get(page).status_code == 403
    assert Client().get(page).status_code == 302


def test_rules_that_do_not_apply_cost_no_savepoint() -> None:
    for number in range(3):
        made([{"field": "total", "operator": Operator.MORE, "value": "5"}], name=f"rule {number}")
    row = order()
    row.save()
    with CaptureQueriesContext(connection) as found:
        move(row, status="paid")
    assert [query["sql"].split()[0] for query in found.captured_queries] == ["SELECT", "UPDATE", "SELECT"]


def test_rules_are_read_once_in_seconds_and_models_without_them_cost_nothing() -> None:
    open_to_rules(Ticket, fields=["status"])
    row, ticket = order(), Ticket.objects.create()
    with CaptureQueriesContext(connection) as found:
        ticket.save()
        ticket.save()
        row.save()
    assert [query["sql"].split()[0] for query in found.captured_queries] == ["UPDATE"] * 3
    with CaptureQueriesContext(connection) as found:
        Tag.objects.create(name="not open")
    assert len(found) == 1


@pytest.mark.slow
def test_a_rule_takes_effect_in_other_processes_within_five_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert current.FRESH < 5
    monkeypatch.setattr(current, "FRESH", 0.5)
    row = order()
    move(row, number="2")
    SavedRule.objects.bulk_create(  # without a signal, as in another process
        [SavedRule(name="new", state=RuleState.ON, model=LABEL, on_changed=True, recipients="everyone", message="x")]
    )
    numbers = iter(range(3, 10_000))

    def fires() -> bool:
        move(row, number=str(next(numbers)))
        return bool(sent())

    wait_for(fires, that="this process knows the rule")


def test_checks_name_what_cannot_be_opened() -> None:
    open_to_rules(Order, fields=["numbr", "tags"], recipients=["customer", "status"])
    said = [message.msg for message in run_checks() if message.id == "hub.E074"]
    assert said == [
        "notifications.Order has no field 'numbr'.",
        "notifications.Order.tags is not in the row itself.",
        "notifications.Order: the path 'customer' leads to notifications.Tag, and not to a person.",
        "notifications.Order: the path 'status' leads to no person; 'status' is no foreign key.",
    ]


def test_who_is_erased_is_in_no_rule() -> None:
    ann = User.objects.create_user("ann")
    login = f"user:{getattr(ann, log_in_field())}"
    alone = made(name="alone", recipients=f" {login} ", last_error=f"{login} is away")
    others = made(name="others", recipients=f"everyone\n{user_id(ann)}\nuser:anna")
    assert export(ann)["alerts"]["rules"] == ["alone", "others"]
    erase(ann)
    for rule in (alone, others):
        rule.refresh_from_db()
    assert (alone.recipients, alone.state, alone.last_error) == ("", RuleState.OFF, "")
    assert (others.recipients, others.state) == ("everyone\nuser:anna", RuleState.ON)


@pytest.mark.parametrize(("language", "zone"), [("en", "UTC"), ("ru", "Asia/Tokyo")])
def test_neither_condition_nor_text_depends_on_who_saves(language: str, zone: str) -> None:
    field, moment = User._meta.get_field("last_login"), datetime(2025, 12, 31, 20, tzinfo=UTC)
    with translation.override(language), timezone.override(zone):
        assert not comparing.test_of(field, Operator.MORE, "2026-01-01 00:00")(moment)
        assert comparing.test_of(field, Operator.LESS, "2026-01-01")(moment)
        assert texts.shown(field, moment) == "Dec. 31, 2025, 8 p.m. UTC"
        assert texts.shown(User._meta.get_field("is_active"), value=True) == "Yes"


def test_a_time_that_no_zone_of_the_east_has_is_shown(settings: Settings) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    for_ever = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    assert texts.shown(User._meta.get_field("last_login"), for_ever) == "Dec. 31, 9999, 11:59 p.m. UTC"


def test_one_odd_row_is_a_line_of_the_preview(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(field: Any, value: Any) -> str:
        if value == "odd":
            raise OverflowError("too odd")
        return str(value)

    rule = made(message="{number}")
    order(number="odd")
    order(number="even")
    monkeypatch.setattr(texts, "shown", shown)
    page = admin.get(reverse("admin:hub_notifications_savedrule_preview", args=[rule.pk]))
    assert "OverflowError: too odd" in page.text
    assert "even" in page.text


def test_a_preview_looks_names_up_once_and_not_for_each_row() -> None:
    people = [User.objects.create(**{log_in_field(): f"person-{number}"}) for number in range(3)]
    names = "\n".join(f"user:{getattr(person, log_in_field())}" for person in people)
    rule = ready(made(recipients=names), ())

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert all(one.recipients == len(people) for one in previewing.dry_run(rule))
        return len(found)

    order()
    for_one = queries()
    for _ in range(5):
        order()
    assert queries() == for_one


def test_conditions_are_kept_by_whoever_may_make_rules(admin: Client) -> None:
    User.objects.get().user_permissions.set(Permission.objects.filter(codename="add_savedrule"))
    assert posted(admin, {"alternative": "1", "field": "total", "operator": "more", "value": "5"}) == []
    assert SavedRule.objects.get().conditions.count() == 1


@pytest.mark.parametrize("action", ["view", "change"])
def test_conditions_are_seen_by_whoever_sees_the_rule(admin: Client, action: str) -> None:
    rule = made([{"field": "number", "operator": Operator.IS, "value": "of-a-kind"}])
    User.objects.get().user_permissions.set(Permission.objects.filter(codename=f"{action}_savedrule"))
    page = admin.get(reverse("admin:hub_notifications_savedrule_change", args=[rule.pk]))
    assert "of-a-kind" in page.text
    assert ('name="conditions-0-value"' in page.text) is (action == "change")


def test_who_has_no_name_to_log_in_with_takes_nobody_out_of_a_rule() -> None:
    rule = made(recipients="user:None")
    person = User.objects.create(**{log_in_field(): "nameless"})
    setattr(person, log_in_field(), None)
    erasing.forget(person)
    rule.refresh_from_db()
    assert (rule.recipients, rule.state) == ("user:None", RuleState.ON)


def test_passwords_cannot_be_opened() -> None:
    open_to_rules(User, fields=["last_login", "password"])
    assert list(opening.opened[User._meta.label_lower].mistakes()) == [
        f"{User._meta.label}.password is a secret, which whoever makes rules could read."
    ]
