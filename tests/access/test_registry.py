"""Which connections a message to a person reaches."""

import pytest

from hub.access import registry as registry_module
from hub.access.registry import Registry
from tests.connection.wire import Wire
from tests.support.people import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database, pytest.mark.own_user_model]


@pytest.fixture
def registry() -> Registry:
    return Registry()


async def test_person_is_found_by_what_the_product_calls_them(registry: Registry) -> None:
    people = [await User.objects.acreate(external_id=name) for name in ("42", "43")]
    local = await User.objects.acreate(username="ada")
    one, two, other, of_local = (Wire(user).client for user in (people[0], people[0], people[1], local))
    for client in (one, two, other, of_local):
        registry.add(client)
    assert list(registry.addressed("42", "")) == [one, two]
    assert list(registry.addressed("42", two.client)) == [two]
    assert list(registry.addressed(str(local.pk), "")) == [of_local]
    assert not registry.addressed(str(people[0].pk), "")
    registry.remove(one)
    assert list(registry.addressed("42", "")) == [two]
    registry.remove(two)
    assert not registry.addressed("42", "")
    assert list(registry.addressed("43", "")) == [other]


async def test_nobody_else_is_looked_at(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        registry.add(Wire(await User.objects.acreate(external_id=f"p{number}")).client)
    monkeypatch.setattr(registry_module, "user_id", lambda user: pytest.fail("somebody was looked at"))
    assert len(list(registry.addressed("p7", ""))) == 1
    assert not registry.addressed("nobody", "")
