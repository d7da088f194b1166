"""``docs/settings.md`` and ``.env.example`` are what the class of the settings says, and it says enough."""

import re
from dataclasses import Field, fields
from typing import Any

import pytest

from hub.config import HubSettings
from hub.config.declaration import Section, variable_of
from lab import settings_page


def test_page_is_what_the_class_says() -> None:
    assert settings_page.PAGE.read_text() == settings_page.page(), "`make settings` writes it"


def test_example_is_what_the_class_says() -> None:
    assert settings_page.EXAMPLE.read_text() == settings_page.example(), "`make settings` writes it"


@pytest.mark.parametrize("setting", fields(HubSettings), ids=lambda setting: setting.name)
def test_setting_says_all_facts(setting: Field[Any]) -> None:
    assert list(settings_page.unsaid(setting)) == []


def test_every_setting_has_a_row() -> None:
    listed = re.findall(r"^\| `([A-Z_]+)` \|", settings_page.page(), flags=re.MULTILINE)
    assert listed == [variable_of(setting) for setting in fields(HubSettings)]


def test_what_a_setting_leaves_out_is_named() -> None:
    section = Section("Section")
    silent = section(1, "what it does")
    silent.name = "redis_timeout"  # of which the type says that it is a number above 0
    assert [fact.split(",")[0] for fact in settings_page.unsaid(silent)] == ["about", "unless", "unit"]
    counting = section(1, "What it does.", unless="it matters", unit="seconds")
    counting.name = "repair_interval"  # which may be 0
    assert [fact.split(",")[0] for fact in settings_page.unsaid(counting)] == ["zero"]
    empty = section("", "What it does.", unless="it matters")
    empty.name = "token_issuer"
    assert [fact.split(",")[0] for fact in settings_page.unsaid(empty)] == ["zero", "example"]
