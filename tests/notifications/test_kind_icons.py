"""The icon of a kind: which there are, and where people without scripts see it."""

import re

import pytest
from django.core import checks
from django.template.loader import render_to_string

from lab.harness.environment import BASE_DIR
from notifications import Kind
from notifications.kinds import declaring
from notifications.kinds.icons import ICONS, is_sign
from notifications.models import Notification

SYMBOLS = BASE_DIR / "static/hub/icons/icons.svg"
SCRIPT = BASE_DIR / "static/hub/js/components/kind-icon.js"
PAGE = BASE_DIR / "docs/howto/declare-kinds.md"


@pytest.fixture(autouse=True)
def own_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(declaring, "_declared", {})


def warnings() -> list[str]:
    return [message.msg for message in checks.run_checks() if message.id == "hub.W084"]


def test_code_widgets_and_page_know_the_icons_that_there_are() -> None:
    drawn = set(re.findall(r'<symbol id="([^"]+)"', SYMBOLS.read_text()))
    assert drawn == ICONS
    of_script = SCRIPT.read_text().partition("ICONS = ")[2].partition(".split")[0]
    assert set(" ".join(re.findall(r'"([a-z ]+)"', of_script)).split()) == drawn
    listed = PAGE.read_text().partition("## Icons")[2].partition("Or an emoji")[0]
    assert set(re.findall(r"`([a-z]+)`", listed)) == drawn


@pytest.mark.parametrize("icon", ["🚚", "❤️", "1️⃣", "🇩🇪", "👨‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👩🏽‍🚀", "PR", "№", "!"])
def test_emoji_and_short_texts_are_shown_as_they_are(icon: str) -> None:
    assert is_sign(icon)


@pytest.mark.parametrize(
    "icon", ["", "lorry", "<b>", "/a.png", "PR 7", "\u202ex", "\u200d", " ", "\n", "🚚" * 11, "data:,", "1+1=2"]
)
def test_other_texts_are_not(icon: str) -> None:
    assert not is_sign(icon)


def test_checks_name_a_kind_whose_icon_no_widget_shows() -> None:
    Kind("known", label="Known", icon="truck")
    Kind("sign", label="Sign", icon="🚚")
    Kind("bare", label="Bare")
    assert warnings() == []
    Kind("odd", label="Odd", icon="lorry")
    (warning,) = warnings()
    assert warning.startswith(f"The kind 'odd' ({__name__}) has the icon 'lorry', which is none of the hub's")


@pytest.mark.parametrize(
    ("icon", "shown"),
    [
        ("truck", "icons.svg#truck"),
        ("🚚", '<span aria-hidden="true">🚚</span>'),
        ("<b>", "icons.svg#success"),
        ("", "icons.svg#success"),
    ],
)
def test_page_without_scripts_shows_it(icon: str, shown: str) -> None:
    Kind("order.shipped", label="Shipped", icon=icon)
    alert = Notification(pk=1, kind="order.shipped", level="success", message="m")
    html = render_to_string("hub/notifications/_alert.html", {"alert": alert, "level": alert.level})
    assert shown in re.sub(r"icons\.\w+\.svg", "icons.svg", html)
    assert "<b>" not in html


def test_page_without_scripts_shows_the_level_of_an_alert_of_no_kind() -> None:
    alert = Notification(pk=1, level="error", message="m")
    html = render_to_string("hub/notifications/_alert.html", {"alert": alert, "level": alert.level})
    assert "#error" in html
