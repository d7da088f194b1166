"""What the how-to says of widgets is what they have."""

import re

from django.template import Context, Template
from django.utils import translation

from hub.web.widgets.texts import texts
from lab.harness.environment import BASE_DIR
from tests.docs.documents import blocks, code_spans

HOW_TO = "docs/howto/put-widgets-on-your-pages.md"
CODE = "\n".join(path.read_text() for path in (BASE_DIR / "static/hub/js/components").glob("*.js"))


def test_the_page_of_the_how_to_has_its_widgets() -> None:
    _, page = blocks(HOW_TO, "html")
    html = Template(page).render(Context({"LANGUAGE_CODE": "en"}))
    assert 'id="hub-config"' in html
    for element in ("<hub-bell>", "<hub-online>", '<hub-chat room="orders">', "<hub-toasts>"):
        assert element in html


def test_every_custom_property_is_in_the_how_to_and_no_other() -> None:
    said = {span for span in code_spans(HOW_TO) if span.startswith("--hub-")}
    assert said == set(re.findall(r"var\((--hub-[\w-]+)", CODE))


def test_parts_in_the_how_to_are_there() -> None:
    parts = " ".join(re.findall(r'\bpart: "([^"]+)"', CODE) + re.findall(r'"part", [^)]*"([\w ]+)"\)', CODE)).split()
    text = (BASE_DIR / HOW_TO).read_text()
    said = re.search(r"And through `::part\(\)`:(.*?)\n\n", text, flags=re.DOTALL)
    assert said
    assert set(re.findall(r"`([\w-]+)`", said[1])) <= set(parts)


def test_the_modules_methods_in_the_how_to_exist() -> None:
    example = "\n".join(blocks(HOW_TO, "js"))
    modules = "\n".join(path.read_text() for path in (BASE_DIR / "static/hub/js").rglob("hub*/*.js"))
    modules += (BASE_DIR / "static/hub/js/hub.js").read_text()
    called = set(re.findall(r"\b(?:hub|inbox|room|online|order|orders)\.(\w+)\(", example))
    assert called >= {"on", "start", "markRead", "room", "send", "presence", "call", "channel", "collection"}
    for name in called:
        assert re.search(rf"^  (?:async )?{name}\(", modules, flags=re.MULTILINE), name


def test_sentences_of_faults_in_the_how_to_are_what_widgets_say() -> None:
    rows = re.findall(r"^\| ([A-Z][^|]+?) \| ", (BASE_DIR / HOW_TO).read_text(), flags=re.MULTILINE)
    faults = (BASE_DIR / "static/hub/js/embedding/faults.js").read_text()
    with translation.override("en"):
        said = set(texts().values())
    for sentence in rows:
        begin = sentence.partition(":")[0]
        assert sentence in said or f"{begin}: " in faults, sentence
    assert {texts()[name] for name in texts() if name.startswith("fault_")} <= set(rows)
