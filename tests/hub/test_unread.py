"""Long answers that clients have asked for and have not read."""

import pytest

from hub.transports.unread import Answer, UnreadAnswers


class Held:
    """Answers of several people, and which had to make way."""

    def __init__(self) -> None:
        self.unread = UnreadAnswers(room=1000, room_of_one=300)
        self.dropped: list[str] = []
        self._answers: dict[str, Answer] = {}

    def ask(self, who: str, name: str, size: int) -> None:
        answer = self._answers[name] = Answer(who, size, lambda: self.dropped.append(name))
        self.unread.hold(answer)

    def read(self, name: str) -> None:
        self.unread.let_go(self._answers[name])


@pytest.fixture
def held() -> Held:
    return Held()


def test_who_holds_too_much_makes_way_for_themselves_and_nobody_else(held: Held) -> None:
    held.ask("bob", "his", 200)
    for number in range(5):
        held.ask("ada", f"ada {number}", 140)
    assert held.dropped == ["ada 0", "ada 1", "ada 2"]


def test_what_was_read_counts_no_more(held: Held) -> None:
    for number in range(5):
        held.ask("ada", f"ada {number}", 200)
        held.read(f"ada {number}")
        held.read(f"ada {number}")
    held.ask("ada", "the last", 300)
    assert held.dropped == []


def test_a_full_process_takes_from_those_who_hold_most(held: Held) -> None:
    held.ask("bob", "his first", 100)
    held.ask("bob", "his second", 150)
    held.ask("eve", "hers", 90)
    for number in range(5):
        held.ask(f"guest {number}", f"of guest {number}", 140)
    assert held.dropped == ["his first"]
    held.ask("one more", "another", 61)
    assert held.dropped == ["his first", "his second"]


def test_the_only_answer_of_somebody_is_never_too_long(held: Held) -> None:
    held.ask("ada", "as long as settings allow", 2000)
    assert held.dropped == []
    held.ask("bob", "a short one", 10)
    assert held.dropped == ["as long as settings allow"]


def test_one_that_has_made_way_may_still_end_by_itself(held: Held) -> None:
    held.ask("ada", "first", 200)
    held.ask("ada", "second", 200)
    held.read("first")
    held.ask("ada", "third", 100)
    assert held.dropped == ["first"]
