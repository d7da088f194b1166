"""The app in README.md and the rules in the how-to do what is said of them: saved orders become alerts."""

import json
from pathlib import Path

import pytest

from tests.docs.documents import block
from tests.docs.shop import shop

HOW_TO = "docs/howto/add-an-alert-for-your-model.md"

#: A customer with an open socket places an order; then the task runs, for a group of which she is a member.
README_STORY = """
import asyncio, json
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from hub.people.models import User
from shop.models import Order
from tests.support.sockets import open_endpoint, session_cookie
from worker.celery import app

ada = User.objects.create_user("admin")
before = Order.objects.count()
exec(in_the_shell)
assert Order.objects.count() == before + 1
cookie = session_cookie(ada)
app.loader.import_default_modules()

async def story():
    async with open_endpoint("/ws/notifications/", session=cookie) as endpoint:
        order = await Order.objects.acreate(number="1042", customer=ada)
        print(json.dumps(await endpoint.receive_json()))
        task = app.tasks["shop.tasks.remind_warehouse"]
        await sync_to_async(task.apply)(args=[order.pk], throw=True)
        print(json.dumps(await endpoint.receive_json()))

asyncio.run(story())
"""

HOW_TO_STORY = """
import json
from django.contrib.auth.models import Group
from hub.people.models import User
from notifications.models import Notification
from shop.models import Order

ada = User.objects.create_user("ada")
Group.objects.create(name="warehouse")
order = Order.objects.create(number="7", customer=ada)
order.save()
order.is_late = True
order.save()
order.delete()
for sent in Notification.objects.order_by("pk"):
    print(json.dumps([str(sent.user or sent.group), sent.level, sent.message]))
"""

CHANGES_STORY = """
import json
from django.db import transaction
from hub.people.models import User
from notifications.models import Notification
from shop.models import Order

ada = User.objects.create_user("ada")
order = Order.objects.create(number="7", customer=ada)
with transaction.atomic():
    order.ship()
    order.number = "8"
    order.save()
    order.number = "9"
    order.save()
order.ship()
order.watchers.add(ada)
customer, numbers = ada, ["20", "21"]
exec(many)
for sent in Notification.objects.order_by("pk"):
    print(json.dumps(sent.message))
"""


@pytest.mark.live
def test_the_example_of_the_readme_alerts_the_customer_and_the_warehouse(tmp_path: Path) -> None:
    files = {name: block("README.md", name) for name in ("shop/models.py", "shop/alerts.py", "shop/tasks.py")}
    in_the_shell = block("README.md", "in manage.py shell")
    with shop(tmp_path, files) as project:
        placed, waiting = map(json.loads, project.run(f"in_the_shell = {in_the_shell!r}\n{README_STORY}").splitlines())
    assert placed["type"] == waiting["type"] == "notification"
    assert placed["message"] == "Order 1042 is placed"
    assert placed["level"] == "success"
    assert placed["url"] == "/orders/2/"
    assert placed["channel"].startswith("user:")
    assert waiting["message"] == "Order 1042 waits"
    assert waiting["channel"].startswith("group:")


@pytest.mark.live
def test_the_rules_of_the_how_to_run_on_save_and_on_delete(tmp_path: Path) -> None:
    models = block("README.md", "shop/models.py")
    with shop(tmp_path, {"shop/models.py": models, "shop/alerts.py": block(HOW_TO, "shop/alerts.py")}) as project:
        sent = [json.loads(line) for line in project.run(HOW_TO_STORY).splitlines()]
    assert sent == [
        ["ada", "success", "Order 7 is placed"],
        ["warehouse", "warning", "Order 7 waits"],
        ["ada", "info", "Your order 7 will be late"],
        ["warehouse", "info", "Order 7 was withdrawn"],
    ]


@pytest.mark.live
def test_the_rules_of_changes_in_the_how_to_run_once_in_a_transaction(tmp_path: Path) -> None:
    models = block("README.md", "shop/models.py") + (
        "    watchers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name='+')\n"
    )
    placed = block(HOW_TO, "shop/alerts.py").replace("@on_save(Order, created=True)\n", "")
    alerts = placed + block(HOW_TO, "shop/alerts.py, what has changed")
    many = block(HOW_TO, "many orders at once")
    with shop(tmp_path, {"shop/models.py": models, "shop/alerts.py": alerts}) as project:
        sent = [json.loads(line) for line in project.run(f"many = {many!r}\n{CHANGES_STORY}").splitlines()]
    assert sent == [
        "Order 9 is on its way",
        "Order 7 is order 9 now",
        "1 more people watch your order",
        "Order 20 is placed",
        "Order 21 is placed",
    ]


OPENED_STORY = """
from hub.people.models import User
from notifications.models import Notification
from notifications.saved_rules.models import SavedRule
from shop.models import Order

rule = SavedRule.objects.create(
    name="late", state="on", model="shop.order", on_changed=True, fields="is_late", recipients="customer",
    message="Order {number} is late: {is_late}", url="/orders/{id}/",
)
rule.conditions.create(field="is_late", value="True")
order = Order.objects.create(number="7", customer=User.objects.create_user("ada"))
order.is_late = True
order.save()
order.is_late = False
order.save()
rule.refresh_from_db()
for sent in Notification.objects.all():
    print(sent.user, sent.message, sent.url, rule.times_fired)
"""


@pytest.mark.live
def test_a_rule_of_the_how_to_without_code_fires(tmp_path: Path) -> None:
    files = {
        "shop/models.py": block("README.md", "shop/models.py"),
        "shop/alerts.py": block("docs/howto/rules-without-code.md", "shop/alerts.py, opened"),
    }
    with shop(tmp_path, files) as project:
        assert project.run(OPENED_STORY) == "ada Order 7 is late: Yes /orders/1/ 1\n"
