"""Progress on a terminal, and a few lines elsewhere."""

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
    begin : int
        How many of them were done before.

    Notes
    -----
    Call it with the number done, that of all, and optionally a text on the
    state of things. Use it as a context manager.
    """

    def __init__(self, title, unit, begin=0):
        self.title = title
        self.unit = unit
        self.bar = tqdm(
            unit=' ' + unit,
            disable=None,
            desc=title,
            dynamic_ncols=True,
            delay=0.5,
            initial=begin,
        )
        self.start = self.last = time.monotonic()
        self.begin = self.printed = begin

    def __call__(self, done, total, text=''):
        if not self.bar.disable:
            self.bar.total = total
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update(done - self.bar.n)
            return
        now = time.monotonic()
        spent = now - self.start
        # Every few seconds at first, every minute of a long run.
        interval = min(max(5, spent / 20), 60)
        if (
            done > self.begin
            and done != self.printed
            and (done == total or now - self.last >= interval)
        ):
            self.printed, self.last = done, now
            left = spent / (done - self.begin) * (total - done)
            print(
                f'{self.title}: {done}/{total} {self.unit}'
                + (text and f', {text}')
                + f', {spent:.0f} s, {left:.0f} s left',
                flush=True,
            )

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
