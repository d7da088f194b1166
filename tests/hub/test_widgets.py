"""The template tags of the widgets, and what they tell the widgets' code."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation

from hub.access.reasons import End, Error
from lab.harness.environment import BASE_DIR
from tests.support.people import User

SCRIPTS = BASE_DIR / "static/hub/js"
STYLES = BASE_DIR / "static/hub/css"
TOKENS = STYLES / "tokens.css"
DECLARATION = re.compile(r"^\s*(--hub-[\w-]+):", re.MULTILINE)


def printed(tag: str, **variables: Any) -> str:
    return Template("{% load hub %}{% " + tag + " %}").render(Context(variables))


def config_for(user: User | AnonymousUser | None) -> dict[str, Any]:
    """What the tag tells the scripts of a page that ``user`` looks at; None renders without a request."""
    request = None
    if user is not None:
        request = RequestFactory().get("/")
        request.user = user
    html = printed("hub_scripts", request=request)
    found = re.search(r'<script id="hub-config" type="application/json">(.*?)</script>', html)
    assert found
    config: dict[str, Any] = json.loads(found[1])
    return config


@pytest.mark.django_db
def test_scripts_learn_who_is_signed_in() -> None:
    ada = User.objects.create_user("ada")
    assert config_for(ada)["user"] == {"id": str(ada.pk), "name": "ada"}
    assert config_for(AnonymousUser())["user"] == {"id": "", "name": ""}


def test_page_without_a_request_does_not_say_whose_it_is() -> None:
    assert config_for(None)["user"] is None


@pytest.mark.django_db
def test_name_that_looks_like_markup_ends_no_script() -> None:
    name = "</script><script>alert(1)</script>"
    assert config_for(User.objects.create_user(name))["user"]["name"] == name


def test_nothing_of_it_runs_inline() -> None:
    html = printed("hub_scripts")
    for attributes, body in re.findall(r"<script([^>]*)>(.*?)</script>", html, flags=re.DOTALL):
        assert 'type="application/json"' in attributes or ("src=" in attributes and not body)
    assert "style=" not in html


def test_scripts_link_the_design_tokens() -> None:
    assert re.findall(r'<link rel="stylesheet" href="([^"]+)">', printed("hub_scripts")) == [
        "/static/hub/css/tokens.css"
    ]


def test_each_design_token_is_declared_once() -> None:
    declared = DECLARATION.findall(TOKENS.read_text())
    assert len(declared) == len(set(declared))
    for path in [*SCRIPTS.rglob("*.js"), *STYLES.glob("*.css")]:
        text = path.read_text()
        if path != TOKENS:
            assert not set(declared) & set(DECLARATION.findall(text)), path
        used = set(re.findall(r"var\((--hub-[\w-]+)\)", text))
        assert used <= set(declared), path


@pytest.mark.parametrize("language", ["en", "ru"])
def test_scripts_have_every_text_that_they_ask_for(language: str) -> None:
    code = "\n".join(path.read_text() for path in SCRIPTS.rglob("*.js"))
    wanted = set(re.findall(r'\btext\("(\w+)"', code)) | {f"level_{level}" for level in re.findall(r'"(\w+)"', LEVELS)}
    wanted |= {"joined", "left", "types_one", "types_many"} | set(re.findall(r'\[\w+, "(\w+)"\]', REFUSALS + ENDS))
    for name in re.findall(r'\bplural\("(\w+)"', code):
        wanted |= {f"{name}_{category}" for category in ("one", "few", "many", "other")}
    # Names in tables of the scripts, and those that are put together: of a tab, of what was done.
    wanted |= set(re.findall(r'"((?:key|no|nothing|snooze)_\w+)"', code))
    wanted |= {f"tab_{tab}" for tab in re.findall(r'"(\w+)"', TABS)}
    made = tuple(re.findall(r"\bplural\(`(\w+_)\$\{", code))
    with translation.override(language):
        texts = config_for(None)["texts"]
    others = {name for name in texts if not name.startswith(made)}
    assert wanted <= others
    assert others - wanted <= set(re.findall(r'"(\w+)"', code))
    forms = {"one", "few", "many", "other"}
    assert {tuple(name.rpartition("_")[::2]) for name in texts if name.startswith(made)} == {
        (f"done_{done}", form) for done in DONE for form in forms
    }
    assert all(texts.values())
    assert not [text for text in texts.values() if "%(" in text]


REFUSALS = (SCRIPTS / "refusals.js").read_text()
ENDS = (SCRIPTS / "ends.js").read_text()


def test_codes_with_a_sentence_for_people_are_codes_of_the_hub() -> None:
    said = {int(code) for code in re.findall(r'\[(\d+), "\w+"\]', REFUSALS)}
    closed = {end.client for end in End}
    assert said <= {*Error, *closed}
    never_comes_back = {code for code in closed if 3500 <= code < 4000}
    assert never_comes_back >= {code for code in said if code > 3000}


TABS = re.findall(r"const TABS = (.*);", (SCRIPTS / "components/inbox-bar.js").read_text())[0]

#: What can be done with many alerts.
DONE = {"read", "unread", "archive", "unarchive", "snooze", "unsnooze", "all_read", "archive_read"}

LEVELS = re.findall(r"const LEVELS = (.*);", (SCRIPTS / "components/alert.js").read_text())[0]


@pytest.mark.parametrize(
    ("tag", "element"),
    [
        ("hub_bell", "<hub-bell></hub-bell>"),
        ('hub_bell label="News" href=""', '<hub-bell label="News" href=""></hub-bell>'),
        ("hub_inbox", "<hub-inbox></hub-inbox>"),
        ("hub_chat room", '<hub-chat room="a &quot;room&quot; &lt;b&gt;"></hub-chat>'),
        ("hub_online", "<hub-online></hub-online>"),
        ("hub_online number=True live=True", "<hub-online number live></hub-online>"),
        ('hub_online "online" number="narrow"', '<hub-online channel="online" number="narrow"></hub-online>'),
        ("hub_toasts", "<hub-toasts></hub-toasts>"),
        ("hub_jobs all=True", "<hub-jobs all></hub-jobs>"),
    ],
)
def test_tag_prints_its_element(tag: str, element: str) -> None:
    assert printed(tag, room='a "room" <b>') == element


def test_every_element_that_a_tag_prints_is_defined() -> None:
    code = "\n".join(path.read_text() for path in (SCRIPTS / "components").glob("*.js"))
    defined = set(re.findall(r'define\("(hub-\w+)"', code))
    assert defined == {"hub-bell", "hub-inbox", "hub-chat", "hub-online", "hub-toasts", "hub-jobs", "hub-preferences"}
    loaded = (SCRIPTS / "widgets.js").read_text()
    assert all(f'"./components/{name.removeprefix("hub-")}.js"' in loaded for name in defined)
