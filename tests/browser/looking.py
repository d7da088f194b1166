"""What a visitor finds on the pages, by role and name."""

from playwright.sync_api import Dialog, Locator, Page, expect


def is_live(page: Page) -> None:
    """Wait until every socket of the page is open."""
    expect(page.get_by_role("banner").get_by_text("Live", exact=True)).to_be_visible()


def alerts(page: Page) -> Locator:
    return page.get_by_role("log", name="Alerts", exact=True).locator("li")


def toasts(page: Page) -> Locator:
    return page.get_by_role("log", name="New alerts").locator("li")


def messages(page: Page) -> Locator:
    return page.get_by_role("log").first.locator("li")


def box(page: Page) -> Locator:
    return page.get_by_role("textbox")


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
