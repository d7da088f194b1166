"""Rules with a kind, and rules that group and hold."""

from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from hub.users import user_id
from notifications import Kind
from notifications.kinds import declaring as kinds
from notifications.models import Notification, ScheduledAlert
from notifications.preferences import stored as preferences
from notifications.preferences.stored import Wish
from notifications.saved_rules.models import SavedRule
from tests.notifications.saved_rules.orders import made, move, order, posted
from tests.support.people import User

pytestmark = pytest.mark.usefixtures("orders")


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds, "_declared", {})
    Kind(
        "order.shipped",
        label="Order shipped",
        level="success",
        title="Order {number}",
        message="{what} for {total}",
        fields={"number": str, "what": str, "total": Decimal},
        group_by="order:{number}",
    )
    Kind("bare", label="Bare")


OF_KIND: dict[str, Any] = {
    "kind": "order.shipped",
    "values": "what = {old.status} to {status}",
    "message": "",
    "level": "",
}


@pytest.mark.usefixtures("shipped")
def test_a_rule_of_a_kind_has_its_texts_and_level_and_what_people_choose_of_it() -> None:
    ann = User.objects.create_user("ann")
    made(**OF_KIND, recipients=user_id(ann))
    row = order(number="7", total=Decimal("12.50"))
    move(row, status="paid")
    (alert,) = Notification.objects.all()
    assert (alert.title, alert.message, alert.level) == ("Order 7", "new to paid for 12.50", "success")
    assert (alert.kind, alert.bundle_by) == ("order.shipped", "order:7")
    assert alert.params == {"number": "7", "what": "new to paid", "total": "12.50"}
    preferences.change(ann, wishes=[Wish("inbox", is_on=False, kind="order.shipped")])
    move(order(number="8"), status="paid")
    assert Notification.objects.count() == 1


def test_alerts_of_a_rule_are_grouped_and_held() -> None:
    ann = User.objects.create_user("ann")
    made(recipients=user_id(ann), group_by="order:{number}")
    made(name="held", recipients=user_id(ann), group_by="all", throttle=10, message="held {number}")
    for number in ("7", "7", "8"):
        move(order(number=number), status="paid")
    shown = (
        Notification.objects.filter(folded=False).order_by("pk").values_list("message", "bundle_count", "bundle_by")
    )
    assert list(shown) == [
        ("held 7", 1, "all"),
        ("7: paid", 2, "order:7"),
        ("8: paid", 1, "order:8"),
    ]
    assert [row.contents["message"] for row in ScheduledAlert.objects.order_by("pk")] == ["held 7", "held 8"]


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"kind": "no.such"}, "Select a valid choice"),
        ({"kind": "order.shipped", "values": "what = x"}, "The kind has a text of its own here"),
        ({**OF_KIND, "values": ""}, "The kind needs a value: write what = {…}."),
        ({**OF_KIND, "values": "who = {number}"}, "The kind has no placeholder “who”, only: number, what, total."),
        ({**OF_KIND, "values": "what {number}"}, "A line is a placeholder of the kind"),
        ({**OF_KIND, "values": "what = {customer}"}, "Rules may not read “customer”"),
        ({**OF_KIND, "values": "what = {"}, "A single brace means nothing here"),
        ({"values": "what = x"}, "The kind has no placeholder “what”, only: –."),
        ({"message": ""}, "Say what people read"),
        ({"kind": "bare", "message": ""}, "Say what people read"),
        ({"group_by": "{customer}"}, "Rules may not read “customer”"),
        ({"group_by": "order"}, "Alerts that are grouped or held go to people alone"),
        ({"throttle": "5"}, "Alerts that are grouped or held go to people alone"),
        ({"throttle": "10081"}, "At most 10080 minutes, which are 7 days."),
        ({"throttle": "-1"}, "greater than or equal to 0"),
    ],
)
def test_what_a_kind_and_a_rule_do_not_say_together_is_refused(
    admin: Client, values: dict[str, str], error: str
) -> None:
    assert error in " ".join(map(unescape, posted(admin, **values)))
    assert not SavedRule.objects.exists()


@pytest.mark.usefixtures("shipped")
def test_a_rule_of_a_kind_is_made_and_previewed(admin: Client) -> None:
    ann = User.objects.get()
    assert posted(admin, **OF_KIND, recipients=user_id(ann), throttle="0") == []
    order(number="7", total=Decimal(9))
    rule = SavedRule.objects.get()
    page = unescape(admin.get(reverse("admin:hub_notifications_savedrule_preview", args=[rule.pk])).text)
    assert "Order 7" in page and "new to new for 9.00" in page and "order:7" in page
    # The kind is gone: the page of the rule shows it as it is, and a save of it says what is wrong.
    kinds._declared.clear()
    page = admin.get(reverse("admin:hub_notifications_savedrule_change", args=[rule.pk])).text
    assert '<option value="order.shipped" selected>' in page
    answer = admin.get(reverse("admin:hub_notifications_savedrule_preview", args=[rule.pk]), follow=True)
    assert "There is no kind named “order.shipped”." in answer.text
