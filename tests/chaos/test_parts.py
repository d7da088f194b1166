"""A part of a hub that two faults break at once."""

import os
import sys
from pathlib import Path

from lab.chaos.parts import Part
from lab.harness.waiting import wait_for


def test_part_that_another_fault_has_killed_is_not_stopped_and_need_not_go_on(tmp_path: Path) -> None:
    part = Part("part", [sys.executable, "-c", "import time; time.sleep(60)"], os.environ, tmp_path / "log")
    assert not part.pause()
    part.start()
    assert part.pause()
    wait_for(lambda: _state(part.pid) == "T", that="it is stopped")
    part.resume()
    wait_for(lambda: _state(part.pid) != "T", that="it goes on")
    assert part.pause()
    part.kill()
    assert not part.pause()
    part.resume()


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
