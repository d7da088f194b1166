"""What one look of the audit came to."""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Outcome:
    """``found`` says what is wrong, in a line each; ``note`` what else a reader should know.

    ``unreachable`` is no failure: nothing could be asked, and nothing is known.
    """

    state: Literal["clean", "found", "unreachable"]
    found: list[str] = field(default_factory=list)
    note: str = ""

    @classmethod
    def of(cls, found: list[str], note: str = "") -> "Outcome":
        """``clean`` where nothing was found."""
        return cls("found" if found else "clean", found, note)
