"""The blocks of the how-to about grouping make the rows that the page shows."""

from pathlib import Path

import pytest

from tests.docs.documents import block, blocks
from tests.docs.shop import shop

HOW_TO = "docs/howto/group-notifications.md"

STORY = """
from django.core.management import call_command
from hub.people.models import User
from notifications import notify
from notifications.inbox import queries

call_command("check")
ada = User.objects.create_user("ada")
exec(anywhere)
for row in queries.latest_for(ada):
    print(f"{row.bundle_count}: {row.message}")
"""


@pytest.mark.live
def test_the_how_to_makes_rows_of_several(tmp_path: Path) -> None:
    with shop(tmp_path, {"shop/kinds.py": block(HOW_TO, "photos/kinds.py")}) as project:
        printed = project.run(f"anywhere = {block(HOW_TO, 'anywhere')!r}\n{STORY}").splitlines()[1:]
    assert printed == blocks(HOW_TO, "text")[0].splitlines()
