"""The table of the settings is what their class says."""

import re
from dataclasses import fields

from hub.config.typed_settings import HubSettings
from lab import settings_page


def test_page_is_what_the_class_says() -> None:
    assert settings_page.PAGE.read_text() == settings_page.text(), "`make settings` writes it"


def test_every_setting_has_a_comment_and_so_a_row() -> None:
    listed = re.findall(r"`HUB_([A-Z_]+)`(?:<br>| \|)", settings_page.text())
    assert sorted(listed) == sorted(one.name.upper() for one in fields(HubSettings))


def test_fields_under_one_comment_share_it() -> None:
    source = (
        "class A:\n    #: Seconds of ``a``,\n    #: and of :mod:`b`.\n    a: int = 1\n    b: int = 2\n"
        "    #: C|D.\n    c: int = 3\n"
    )
    assert list(settings_page.groups(source)) == [(["a", "b"], "Seconds of `a`, and of `b`."), (["c"], "C\\|D.")]
