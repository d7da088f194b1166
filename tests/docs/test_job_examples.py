"""The task of the how-to about background jobs is owed from its call to its end, and harmless twice."""

from pathlib import Path

import pytest

from tests.docs.documents import block
from tests.docs.shop import shop

HOW_TO = "docs/howto/start-a-background-job.md"

#: The call runs where ``order`` is a saved one; then two messages of it come to a worker.
STORY = """
from django.contrib.auth.models import Group
from hub.people.models import User
from notifications.models import Notification
from shop.models import Order
from tests.worker.running import run_all
from worker.models import Job
from worker import sending

order = Order.objects.create(number="7", customer=User.objects.create_user("ada"))
Group.objects.create(name="warehouse")
{call}
print(Job.objects.get().task)
Job.objects.update(send_at=Job.objects.get().created_at)
print(sending.send_overdue())
print(*run_all())
print(*Notification.objects.filter(group__name="warehouse").values_list("message", flat=True))
print(Job.objects.count())
"""


@pytest.mark.live
def test_the_task_of_the_how_to_is_a_row_until_it_has_ended_and_tells_the_warehouse_once(tmp_path: Path) -> None:
    call = block(HOW_TO, "anywhere: a view, a rule, a command")
    files = {"shop/models.py": block("README.md", "shop/models.py"), "shop/tasks.py": block(HOW_TO, "shop/tasks.py")}
    with shop(tmp_path, files) as project:
        lines = project.run(STORY.replace("{call}", call)).splitlines()
    assert lines == ["shop.tasks.tell_warehouse", "1", "SUCCESS IGNORED", "Order 7 is to be packed", "0"]
