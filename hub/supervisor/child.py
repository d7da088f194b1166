"""What a part runs before its own program: asks the kernel to end it when the supervisor dies, then becomes it.

``python -I -S child.py SUPERVISOR_PID PROGRAM …``. Imports next to nothing, because it runs at every start of a part.
"""

import ctypes
import os
import signal
import sys

#: ``prctl`` option 1 (``man 2 prctl``): send this process a signal when its parent ends. Linux only.
PR_SET_PDEATHSIG = 1


def main() -> None:
    supervisor, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != supervisor:
            sys.exit("the supervisor ended before this part began")
    os.execvp(program[0], program)  # noqa: S606  # no shell is the point


if __name__ == "__main__":
    main()
