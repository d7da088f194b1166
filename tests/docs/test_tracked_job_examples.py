"""The job of the how-to about jobs that people watch: it is theirs, and says what came of it."""

from pathlib import Path

import pytest

from tests.docs.documents import block
from tests.docs.shop import shop

HOW_TO = "docs/howto/show-a-job-to-people.md"

#: The calls run where ``order`` is a saved one.
STORY = """
from hub.people.models import User
from shop.models import Order
from tests.worker.running import run_all
from worker.models import TrackedJob

order = Order.objects.create(number="7", customer=User.objects.create_user("ada"))
{call}
{call_for}
print(*run_all())
for row in TrackedJob.objects.order_by("created_at"):
    print(row.title, row.owner, row.state, row.done, row.result_url, row.result_text, row.log[0][1], sep=", ")
"""


@pytest.mark.live
def test_job_of_the_how_to_is_that_of_who_started_it_and_keeps_its_result(tmp_path: Path) -> None:
    call = block(HOW_TO, "anywhere: a view, a command")
    call_for = block(HOW_TO, "in a command, a consumer, an RPC method")
    files = {"shop/models.py": block("README.md", "shop/models.py"), "shop/tasks.py": block(HOW_TO, "shop/tasks.py")}
    with shop(tmp_path, files) as project:
        lines = project.run(STORY.replace("{call}", call).replace("{call_for}", call_for)).splitlines()
    said = "succeeded, 1.0, /orders/, 1 orders are packed, Order 7 is packed"
    assert lines == ["SUCCESS SUCCESS", f"Pack orders, None, {said}", f"Pack orders, ada, {said}"]
