"""The people of one call to many, given it in small steps."""

import pytest

from notifications.sending import distributing
from tests.notifications.distributing.crowds import CROWD
from tests.support.people import User, make_crowd


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distributing, "BATCH", 25)


@pytest.fixture
def crowd() -> list[User]:
    return list(User.objects.filter(pk__in=[one.pk for one in make_crowd("one", CROWD)]).order_by("pk"))
