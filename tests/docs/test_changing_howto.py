"""The blocks of the how-to about changing what was sent do what the text says of them."""

from pathlib import Path

import pytest

from tests.docs.documents import block
from tests.docs.shop import shop

HOW_TO = "docs/howto/change-what-was-sent.md"

STORY = """
from django.contrib.auth.models import Group
from hub.people.models import User
from notifications.models import Notification
from shop.models import Order

Group.objects.create(name="warehouse")
order = Order.objects.create(number="7", customer=User.objects.create_user("ada"))
print(Notification.objects.count())
{blocks}
print(Notification.objects.count())
"""


@pytest.mark.live
def test_the_how_to_changes_what_it_has_sent(tmp_path: Path) -> None:
    written = [
        block(HOW_TO, f"anywhere: {what}")
        for what in ("taking back", "replacing", "an alert that expires", "an alert for later")
    ]
    with shop(tmp_path, {"shop/models.py": block("README.md", "shop/models.py")}) as project:
        lines = project.run(STORY.replace("{blocks}", "\n".join(written))).splitlines()
    assert lines == ["0", "2"]
