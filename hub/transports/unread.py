"""Bounds what this process holds of long answers that clients have asked for and have not read yet.

A short command may ask for megabytes. Each socket waits until its client has read most of one answer before it makes
the next, but one person may have a hundred sockets.
"""

from collections.abc import Callable

from hub.limits import count_refusal

#: Bytes of long answers that a process holds, and how much of that may be of one user, or of all guests of an address.
ROOM = 256 * 1024 * 1024
ROOM_OF_ONE = ROOM // 4


class Answer:
    """A long answer that a client has not read yet.

    Args:
        who: asked for it; answers of equal ones are counted together.
        size: in bytes.
        drop: ends the connection of a client that has to make way. Called once at most.
    """

    __slots__ = ("drop", "size", "who")

    def __init__(self, who: object, size: int, drop: Callable[[], None]) -> None:
        self.who = who
        self.size = size
        self.drop = drop


class UnreadAnswers:
    """The long answers of a process. Lives on one event loop."""

    def __init__(self, room: int = ROOM, room_of_one: int = ROOM_OF_ONE) -> None:
        self._room = room
        self._room_of_one = room_of_one
        #: By who asked: their answers, the oldest first, and the bytes of all.
        self._of: dict[object, dict[Answer, None]] = {}
        self._size_of: dict[object, int] = {}

    def hold(self, answer: Answer) -> None:
        """Count ``answer`` until :meth:`let_go`.

        Where there is no room, those who hold most make way, the one of theirs that has waited for longest first. The
        only answer of somebody is long because settings say so, and stays while others have room.
        """
        who = answer.who
        self._of.setdefault(who, {})[answer] = None
        self._size_of[who] = self._size_of.get(who, 0) + answer.size
        while self._size_of.get(who, 0) > self._room_of_one and len(self._of[who]) > 1:
            self._drop_one_of(who)
        while sum(self._size_of.values()) > self._room and sum(map(len, self._of.values())) > 1:
            self._drop_one_of(max(self._size_of, key=self._size_of.__getitem__))

    def let_go(self, answer: Answer) -> None:
        """The client has read it, or is gone. May be repeated."""
        answers = self._of.get(answer.who, {})
        if answer in answers:
            del answers[answer]
            self._size_of[answer.who] -= answer.size
            if not answers:
                del self._of[answer.who], self._size_of[answer.who]

    def _drop_one_of(self, who: object) -> None:
        oldest = next(iter(self._of[who]))
        self.let_go(oldest)
        count_refusal("answers")
        oldest.drop()


#: Those of this process.
answers = UnreadAnswers()
