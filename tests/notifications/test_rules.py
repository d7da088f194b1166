"""Alerts from model saves: when a rule runs, what it may return, and that it never breaks the save."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.test.utils import _TestState
from pytest_django.fixtures import Settings

from hub.models import Publication
from notifications import Alert, alert, on_delete, on_m2m_change, on_save
from notifications.checks import rules_return_alerts
from notifications.models import Notification
from notifications.rules import discarded

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_rule_outlives_its_test() -> Iterator[None]:
    """Each test makes rules of its own."""
    kept, noted = {signal: list(signal.receivers) for signal in (post_save, post_delete)}, len(discarded._rules)
    yield
    del discarded._rules[noted:]
    for signal, receivers in kept.items():
        signal.receivers = receivers
        signal.sender_receivers_cache.clear()


def sent() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("message", flat=True))


def about(group: Group) -> Alert:
    return alert(to="everyone", message=group.name)


@pytest.mark.parametrize(
    ("created", "expected"), [(True, ["made"]), (False, ["changed"]), (None, ["made", "changed"])]
)
def test_a_rule_runs_for_new_rows_for_changes_or_for_both(created: bool | None, expected: list[str]) -> None:
    on_save(Group, created=created)(about)
    group = Group.objects.create(name="made")
    group.name = "changed"
    group.save()
    assert sent() == expected


def test_a_rule_on_delete_still_knows_the_row() -> None:
    @on_delete(Group)
    def gone(group: Group) -> Alert:
        assert group.pk is not None
        return about(group)

    group = Group.objects.create(name="ops")
    assert sent() == []
    group.delete()
    assert sent() == ["ops"]


def test_a_rule_sees_its_own_model_only() -> None:
    on_save(Group)(about)
    Notification.objects.create(message="another model")
    assert sent() == ["another model"]


def test_two_rules_of_one_model_both_run() -> None:
    on_save(Group)(about)

    @on_save(Group)
    def again(group: Group) -> Alert:
        return alert(to="everyone", message="again")

    Group.objects.create(name="ops")
    assert sorted(sent()) == ["again", "ops"]


def test_one_function_may_be_the_rule_of_new_rows_and_of_changes() -> None:
    on_save(Group, created=True)(on_save(Group, created=False)(about))
    group = Group.objects.create(name="made")
    group.name = "changed"
    group.save()
    assert sent() == ["made", "changed"]


@pytest.mark.parametrize(
    ("returned", "expected"),
    [(None, []), ([], []), (["a", "b"], ["a", "b"]), (iter(["a"]), ["a"]), (("a",), ["a"])],
    ids=["None", "no alerts", "a list", "an iterator", "a tuple"],
)
def test_a_rule_returns_one_alert_several_or_none(returned: Any, expected: list[str]) -> None:
    @on_save(Group)
    def rule(group: Group) -> Any:
        return returned and (alert(to="everyone", message=text) for text in returned)

    Group.objects.create(name="ops")
    assert sent() == expected


def test_fixtures_run_no_rule() -> None:
    on_save(Group)(about)
    fixture = [{"model": "auth.group", "pk": 1, "fields": {"name": "raw", "permissions": []}}]
    with mock.patch.object(sys, "stdin", io.StringIO(json.dumps(fixture))):
        call_command("loaddata", "-", format="json", verbosity=0)
    assert Group.objects.get(pk=1).name == "raw"
    assert sent() == []


@pytest.fixture
def production(settings: Settings) -> None:
    """Rules fail as they do in production."""
    settings.HUB_RULES_RAISE = "never"


@pytest.mark.parametrize("when", ["in_tests", "always"])
def test_error_of_a_rule_is_raised_in_tests_with_the_name_of_the_rule(settings: Settings, when: str) -> None:
    settings.HUB_RULES_RAISE = when
    on_save(Group)(failing)
    with pytest.raises(RuntimeError, match="the rule is broken") as raised:
        Group.objects.create(name="ops")
    assert f"Raised by the rule {__name__}.failing of auth.Group." in raised.value.__notes__[0]


@pytest.mark.parametrize(("when", "raises"), [("in_tests", False), ("always", True)])
def test_outside_of_tests_only_always_raises(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, when: str, raises: bool
) -> None:
    settings.HUB_RULES_RAISE = when
    monkeypatch.delattr(_TestState, "saved_data")
    on_save(Group)(failing)
    with pytest.raises(RuntimeError) if raises else nullcontext():
        Group.objects.create(name="ops")


def failing(group: Group) -> Alert:
    raise RuntimeError("the rule is broken")


def test_a_failing_rule_is_logged_with_its_name_and_the_save_and_other_rules_go_on(
    production: None, caplog: pytest.LogCaptureFixture
) -> None:
    on_save(Group)(failing)
    on_save(Group)(about)
    with caplog.at_level(logging.ERROR):
        Group.objects.create(name="ops")
    assert Group.objects.get().name == "ops"
    assert sent() == ["ops"]
    assert f"{__name__}.failing" in caplog.text


def test_an_sql_error_in_a_rule_does_not_spoil_the_transaction_of_the_save(production: None) -> None:
    @on_save(Group)
    def bad_sql(group: Group) -> Alert:
        Group.objects.create(name=group.name)
        return about(group)

    with transaction.atomic():
        Group.objects.create(name="first")
        Group.objects.create(name="second")
    assert sorted(Group.objects.values_list("name", flat=True)) == ["first", "second"]
    assert sent() == []


@pytest.mark.parametrize("returned", ["text", 7, [None], [object()]])
def test_a_rule_that_returns_no_alert_breaks_nothing(
    production: None, returned: Any, caplog: pytest.LogCaptureFixture
) -> None:
    @on_save(Group)
    def confused(group: Group) -> Any:
        return returned

    Group.objects.create(name="ops")
    assert Group.objects.exists()
    assert sent() == []
    assert "confused" in caplog.text


def test_one_bad_alert_of_a_rule_takes_its_others_along(production: None) -> None:
    @on_save(Group)
    def half_good(group: Group) -> Iterator[Alert]:
        yield about(group)
        yield alert(to="user:nobody", message="x")

    Group.objects.create(name="ops")
    assert sent() == []
    assert not Publication.objects.exists()


def test_a_rolled_back_save_sends_nothing() -> None:
    on_save(Group)(about)
    with transaction.atomic():
        Group.objects.create(name="ops")
        assert sent() == ["ops"]
        transaction.set_rollback(True)
    assert sent() == []
    assert not Publication.objects.exists()


def test_alerts_py_of_an_installed_app_is_found(settings: Settings) -> None:
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "tests.notifications.shop"]
    Group.objects.create(name="ops")
    assert sent() == ["The shop has heard of ops"]


def test_alert_that_a_rule_makes_and_does_not_return_is_named_by_check() -> None:
    @on_save(Group)
    def forgetful(group: Group) -> None:
        if group.name:
            alert(to="everyone", message=group.name)

    @on_save(Group)
    def right(group: Group) -> list[Alert]:
        made = about(group)
        return [made, alert(to="everyone", message=group.name)]

    (error,) = [one for one in rules_return_alerts(None) if __name__ in one.msg]
    assert error.id == "hub.E075"
    line = forgetful.__code__.co_firstlineno + 3
    assert f"{forgetful.__qualname__} makes an alert in line {line} and does not return it" in error.msg


def test_rule_that_cannot_be_read_is_passed_over() -> None:
    class Unhashable:
        __module__, __qualname__, __hash__ = __name__, "rule", None  # type: ignore[assignment]  # as of a dataclass

        def __call__(self, group: Group) -> None: ...

    round_and_round = partial(about)
    round_and_round.__wrapped__ = round_and_round  # type: ignore[attr-defined]  # as a wrapper of itself has it

    def given_another(group: Group, alert: Any = print) -> None:
        alert(group)

    for rule in (Unhashable(), round_and_round, given_another):
        discarded.note(rule)
    assert [one.msg for one in rules_return_alerts(None) if "passed_over" in one.msg] == []


@pytest.mark.parametrize("decorator", [on_save, on_delete, partial(on_m2m_change, name="permissions")])
def test_name_of_a_model_in_place_of_the_model_is_refused(decorator: Any) -> None:
    with pytest.raises(TypeError, match=r"takes a model, such as @on_\w+\(Order\), and was given 'auth.Group'"):
        decorator("auth.Group")
