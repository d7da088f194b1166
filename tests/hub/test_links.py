"""Which addresses a page links to."""

import pytest

from hub.templatetags.hub_links import link_target


@pytest.mark.parametrize("url", ["/", "/orders/7/?a=1#b", "https://example.com/", "HTTP://example.com"])
def test_web_addresses_and_own_paths_are_linked(url: str) -> None:
    assert link_target(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        None,
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "/\\evil",
        " /x",
        "x",
    ],
)
def test_anything_else_is_not(url: str | None) -> None:
    assert link_target(url) == ""
