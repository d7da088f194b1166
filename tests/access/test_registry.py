"""Which connections a message to a person reaches."""

from collections.abc import AsyncIterator, Callable

import pytest

from hub.access import registry as registry_module
from hub.access.registry import Registry
from hub.endpoints.centrifuge.client import Client
from tests.connection.wire import Wire
from tests.support.people import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.any_database, pytest.mark.own_user_model]


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
async def client_of() -> AsyncIterator[Callable[[User], Client]]:
    """Makes a client of a person; each is over with the test."""
    wires: list[Wire] = []

    def make(user: User) -> Client:
        wires.append(Wire(user))
        return wires[-1].client

    yield make
    for wire in wires:
        await wire.disconnected()


async def test_person_is_found_by_what_the_product_calls_them(
    registry: Registry, client_of: Callable[[User], Client]
) -> None:
    people = [await User.objects.acreate(external_id=name) for name in ("42", "43")]
    local = await User.objects.acreate_user("ada")
    one, two, other, of_local = (client_of(user) for user in (people[0], people[0], people[1], local))
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


async def test_nobody_else_is_looked_at(
    registry: Registry, client_of: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        registry.add(client_of(await User.objects.acreate(external_id=f"p{number}")))
    monkeypatch.setattr(registry_module, "user_id", lambda user: pytest.fail("somebody was looked at"))
    assert len(list(registry.addressed("p7", ""))) == 1
    assert not registry.addressed("nobody", "")


async def test_whether_a_connection_is_there_is_known_without_the_others(
    registry: Registry, client_of: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await User.objects.acreate(external_id="42")
    there, gone = client_of(user), client_of(user)
    for client in (there, gone):
        registry.add(client)
    registry.remove(gone)
    monkeypatch.setattr(Registry, "__iter__", lambda registry: pytest.fail("all were looked at"))
    assert there in registry
    assert gone not in registry
