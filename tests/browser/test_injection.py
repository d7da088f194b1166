"""What people write is text, wherever it shows: no script of theirs runs, in no field, on no page."""

import json
import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Visitors
from tests.browser.page_parts import dialogs_of, send_message, wait_until_live
from tests.support.live import LiveHub

#: Sets a mark on the page that it gets into, and opens a dialog.
RUN = "window.pwned=1;alert(1)"

#: One for each place that text could break out of: an element, an attribute, a script, an address, a style, a comment.
PAYLOADS = [
    f"<script>{RUN}</script>",
    f"<img src=x onerror='{RUN}'>",
    f"\"><svg onload='{RUN}'>",
    f"' autofocus onfocus='{RUN}' x='",
    f"</script><script>{RUN}</script>",
    f"</textarea></title></noscript><script>{RUN}</script>",
    f"--><script>{RUN}</script><!--",
    f"javascript:{RUN}",
    f"{{{{constructor.constructor('{RUN}')()}}}}${{{RUN}}}",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
    f"<a href='javascript:{RUN}' style='position:fixed;inset:0'>x</a>",
    f"<math><mtext></mtext><style><img src=x onerror='{RUN}'></style></math>",
    "<base href='https://evil.example/'><meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<form action='https://evil.example/'><button id=go>x</button></form>",
]

#: Names of accounts pass no validator where code makes them, so they hold anything.
SEND = """
from django.contrib.auth.models import Group
from tests.support.people import User
from notifications import notify
from notifications.models import Notification
reader = User.objects.get(username=name)
for number, payload in enumerate(payloads):
    group, _ = Group.objects.get_or_create(name=payload[:150])
    group.user_set.add(reader)
    to = group if number % 2 else reader
    notify(to=to, message=payload, title=payload[:200], data={"html": payload, payload: [payload]})
"""

WRITE = """
from tests.support.people import User
from chat.actions import post_message
from chat.models import Room
room = Room.objects.get(name=room)
for payload in payloads:
    author, _ = User.objects.get_or_create(username=payload[:150])
    post_message(room_id=room.pk, author_id=author.pk, text=payload)
"""

#: Rows that no check of today let in: an older version, another program with the database's password.
BEHIND = """
from hub.publishing.verbs import publish
from hub.users import user_id
from notifications import notify
from notifications.models import Notification
from tests.support.people import User
reader = User.objects.get(username=name)
for payload in payloads:
    kept = payload[:10 if field == "level" else 200]
    fields = {"message": "behind", "title": "", "level": "info", "url": "", field: kept}
    row = Notification.objects.create(user=reader, **fields)
    publish(f"user:{user_id(reader)}", {"type": "notifications.notification_created", "id": row.pk,
        "at": "2026-01-01T00:00:00Z", "data": None, **{**fields, field: payload}})
notify(to=reader, message=f"end of {field}")
"""


def items(page: Page) -> Locator:
    """The alerts or the messages of the page."""
    return page.locator("main li")


def is_unharmed(page: Page, dialogs: list[str], url: str) -> None:
    """No script ran, no dialog opened, nothing of the payloads became an element, and the page is where it was."""
    assert dialogs == []
    assert page.evaluate("window.pwned") is None
    assert page.url == url
    unwanted = "iframe, base, math, form[action*=evil], meta[http-equiv=refresh], [onerror], [onload], [onfocus]"
    assert page.locator(unwanted).count() == 0
    assert page.locator("script:not([src]):not([type='application/json'])").count() == 0
    # An address from outside leads nowhere but to a page.
    for link in page.locator("a").all():
        assert re.match(r"(https?:|/|#|$)", (link.get_attribute("href") or "").strip()), link.get_attribute("href")


def test_alerts_show_what_was_sent_as_text_live_and_after_a_reload(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("injected")
    dialogs = dialogs_of(page)
    page.goto("/notifications/")
    wait_until_live(page)
    hub.shell(SEND, name="injected", payloads=PAYLOADS)
    expect(items(page).filter(has_text=PAYLOADS[-1]).first).to_be_visible()
    is_unharmed(page, dialogs, page.url)
    page.reload()
    wait_until_live(page)
    for payload in PAYLOADS:
        expect(items(page).filter(has_text=payload).first).to_be_attached()
    is_unharmed(page, dialogs, page.url)


def test_toasts_show_what_was_sent_as_text(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("toasted")
    dialogs = dialogs_of(page)
    page.goto("/online/")
    wait_until_live(page)
    for payload in PAYLOADS:
        hub.shell(SEND, name="toasted", payloads=[payload])
        expect(page.get_by_text(payload).first).to_be_attached()
    is_unharmed(page, dialogs, page.url)


def test_alerts_that_came_past_every_check_run_nothing_and_lead_nowhere(visitor: Visitors, hub: LiveHub) -> None:
    page = visitor("behind")
    dialogs = dialogs_of(page)
    page.goto("/notifications/")
    wait_until_live(page)
    for field in ("url", "level", "title", "message"):
        hub.shell(BEHIND, name="behind", field=field, payloads=PAYLOADS)
        for _ in range(2):
            expect(items(page).filter(has_text=f"end of {field}").first).to_be_visible()
            is_unharmed(page, dialogs, page.url)
            page.reload()
            wait_until_live(page)


def test_chat_shows_texts_names_and_notices_as_text_live_and_after_a_reload(
    visitor: Visitors, hub: LiveHub, room: str
) -> None:
    page = visitor("in-the-room")
    dialogs = dialogs_of(page)
    page.goto(room)
    wait_until_live(page)
    hub.shell(WRITE, room=room.rstrip("/").rpartition("/")[2], payloads=PAYLOADS)
    send_message(page, PAYLOADS[1])
    # Whoever comes in is announced by name.
    other = visitor(PAYLOADS[0])
    dialogs_there = dialogs_of(other)
    other.goto(room)
    wait_until_live(other)
    for seen, opened in ((page, dialogs), (other, dialogs_there)):
        for payload in PAYLOADS:
            expect(items(seen).filter(has_text=payload).first).to_be_attached()
        is_unharmed(seen, opened, seen.url)
    # A name shows on every page of who bears it.
    for path in ("/", "/notifications/", "/chat/", "/accounts/tokens/", "/online/"):
        other.goto(path)
        is_unharmed(other, dialogs_there, other.url)


def test_what_is_typed_into_addresses_and_forms_comes_back_as_text(visitor: Visitors, hub: LiveHub) -> None:
    visitor.expect_in_console("a status of 422")  # of a form that is not accepted
    page = visitor("typing")
    dialogs = dialogs_of(page)
    for payload in PAYLOADS[:6]:
        page.goto("/chat/")
        page.get_by_role("textbox").first.fill(payload[:64])
        page.get_by_role("textbox").first.press("Enter")
        page.wait_for_load_state()
        is_unharmed(page, dialogs, page.url)
        page.goto("/accounts/tokens/")
        page.get_by_role("textbox").first.fill(payload[:60])
        page.get_by_role("textbox").first.press("Enter")
        page.wait_for_load_state()
        is_unharmed(page, dialogs, page.url)
    guest = visitor()
    dialogs = dialogs_of(guest)
    for payload in PAYLOADS:
        guest.goto(f"/accounts/login/?next={json.dumps(payload)}")
        is_unharmed(guest, dialogs, guest.url)


def test_a_link_that_is_no_address_of_the_web_does_nothing_when_it_is_followed(
    visitor: Visitors, hub: LiveHub, notify: Callable[..., None]
) -> None:
    page = visitor("clicking")
    dialogs = dialogs_of(page)
    page.goto("/notifications/")
    wait_until_live(page)
    addresses = [f"javascript:{RUN}", f" javascript:{RUN}", f"java\tscript:{RUN}", f"data:text/html,{PAYLOADS[0]}"]
    hub.shell(BEHIND, name="clicking", field="url", payloads=addresses)
    expect(items(page).filter(has_text="end of url").first).to_be_visible()
    for item in items(page).filter(has_text="behind").all():
        for link in item.locator("a").all():
            link.click(no_wait_after=True)
        item.click(no_wait_after=True)
    is_unharmed(page, dialogs, page.url)
