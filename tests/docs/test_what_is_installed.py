"""The page for projects says which versions an installation of the hub brings, as the package does."""

import re
import tomllib

from lab.harness.environment import BASE_DIR
from tests.docs.documents import prose

PAGE = "docs/howto/put-the-hub-into-your-project.md"


def test_page_names_the_versions_of_all_that_is_installed() -> None:
    declared = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    section = prose(PAGE).partition("## What is installed\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"`([\w.-]+(?:\[\w+\])?>=[^`]+)`", section)) == {
        need.partition(" ;")[0] for need in declared["dependencies"]
    }
    words = " ".join(section.split())
    python = declared["requires-python"].removeprefix(">=")
    (django,) = re.findall(r"django>=([\d.]+),", " ".join(declared["dependencies"]))
    assert f"Python {python} or newer and Django {django}" in words
