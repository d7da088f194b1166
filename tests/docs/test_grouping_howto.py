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
ada = User.objects.create_user('ada')
exec(anywhere)
if later:
    from hub.testing import drain_jobs
    from notifications.models import ThrottleWindow
    drain_jobs(until=ThrottleWindow.objects.get().ends_at)
for row in queries.latest_for(ada):
    print(f"{row.bundle_count}: {row.message}")
"""


@pytest.mark.live
def test_the_how_to_makes_rows_of_several(tmp_path: Path) -> None:
    kinds = block(HOW_TO, "photos/kinds.py")
    throttled = block(HOW_TO, "photos/kinds.py: a kind that is throttled")
    with shop(tmp_path, {"shop/kinds.py": f"{kinds}\n{throttled}"}) as project:
        rows = project.run(f"later = False\nanywhere = {block(HOW_TO, 'anywhere')!r}\n{STORY}").splitlines()[1:]
        held = project.run(
            f"later = True\nanywhere = {block(HOW_TO, 'anywhere: four likes')!r}\n{STORY}".replace("'ada'", "'ada2'")
        ).splitlines()[1:]
    assert rows == blocks(HOW_TO, "text")[0].splitlines()
    assert held == blocks(HOW_TO, "text")[1].splitlines()
