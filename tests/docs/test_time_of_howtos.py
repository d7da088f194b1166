"""The two pages that promise minutes are as short as they say: words to read, and blocks to copy."""

import re

import pytest

from tests.docs.documents import prose, steps

HOWTO = "docs/howto/put-the-hub-{}.md"

#: Words that somebody reads in a minute, and minutes for a block: to find its file, to copy and to adapt it.
WORDS_A_MINUTE, MINUTES_A_BLOCK = 200, 0.5


@pytest.mark.parametrize(
    ("page", "of_other_pages", "machine", "promised"),
    [("into-your-project", 0, 1.0, 10), ("beside-your-product", 1, 2.0, 20)],  # machine: minutes of its commands
)
def test_steps_to_the_first_bell_and_its_test_take_no_longer_than_the_page_says(
    page: str, of_other_pages: int, machine: float, promised: int
) -> None:
    name = HOWTO.format(page)
    path, _, rest = prose(name).partition("\n## 7. ")
    words = len(re.sub(r"\]\([^)]*\)", "]", path).split())
    copied = sum(step.number < 7 for step in steps(name)) + of_other_pages
    said = re.search(r"at most (\d+) words to read .*? (\d+) blocks to copy", " ".join(rest.split()))
    assert said, "the page says how long its steps are"
    assert words <= int(said[1])
    assert copied == int(said[2])
    assert words / WORDS_A_MINUTE + copied * MINUTES_A_BLOCK + machine <= promised
