"""``chat_<name>``: which room the group of the tutorials means."""

import pytest

from chat.models import Room
from hub.channels import aliases

pytestmark = pytest.mark.django_db


def of(*rooms: Room) -> list[list[str]]:
    found = aliases.find([f"room:{room.pk}" for room in rooms])
    return [found.get(f"room:{room.pk}", []) for room in rooms]


def test_rooms_have_the_alias_of_their_name_as_it_is_written() -> None:
    lobby, team = Room.objects.create(name="Lobby"), Room.objects.create(name="team-7", is_private=True)
    assert of(lobby, team) == [["chat_Lobby"], ["chat_team-7"]]


@pytest.mark.parametrize("name", ["привет", "ß", "🎉"])
def test_a_name_that_no_group_can_have_is_no_alias(name: str) -> None:
    assert of(Room.objects.create(name=name)) == [[]]


def test_of_rooms_with_one_name_the_oldest_private_one_has_the_alias() -> None:
    public = Room.objects.create(name="team")
    assert of(public) == [["chat_team"]]
    first, second = (Room.objects.create(name="team", is_private=True) for _ in range(2))
    assert of(public, second, first) == [[], [], ["chat_team"]]
    assert of(public) == [[]]


@pytest.mark.whole_table
@pytest.mark.parametrize("channel", ["room:7", f"room:{'9' * 18}", f"room:{'9' * 60}", "room:x"])
def test_a_room_that_is_not_there_has_no_alias(channel: str) -> None:
    assert aliases.find([channel]) == {}


def test_the_names_of_many_rooms_are_one_query(django_assert_num_queries: object) -> None:
    rooms = [Room.objects.create(name=f"room-{number}") for number in range(20)]
    with django_assert_num_queries(1):  # type: ignore[operator]  # pytest-django's
        assert len(of(*rooms)) == 20
