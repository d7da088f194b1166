import pytest
from pytest_django.fixtures import Settings

from hub.access import origin
from hub.config.kinds import NotThisKind, Origins, check


def allowed(asking: str | None, *, host: str = "hub.example", scheme: str = "wss") -> bool:
    headers = {b"host": host.encode()}
    if asking is not None:
        headers[b"origin"] = asking.encode()
    return origin.is_allowed(scheme, headers)


@pytest.fixture(autouse=True)
def hosts(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["hub.example"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://shop.example:8443"]
    settings.HUB_TOKEN_ORIGINS = ["https://product.example"]


def test_a_page_of_the_same_site_may_connect() -> None:
    assert allowed("https://hub.example")
    assert allowed("https://hub.example:443")
    assert allowed("http://hub.example:8000", host="hub.example:8000", scheme="ws")


def test_a_client_that_is_no_browser_page_may_connect() -> None:
    assert allowed(None)


def test_a_trusted_origin_may_connect() -> None:
    assert allowed("https://shop.example:8443")


def test_an_origin_of_tokens_may_connect_without_its_cookies() -> None:
    assert allowed("https://product.example")
    for asking, cookies in (
        ("https://hub.example", True),
        ("https://shop.example:8443", True),
        ("https://product.example", False),
    ):
        headers = {b"host": b"hub.example", b"origin": asking.encode()}
        assert origin.may_use_cookies("wss", headers) is cookies


@pytest.mark.parametrize(
    "value", ["*", "https://*.example.com", "product.example", "https://product.example/", "null", "ftp://a.example"]
)
def test_an_origin_of_tokens_is_named_to_the_letter(value: str) -> None:
    with pytest.raises(NotThisKind):
        check(Origins, [value])


@pytest.mark.parametrize(
    "asking",
    [
        "http://hub.example",  # another scheme
        "https://hub.example:8443",  # another port
        "https://evil.example",
        "https://hub.example.evil.example",
        "https://evilhub.example",
        "https://hub.example@evil.example",
        "https://user@hub.example",
        "https://hub.example/path",
        "https://shop.example",  # trusted on another port only
        "http://product.example",
        "https://product.example:8443",
        "https://www.product.example",
        "https://product.example.evil.example",
        "null",
        "",
        "file://",
        "https://hub.example:99999",
        "https://[",
    ],
)
def test_any_other_origin_is_refused(asking: str) -> None:
    assert not allowed(asking)


@pytest.mark.parametrize("host", ["evil.example", "", "hub.example.evil.example", "hub.example:x"])
def test_a_host_that_is_not_ours_is_refused_even_with_its_own_origin(host: str) -> None:
    assert not allowed(f"https://{host}", host=host)
    assert not allowed(None, host=host)
