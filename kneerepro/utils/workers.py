"""Work for several processes, done in order."""

import itertools
import logging
import os
import signal
import threading
import warnings
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection, parent_process


class Workers:
    """Processes that a crash in one task does not stop.

    Parameters
    ----------
    count : int
    """

    def __init__(self, count):
        self.count = count
        self._pool = self._new_pool(count)

    def map(self, function, tasks, crashed):
        """Apply a function to each task.

        Parameters
        ----------
        function : callable
            At the top level of a module, since processes call it by name.
        tasks : iterable
            Taken as they are needed.
        crashed : callable
            ``crashed(task)`` is the result of one that kills its process, as
            decoders written in C may do with damaged data.

        Yields
        ------
        task, result
            In the order of the tasks.
        """
        tasks, pending = iter(tasks), deque()
        while True:
            for task in itertools.islice(
                tasks, 2 * self.count + 1 - len(pending)
            ):
                pending.append((task, self._submit(function, task)))
            if not pending:
                return
            task, future = pending[0]
            try:
                result = future.result()
            except BrokenProcessPool:
                # Whichever task it was: do those under way one by one.
                self._pool.shutdown()
                for task, _ in pending:
                    yield task, self._alone(function, task, crashed)
                pending.clear()
                self._pool = self._new_pool(self.count)
            else:
                pending.popleft()
                yield task, result

    def _submit(self, function, task):
        try:
            return self._pool.submit(function, task)
        except BrokenProcessPool as error:
            # It is told where results are awaited.
            future = Future()
            future.set_exception(error)
            return future

    def _alone(self, function, task, crashed):
        with self._new_pool(1) as pool:
            try:
                return pool.submit(function, task).result()
            except BrokenProcessPool:
                return crashed(task)

    @staticmethod
    def _new_pool(count):
        return ProcessPoolExecutor(count, initializer=_start_worker)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._pool.shutdown(cancel_futures=True)


def _start_worker():
    # Ctrl-C reaches all processes of a terminal; the parent sees to it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # What libraries print of damaged files may repeat their headers.
    warnings.simplefilter('ignore')
    logging.getLogger('pydicom').setLevel(logging.CRITICAL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    """A parent that is killed cannot tell its workers to end."""
    connection.wait([parent_process().sentinel])
    os._exit(1)
