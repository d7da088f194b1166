"""The test in docs/howto/offer-actions.md passes with the code of the page."""

from pathlib import Path

import pytest

from tests.docs.documents import block
from tests.docs.shop import shop
from tests.docs.test_testing_howto import WITH_DJANGO

HOW_TO = "docs/howto/offer-actions.md"


@pytest.mark.slow
@pytest.mark.any_database
def test_the_page_asks_and_does_what_was_chosen(tmp_path: Path) -> None:
    files = {"shop/models.py": block("README.md", "shop/models.py")}
    files |= {name: block(HOW_TO, name) for name in ("shop/alerts.py", "shop/tests.py")}
    with shop(tmp_path, files) as project:
        project.run(WITH_DJANGO)
