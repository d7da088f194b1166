"""What a block has sent, as a list that may be looked at in the block and after it."""

from collections.abc import Sequence
from types import TracebackType
from typing import Generic, Self, TypeVar, overload

from hub.database import in_database_thread
from hub.testing.commits import PendingCommit
from hub.testing.in_process import in_process
from hub.testing.mistakes import reading_the_database

T = TypeVar("T")


class Captured(Sequence[T], Generic[T]):
    """What was sent from the beginning of a ``with`` block (``async with`` in async code), in order.

    In a ``TestCase`` the end of the block, and each look into the list before it, runs what waits for the commit.
    After the block the list stays as it was at its end; where the block raised it is empty.
    """

    #: How the function is called that makes it.
    made_by = ""

    def __init__(self) -> None:
        self._pending: PendingCommit | None = None
        self._result: Sequence[T] | None = None

    def begin(self) -> None:
        """From now on it is captured."""
        raise NotImplementedError

    def end(self) -> None:
        """Nothing more is captured."""

    def captured(self) -> Sequence[T]:
        """What was captured until now."""
        raise NotImplementedError

    def line(self, one: T) -> str:
        """One that was captured, for people who read why a test fails."""
        raise NotImplementedError

    # --- the block -------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        with reading_the_database(f"{self.made_by}()"):
            self.begin()
        self._pending = PendingCommit()
        in_process.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            self._result = self._look() if error is None else ()
        finally:
            self.end()
            in_process.leave()

    async def __aenter__(self) -> Self:
        return await in_database_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await in_database_thread(self.__exit__, kind, error, traceback)

    @property
    def waiting(self) -> int:
        """How many functions of the block still wait for a commit: a transaction is open that the test began."""
        return self._pending.waiting if self._pending is not None and self._result is None else 0

    def _look(self) -> Sequence[T]:
        if self._result is not None:
            return self._result
        if self._pending is not None:
            self._pending.run()
        with reading_the_database(f"{self.made_by}()"):
            return self.captured()

    # --- the list --------------------------------------------------------------------------------------------------

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._look()[index]

    def __len__(self) -> int:
        return len(self._look())

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Sequence) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def __repr__(self) -> str:
        lines = "".join(f"\n  {self.line(one)}" for one in self._look())
        return f"<{self.made_by}: {lines or 'nothing'}{self._hint()}>"

    def _hint(self) -> str:
        return (
            f"\n  ({self.waiting} functions wait for the commit of a transaction that is open.)"
            if self.waiting
            else ""
        )
