"""Running one script from another."""

from __future__ import annotations

import signal
import subprocess
import sys


def run_script(path: str, *arguments: str) -> int:
    """Run another script, as a shell would.

    Ctrl-C, which the terminal sends to both processes, and SIGTERM are left
    to the script: this process waits while it saves its state.

    Returns
    -------
    int
        The script's exit status; 128 plus the signal's number if a signal
        ended it.
    """

    def forward(signum, frame):
        if signum == signal.SIGTERM:
            process.terminate()

    previous = [
        (signum, signal.signal(signum, forward))
        for signum in (signal.SIGINT, signal.SIGTERM)
    ]
    try:
        process = subprocess.Popen([sys.executable, path, *arguments])
        status = process.wait()
    finally:
        for signum, handler in previous:
            signal.signal(signum, handler)
    return status if status >= 0 else 128 - status
