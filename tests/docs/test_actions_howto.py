"""The blocks of the how-to about actions do what the text says of them."""

from pathlib import Path

import pytest

from tests.docs.documents import block
from tests.docs.shop import shop

HOW_TO = "docs/howto/offer-actions.md"

STORY = """
from hub.people.models import User
from shop.models import Order
from shop.testing import choose_packed

ada = User.objects.create_user("ada")
order = Order.objects.create(number="7", customer=ada, is_late=True)
print(choose_packed(order, ada))
order.refresh_from_db()
print(order.is_late)
"""


@pytest.mark.live
def test_the_how_to_asks_and_does_what_was_chosen(tmp_path: Path) -> None:
    files = {
        "shop/models.py": block("README.md", "shop/models.py"),
        "shop/alerts.py": block(HOW_TO, "shop/alerts.py"),
        "shop/testing.py": block(HOW_TO, "shop/tests.py"),
    }
    with shop(tmp_path, files) as project:
        assert project.run(STORY).splitlines() == ["pack_order", "False"]
