"""The page on the hub beside a product, followed to the letter: with the hub from the wheel, its bell rings."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from lab.harness.ending import end
from lab.harness.environment import BASE_DIR, clean_environment, ending_with_us, free_port
from lab.harness.waiting import wait_for
from tests.browser.conftest import TIMEOUT
from tests.docs.documents import block, blocks
from tests.package.test_wheel import build
from tests.support.fresh import VARIABLES, with_packages_of_the_tests
from tests.support.howto import command_that_stays, follow

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("the page on the hub beside a product")]

HOW_TO = "docs/howto/put-the-hub-beside-your-product.md"
OTHERS = [f"docs/howto/{name}.md" for name in ("put-widgets-on-your-pages", "publish-over-http", "peoples-data")]


def commands_of_other_pages() -> list[str]:
    """What the pages to which this one leads have their readers type where the hub runs; it asks no question here."""
    lines = [
        line.partition("#")[0].strip() for page in OTHERS for code in blocks(page, "sh") for line in code.splitlines()
    ]
    found = [line for line in lines if line.startswith(".venv/bin/python")]
    return [f"{line} --no-input" if " erase_user " in line else line for line in found]


class Reader:
    """Somebody who follows the page, in a folder of their own; a shell keeps the variables that it was told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hub = f"http://127.0.0.1:{(port := free_port())}"
        self.shop = f"http://localhost:{free_port()}"
        self._environment = clean_environment(**VARIABLES, HUB_PORT=str(port))
        self._environment["PATH"] = f"{Path(sys.executable).parent}:{self._environment['PATH']}"
        shop_port = self.shop.rpartition(":")[2]
        self._written = {
            "http://127.0.0.1:8000": self.hub,
            "http://localhost:3000": self.shop,
            "listen(3000": f"listen({shop_port}",
        }
        (folder / "variables").touch()

    def follow(self, *numbers: int) -> None:
        follow(HOW_TO, self.folder, self.type, written=self._written, numbers=numbers)

    def type(self, command: str) -> None:
        ended = subprocess.run(
            ["bash", "-euc", f". ./variables; {command}\nexport -p > variables"],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr}"
        if command.startswith("python3 -m venv"):
            with_packages_of_the_tests(self.folder / ".venv")

    @contextmanager
    def running(self, command: str, is_up: str) -> Iterator[None]:
        """A command that stays, until the end of the block; ``is_up`` is what it says when it is up."""
        log = self.folder / f"{Path(command.split(maxsplit=1)[0]).name}.log"
        with log.open("w") as output:
            process = subprocess.Popen(
                ending_with_us(["bash", "-euc", f". ./variables; exec {command}"]),
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            wait_for(
                lambda: is_up in log.read_text() or process.poll() is not None, timeout=90, that=f"{command} says it"
            )
            assert process.poll() is None, log.read_text()
            yield
        finally:
            end(process)


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="en", reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT)
    errors: list[str] = []
    context.on("console", lambda said: errors.append(said.text) if said.type in {"error", "warning"} else None)
    yield context.new_page()
    found = list(errors)
    context.close()
    assert not found


def test_bell_rings_for_whoever_follows_the_page(page: Page, tmp_path: Path) -> None:
    shutil.copy(build(BASE_DIR, "wheel", tmp_path / "dist"), tmp_path)
    (tmp_path / "index.html").touch()
    (tmp_path / "hub-token.mjs").write_text(block("docs/howto/sign-tokens.md", "Node.js", "js"))
    reader = Reader(tmp_path)
    reader.follow(1)
    with reader.running(command_that_stays(HOW_TO), f"Hub is ready at {reader.hub}/"):
        reader.follow(2, 3, 4)
        with reader.running("node server.mjs", "The shop is open"):
            bell = page.locator("hub-bell").get_by_role("button").first
            page.goto(reader.shop)
            expect(bell).to_have_accessible_name("Alerts")
            reader.follow(5)
            expect(bell).to_have_accessible_name("Alerts: 1 unread alert")
            bell.click()
            expect(page.get_by_role("dialog", name="Alerts").locator("li")).to_contain_text("Order 1042 is on its way")
        reader.follow(6)
        for command in commands_of_other_pages():
            reader.type(f". ./hub.sh; {command}")
        assert "Order 1042" in (tmp_path / "ada.json").read_text()
    reader.follow(7)
    reader.type(""".venv/bin/python -m django shell -c 'from hub.channels import find; find("order:7")'""")
