"""Which notices of leaving a fault must not cause."""

from types import SimpleNamespace
from typing import Any

from lab.chaos.client import Place
from lab.chaos.faults.rolling_restart import leave_notices
from lab.chaos.people import Person


class Client:
    """What is asked of one."""

    def __init__(self, name: str, room: str) -> None:
        self.name, self.place = name, Place(Person(1, name, "", ""), room)
        self.notices = [f"{name} left the room"]  # before the fault


def test_who_is_there_has_not_left_and_a_visitor_of_an_earlier_run_has() -> None:
    ann, bob = Client("ann", "kitchen"), Client("bob", "hall")
    experiment: Any = SimpleNamespace(crowd=[ann, bob])
    left = leave_notices(experiment)
    assert left() == []
    ann.notices += ["bob left the room", "bob joined the room"]
    bob.notices += ["ann left the room"]
    assert left() == []
    bob.notices += ["bob left the room"]
    assert left() == ["bob read: bob left the room"]
