"""What a visitor finds on the pages, by role and name."""

from playwright.sync_api import Dialog, Locator, Page, expect

#: JavaScript: a function of a selector to all elements of the page, those of widgets too, whose shadow roots are open.
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


def is_live(page: Page) -> None:
    """Wait until the page is connected."""
    expect(page.get_by_role("banner").get_by_text("Live", exact=True)).to_be_visible()


def alerts(page: Page) -> Locator:
    """The alerts of the page's list."""
    return page.get_by_role("main").get_by_role("list", name="Alerts").locator("li")


def is_loaded(page: Page) -> None:
    """Wait until the page's list of alerts is there, empty or not."""
    expect(page.get_by_role("main").get_by_role("img", name="Loading")).to_have_count(0)


def toasts(page: Page) -> Locator:
    return page.get_by_role("log", name="New alerts").locator("li")


def bell(page: Page) -> Locator:
    """The button with the number of unread alerts."""
    return page.get_by_role("banner").locator("hub-bell").get_by_role("button").first


def messages(page: Page) -> Locator:
    """All entries of the conversation, notices too."""
    return page.get_by_role("log", name="Messages").locator("li")


def box(page: Page) -> Locator:
    return page.get_by_role("textbox")


def is_in(page: Page) -> None:
    """Wait until the page is live and the room's messages are there."""
    is_live(page)
    expect(page.get_by_role("main").get_by_role("img", name="Loading")).to_have_count(0)


def say(page: Page, text: str) -> None:
    """Write ``text`` and send it with the keyboard."""
    box(page).fill(text)
    box(page).press("Enter")


def dialogs_of(page: Page) -> list[str]:
    """The texts of the dialogs that scripts open from now on: none, unless a script got in."""
    opened: list[str] = []

    def note(dialog: Dialog) -> None:
        opened.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    return opened
