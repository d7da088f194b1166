"""What is forked is what Python would have started."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.harness import forking
from lab.harness.environment import BASE_DIR, clean_environment, ending_with_us
from lab.harness.forked import _HIGH
from lab.harness.waiting import wait_for

pytestmark = pytest.mark.slow

LOOKS = """
import json, os, resource, sys
mask = os.umask(0)
print(json.dumps({
    "arguments": sys.argv, "path": sys.path, "folder": os.getcwd(), "parent": os.getppid(), "umask": mask,
    "variables": dict(os.environ), "group is its own": os.getpgid(0) == os.getpid(), "name": __name__,
    "shown": sorted(part for part in open("/proc/self/environ").read().split("\\0") if part),
    "descriptors": sorted(os.listdir("/proc/self/fd")), "files": resource.getrlimit(resource.RLIMIT_NOFILE),
    "input": sys.stdin.read(), "encoding": sys.stdout.encoding,
}))
sys.exit(int(os.environ["CODE"]))
"""


@pytest.mark.parametrize("how", [["-c", LOOKS], ["looks.py"], ["-m", "looks"]])
@pytest.mark.parametrize("session", [True, False])
def test_a_program_sees_what_it_sees_in_a_process_of_its_own(tmp_path: Path, how: list[str], session: bool) -> None:
    (tmp_path / "looks.py").write_text(LOOKS)
    command = [sys.executable, *how, "an argument", "ü"]
    reader, writer = os.pipe()
    as_subprocess = {
        "cwd": tmp_path,
        # Without a language Python would set LC_CTYPE for itself.
        "env": {"CODE": "3", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"], "PYTHONPATH": "/somewhere", "NAME": "ü"},
        "input": "what is typed",
        "text": True,
        "capture_output": True,
        "pass_fds": [reader],
        "start_new_session": session,
    }
    forked = forking.run(command, **as_subprocess)  # type: ignore[arg-type]  # of several types
    started = subprocess.run(command, **as_subprocess, check=False)  # type: ignore[call-overload]  # as above
    os.close(reader)
    os.close(writer)
    assert forked.returncode == started.returncode == 3
    assert json.loads(forked.stdout) == json.loads(started.stdout)
    assert forked.stderr == started.stderr


def test_a_fork_has_nothing_of_django_or_of_the_hub_ready() -> None:
    code = (
        "import sys\nfrom django.conf import settings\n"
        "ours = {'hub', 'chat', 'notifications', 'presence', 'worker'}\n"
        "print(settings.configured, sorted(ours.intersection(name.partition('.')[0] for name in sys.modules)))"
    )
    assert forking.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False []\n"


def test_signals_and_exit_codes_are_those_of_a_child() -> None:
    process: subprocess.Popen[bytes] = forking.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )
    assert os.getpgid(process.pid) == process.pid
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(30) == -signal.SIGKILL


def test_what_is_to_end_with_its_parent_ends_with_it() -> None:
    sleeps = "import time; time.sleep(60)"
    code = (
        f"import sys\nfrom lab.harness import forking\nfrom lab.harness.environment import ending_with_us\n"
        f"started = forking.Popen(ending_with_us([sys.executable, '-c', {sleeps!r}]))\n"
        "print(started.pid, flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=BASE_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert _runs(pid)
        parent.kill()
    wait_for(lambda: not _runs(pid), that="the child has ended")


def test_output_comes_at_once_where_it_is_wanted_unbuffered(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process: subprocess.Popen[bytes] = forking.Popen(
            ending_with_us([sys.executable, "-c", "import time; print('said'); time.sleep(60)"]),
            env=clean_environment(PYTHONUNBUFFERED="1"),
            stdout=output,
        )
    wait_for(lambda: log.read_text() == "said\n", that="the line is there")
    process.kill()
    process.wait()


def test_parts_are_children_of_the_program_that_starts_them(tmp_path: Path) -> None:
    part = "import os, sys; print(os.getppid(), 'django' in sys.modules, os.environ['A'])"
    code = (
        "import os, subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {part!r}], env={{**os.environ, 'A': 'of the part'}}, check=True)\n"
        "print(os.getpid(), os.environ.get('A'), flush=True)"
    )
    process: subprocess.Popen[str] = forking.Popen(
        [sys.executable, "-c", code], parts_too=True, stdout=subprocess.PIPE, text=True
    )
    of_part, own = process.communicate(timeout=30)[0].splitlines()
    assert of_part == f"{process.pid} True of the part"
    assert own == f"{process.pid} None"


def test_descriptors_have_the_numbers_that_they_have_here() -> None:
    """Whichever these are: a process that has started many servers has hundreds."""
    numbers: list[int] = []
    for _ in range(2):
        reader, writer = os.pipe()
        # A number that nothing here has, and the first such one above: what is there may be of another test.
        numbers.append(fcntl.fcntl(reader, fcntl.F_DUPFD, max(numbers, default=_HIGH + 2) + 1))
        os.close(reader)
        os.write(writer, str(numbers[-1]).encode())
        os.close(writer)
    numbers.reverse()
    code = f"import os; print([int(os.read(number, 9)) for number in {numbers}])"
    try:
        said = forking.run([sys.executable, "-c", code], capture_output=True, pass_fds=numbers, check=True).stdout
    finally:
        for number in numbers:
            os.close(number)
    assert said == f"{numbers}\n"


def test_a_program_that_takes_too_long_is_ended() -> None:
    began = time.monotonic()
    with pytest.raises(subprocess.TimeoutExpired):
        forking.run([sys.executable, "-c", "import time; time.sleep(60)"], timeout=0.2)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize("command", [["/bin/echo", "x"], [sys.executable, "-S", "-c", "print('x')"]])
def test_all_else_is_started(command: list[str]) -> None:
    assert forking.run(command, capture_output=True, text=True, check=True).stdout == "x\n"


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(("name", "value"), [("PYTHONHASHSEED", "7"), ("LD_DEBUG_OUTPUT", "/nowhere")])
def test_what_is_read_before_a_program_begins_is_read(name: str, value: str) -> None:
    program = [sys.executable, "-c", "import json, os; print(json.dumps([hash('a'), os.getppid()]))"]
    environment = clean_environment(PYTHONHASHSEED="7") | {name: value}
    own, others = (
        json.loads(run(program, env=environment, capture_output=True, text=True, check=True).stdout)
        for run in (subprocess.run, forking.run)
    )
    assert own == others == [own[0], os.getpid()]
