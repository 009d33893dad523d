"""The progress of a conversion on the terminal."""

from kneerepro.utils.progress import Progress


class PhaseProgress:
    """Progress through several kinds of work, one bar for each."""

    def __init__(self):
        self._phase = self._bar = None

    def __call__(self, phase, done, total, rejected):
        if phase != self._phase:
            self._close()
            self._phase = phase
            self._bar = Progress(
                phase, 'series' if phase == 'converting' else 'files'
            )
        self._bar(done, total, f'{rejected} rejected' if rejected else '')

    def _close(self):
        if self._bar is not None:
            self._bar.__exit__()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._close()
