"""Projects with several databases: ``manage.py check`` says that the hub's rows and people stay in the default one."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core import checks
from django.db import models
from pytest_django.fixtures import Settings

from hub.database.routers import rows_are_in_the_default_database
from hub.models import Publication, Stream


class Router:
    """Puts some models into a database of their own, and reads some from a replica."""

    moved: set[type[models.Model]] = set()
    replicated: set[type[models.Model]] = set()

    def db_for_write(self, model: type[models.Model], **hints: Any) -> str | None:
        return "other" if model in self.moved else None

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str | None:
        return "replica" if model in self.replicated else self.db_for_write(model)


@pytest.fixture
def router(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> type[Router]:
    monkeypatch.setattr(Router, "moved", set())
    monkeypatch.setattr(Router, "replicated", set())
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]
    return Router


def said() -> list[checks.CheckMessage]:
    return rows_are_in_the_default_database(None)


def test_router_that_leaves_the_hub_alone_is_none_of_its_business(router: type[Router]) -> None:
    assert said() == []


def test_rows_of_the_hub_elsewhere_are_refused(router: type[Router]) -> None:
    router.moved = {Publication, Stream}
    (error,) = said()
    assert (error.id, error.level) == ("hub.E060", checks.ERROR)
    assert "hub.Publication" in error.msg
    assert "hub.Stream" in error.msg
    assert "into the database 'other'" in error.msg


@pytest.mark.parametrize("model", [get_user_model(), Group])
def test_people_and_groups_elsewhere_are_refused(router: type[Router], model: type[models.Model]) -> None:
    router.moved = {model}
    (error,) = said()
    assert error.id == "hub.E061"
    assert model._meta.label in error.msg


def test_rows_that_are_read_from_a_replica_are_warned_of(router: type[Router]) -> None:
    router.replicated = {Publication}
    (warning,) = said()
    assert (warning.id, warning.level) == ("hub.W060", checks.WARNING)
    assert "reads hub.Publication from the database 'replica'" in warning.msg


def test_check_of_django_runs_it(router: type[Router]) -> None:
    router.moved = {Publication}
    assert "hub.E060" in {one.id for one in checks.run_checks()}
