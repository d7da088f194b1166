"""Ends the processes of a hub that a run has started."""

import contextlib
import os
import signal
import subprocess

#: Seconds that a hub gets to end by itself. It needs a few; a machine that is busy with other tests needs more.
STOP_TIMEOUT = 60.0


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process as Ctrl-C does, and then, at the latest, it and all of its process group.

    Raises:
        subprocess.TimeoutExpired: it did not end within :data:`STOP_TIMEOUT` seconds. It was killed.
    """
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
