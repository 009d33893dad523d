"""Where the time of a program goes."""

from __future__ import annotations

import time


class Stopwatch:
    """Measures how long the phases of a program take, one after the other.

    Attributes
    ----------
    seconds : dict of str to float
        Duration of each phase so far, in the order in which they first ended.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, phase: str) -> None:
        """End a phase, which began when the one before it ended.

        Parameters
        ----------
        phase : str
            Its name. Phases of the same name are added up.
        """
        now = time.monotonic()
        self.seconds[phase] = self.seconds.get(phase, 0) + now - self._last
        self._last = now

    def __str__(self) -> str:
        return ', '.join(
            f'{phase} {seconds:,.0f} s'
            for phase, seconds in self.seconds.items()
        )
