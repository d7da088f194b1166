"""A Python prompt inside a hub: code runs in a process with that hub's environment, without a start per call.

``python -m lab.harness.shell`` is that process: a line of JSON in (the code), a line of JSON out (its output).
"""

import contextlib
import io
import json
import select
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from lab.harness import forking
from lab.harness.environment import BASE_DIR, ending_with_us


class Shell:
    """The prompt's near end.

    Args:
        environment: the variables of the hub to talk to.
        log: where what the far end logs is added; by default it goes where this process's own does.
    """

    def __init__(self, environment: dict[str, str], log: Path | None = None) -> None:
        self._environment = environment
        self._log = log
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def run(self, code: str, *, timeout: float = 30.0, **variables: Any) -> str:
        """Run ``code`` with ``variables`` (JSON values) as its names, and return what it prints, stripped.

        Raises ``AssertionError`` with the traceback when it fails.
        """
        with self._lock:
            process = self._process or self._start()
            assert process.stdin and process.stdout
            try:
                process.stdin.write(json.dumps([code, variables]) + "\n")
                process.stdin.flush()
            except BrokenPipeError:
                self.close()
                raise AssertionError("The shell ended; the next call starts another") from None
            if not select.select([process.stdout], [], [], timeout)[0]:
                self.close()
                raise AssertionError(f"No answer within {timeout:g} s to: {code}")
            answer = process.stdout.readline()
        assert answer, "The shell ended"
        output, error = json.loads(answer)
        assert error is None, f"{error}\n{output}"
        return str(output).strip()

    def close_when_idle(self) -> None:
        """Close it after the call that runs now. A later call starts another."""
        with self._lock:
            self.close()

    def close(self) -> None:
        if self._process:
            process, self._process = self._process, None
            process.kill()
            process.communicate()

    def _start(self) -> subprocess.Popen[str]:
        with self._log.open("ab") if self._log else contextlib.nullcontext() as log:
            self._process = forking.Popen(
                ending_with_us([sys.executable, "-m", "lab.harness.shell"]),
                cwd=BASE_DIR,
                env={"DJANGO_SETTINGS_MODULE": "hub.settings", **self._environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self._process


def main() -> None:
    import django
    from django.db import close_old_connections

    django.setup()
    answers, sys.stdout = sys.stdout, sys.stderr  # a thread that prints must not garble the answers
    for line in sys.stdin:
        code, variables = json.loads(line)
        close_old_connections()
        error = None
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            try:
                exec(code, {"__name__": "__shell__", **variables})  # noqa: S102  # what this process is for
            except Exception:  # noqa: BLE001  # it is told to the caller, whatever it is
                error = traceback.format_exc()
        print(json.dumps([output.getvalue(), error]), file=answers, flush=True)


if __name__ == "__main__":
    main()
