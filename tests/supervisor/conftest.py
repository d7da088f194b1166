from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.supervisor.keeping import Keep, Kept


@pytest.fixture
async def keep(tmp_path: Path) -> AsyncIterator[Keep]:
    """Makes the part of a test, and ends it."""
    made: list[Kept] = []

    def make(code: str, *arguments: str, **options: Any) -> Kept:
        made.append(Kept(tmp_path, code, *arguments, **options))
        return made[-1]

    yield make
    for part in made:
        await part.close()
