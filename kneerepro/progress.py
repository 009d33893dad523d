"""Progress on a terminal, and a few lines elsewhere."""

import math
import time

from tqdm import tqdm


class Progress:
    """A bar on a terminal; where there is none, a line now and then.

    Parameters
    ----------
    title : str
        What is going on.
    unit : str
        What is counted.

    Notes
    -----
    Call it with the number done, that of all, and optionally a text on the
    state of things. Use it as a context manager.
    """

    lines = 20  # over the whole, where there is no terminal

    def __init__(self, title, unit):
        self.title = title
        self.unit = unit
        self.bar = tqdm(unit=' ' + unit, disable=None, desc=title,
                        dynamic_ncols=True, delay=0.5)
        self.start = time.monotonic()
        self.printed = 0

    def __call__(self, done, total, text=''):
        if not self.bar.disable:
            self.bar.total = total
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update(done - self.bar.n)
        elif self._is_due(done, total):
            self.printed = done
            spent = time.monotonic() - self.start
            left = spent / done * (total - done)
            print(f'{self.title}: {done}/{total} {self.unit}'
                  + (text and f', {text}')
                  + f', {spent:.0f} s, {left:.0f} s left', flush=True)

    def _is_due(self, done, total):
        return done and (done == total != self.printed or done - self.printed
                         >= math.ceil(total / self.lines))

    def write(self, line):
        """Print a line above the bar."""
        if self.bar.disable:
            print(line, flush=True)
        else:
            self.bar.write(line)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.bar.close()
