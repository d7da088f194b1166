"""Parts of the pages by role and name, and waits for their states."""

from playwright.sync_api import Dialog, Locator, Page, expect

#: JavaScript: returns all elements that match a selector, also those in the shadow roots of widgets.
EVERY_ROOT = """
(selector) => {
  const found = [];
  const look = (root) => {
    found.push(...root.querySelectorAll(selector));
    for (const element of root.querySelectorAll("*")) if (element.shadowRoot) look(element.shadowRoot);
  };
  look(document);
  return found;
}
"""


def wait_until_live(page: Page) -> None:
    """Wait until the page is connected."""
    expect(page.get_by_role("banner").get_by_text("Live", exact=True)).to_be_visible()


def alerts(page: Page) -> Locator:
    """The alerts of the page's list."""
    return page.get_by_role("main").get_by_role("list", name="Alerts").locator("li")


def wait_until_loaded(page: Page) -> None:
    """Wait until the page has loaded its list of alerts."""
    expect(page.get_by_role("main").get_by_role("img", name="Loading")).to_have_count(0)


def toasts(page: Page) -> Locator:
    return page.get_by_role("log", name="New alerts").locator("li")


def bell(page: Page) -> Locator:
    """The button with the number of unread alerts."""
    return page.get_by_role("banner").locator("hub-bell").get_by_role("button").first


def messages(page: Page) -> Locator:
    """All entries of the conversation, notices too."""
    return page.get_by_role("log", name="Messages").locator("li")


def message_box(page: Page) -> Locator:
    return page.get_by_role("textbox")


def wait_until_in_room(page: Page) -> None:
    """Wait until the page is connected and has loaded the messages of the room."""
    wait_until_live(page)
    expect(page.get_by_role("main").get_by_role("img", name="Loading")).to_have_count(0)


def send_message(page: Page, text: str) -> None:
    """Type ``text`` and send it with Enter."""
    message_box(page).fill(text)
    message_box(page).press("Enter")


def dialogs_of(page: Page) -> list[str]:
    """The texts of the dialogs that scripts open from now on. The list stays empty unless a script was injected."""
    opened: list[str] = []

    def note(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    return opened
