"""Show the progress of a conversion on the terminal."""

from __future__ import annotations

from typing import Any

from kneerepro.utils.progress import Progress

# Phases that count series; the others count files.
_OF_SERIES = 'converting', 'joining'


class PhaseProgress:
    """Progress through the phases of a conversion, one bar for each.

    Call it as :func:`kneerepro.data.prepare.prepare` calls its `progress`,
    within a ``with`` block.
    """

    def __init__(self) -> None:
        self._phase: str | None = None
        self._bar: Progress | None = None

    def __call__(
        self, phase: str, done: int, total: int, rejected: int
    ) -> None:
        """Show the numbers done, in total, and rejected of a phase."""
        bar = self._bar
        if bar is None or phase != self._phase:
            self._close()
            self._phase = phase
            bar = self._bar = Progress(
                phase, 'series' if phase in _OF_SERIES else 'files'
            )
        bar(done, total, f'{rejected} rejected' if rejected else '')

    def _close(self):
        if self._bar is not None:
            self._bar.__exit__()

    def __enter__(self) -> PhaseProgress:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._close()
