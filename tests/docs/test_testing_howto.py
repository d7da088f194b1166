"""The tests in docs/howto/test-your-alerts.md pass, and the sentences that it quotes are said."""

import re
from pathlib import Path

import pytest

import hub.testing
from lab.harness.environment import BASE_DIR
from tests.docs.documents import block, code_spans, prose
from tests.docs.shop import shop

HOW_TO = "docs/howto/test-your-alerts.md"

FILES = ("shop/tests.py", "shop/test_live.py", "shop/test_jobs.py", "shop/test_pytest.py")

#: Where each code block of a document that the example needs is.
OTHERS = {
    "shop/models.py": "README.md",
    "shop/alerts.py": "docs/howto/add-an-alert-for-your-model.md",
    "shop/tasks.py": "docs/howto/start-a-background-job.md",
}

SETTINGS = """
from pathlib import Path

from hub.settings import *

BASE_DIR = Path(__file__).parent
INSTALLED_APPS = [*INSTALLED_APPS, "shop"]
"""

WITH_DJANGO = """
from django.core.management import call_command
call_command("test", "shop", interactive=False)
"""

WITH_PYTEST = """
import pytest
options = ["-c", "none.ini", "-p", "hub.testing.pytest_plugin", "-o", "asyncio_mode=auto"]
assert pytest.main([*options, "shop/tests.py", "shop/test_pytest.py"]) == 0
"""


@pytest.mark.slow
@pytest.mark.any_database
@pytest.mark.parametrize("run", [WITH_DJANGO, WITH_PYTEST], ids=["django", "pytest"])
def test_tests_of_the_page_pass_with_the_settings_of_the_page(tmp_path: Path, run: str) -> None:
    files = {name: block(document, name) for name, document in OTHERS.items()}
    files |= {name: block(HOW_TO, name) for name in FILES}
    of_tests = [block(HOW_TO, name) for name in ("settings/test.py", "settings/test.py, with SQLite")]
    files |= {"shop_settings.py": "".join([SETTINGS, *of_tests]), "none.ini": "[pytest]\n"}
    with shop(tmp_path, files) as project:
        project.run(run)


def test_page_names_all_that_is_public() -> None:
    named = " ".join(code_spans(HOW_TO)) + prose(HOW_TO)
    missing = [name for name in hub.testing.__all__ if not re.search(rf"\b{name}\b", named)]
    assert missing == ["ConnectionEnded", "DrainedJob", "HubClient", "Misused", "Published"]


@pytest.mark.parametrize("said", re.findall(r"\*\*`(.+?)`\*\*", prose(HOW_TO), flags=re.DOTALL))
def test_sentence_that_the_page_quotes_is_said(said: str) -> None:
    sources = [*(BASE_DIR / "hub/testing").glob("*.py"), BASE_DIR / "hub/database/threads.py"]
    code = re.sub(r'"\s+f?"', "", "\n".join(path.read_text() for path in sources))
    pieces = [piece for piece in re.split(r"…|'[^']*'|\d+|User|`", " ".join(said.split())) if len(piece.strip()) > 8]
    assert pieces
    plain = code.replace("`", "")
    assert [piece for piece in pieces if piece.strip() not in plain] == []
