"""Progress: a bar on a terminal or in a notebook, a few lines elsewhere."""

from __future__ import annotations

import time
import warnings

from tqdm import TqdmWarning

with warnings.catch_warnings():
    # A notebook without ipywidgets gets lines; tqdm warns that it lacks them.
    warnings.simplefilter('ignore', TqdmWarning)
    from tqdm.auto import tqdm


class Progress:
    """A progress bar on a terminal or in a notebook; elsewhere an occasional
    line.

    Parameters
    ----------
    title : str
        What the program is doing.
    unit : str
        What is counted, in the plural.
    begin : int
        How many were done before this process started.

    Notes
    -----
    Use it as a context manager, and call it with the number done so far, the
    total, and optionally a text that describes the current state.
    """

    def __init__(self, title: str, unit: str, begin: int = 0):
        self.title = title
        self.unit = unit
        self.bar = tqdm(
            unit=' ' + unit,
            disable=None,  # where there is neither of the two
            desc=title,
            dynamic_ncols=True,
            delay=0.5,
            initial=begin,
        )
        self.start = self.last = time.monotonic()
        self.begin = self.printed = begin

    def __call__(self, done: int, total: int, text: str = '') -> None:
        """Show that `done` of `total` are done."""
        if not self.bar.disable:
            self._set_total(total)
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update(done - self.bar.n)
            return
        now = time.monotonic()
        spent = now - self.start
        # Every 5 seconds at first, once a minute in a long run.
        interval = min(max(5, spent / 20), 60)
        if (
            done > self.begin
            and done != self.printed
            and (done == total or now - self.last >= interval)
        ):
            self.printed, self.last = done, now
            left = spent / (done - self.begin) * (total - done)
            state = f', {text}' if text else ''
            print(
                f'{self.title}: {done}/{total} {self.unit}{state}, '
                f'{spent:.0f} s, {left:.0f} s left',
                flush=True,
            )

    def _set_total(self, total):
        if total != self.bar.total and hasattr(self.bar, 'container'):
            # The widgets of a notebook's bar do not follow its `total`.
            self.bar.reset(total)
        self.bar.total = total

    def write(self, line: str) -> None:
        """Print a line above the bar."""
        if self.bar.disable:
            print(line, flush=True)
        else:
            self.bar.write(line)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.close()
