"""What a browser says it is, in words for the person who used it. It may say anything: nothing depends on it."""

#: What the description contains, and what that is; the first that fits. Most browsers name others besides themselves.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("YaBrowser/", "Yandex"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)

#: Characters shown of a program that is none of these.
SHOWN = 40


def describe(user_agent: str) -> str:
    """Such as ``Firefox · Linux``; the name of a program that is no browser; empty where nothing is known."""
    found = [next((name for mark, name in known if mark in user_agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return " · ".join(filter(None, found)) or user_agent.partition("/")[0][:SHOWN].strip()
