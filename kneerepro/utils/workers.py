"""A pool of processes that returns results in order and survives crashes."""

from __future__ import annotations

import itertools
import logging
import os
import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import active_children, connection, parent_process
from typing import Any

from .signals import deferred_signals


def cores() -> int:
    """Return how many cores this process may use; 1 if that is unknown."""
    if hasattr(os, 'sched_getaffinity'):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Workers:
    """Worker processes, of which one may crash without ending the work.

    Parameters
    ----------
    count : int
        The number of processes.
    """

    def __init__(self, count: int):
        self.count = count
        self._pool = self._new_pool(count)

    def map(
        self,
        function: Callable[[Any], Any],
        tasks: Iterable[Any],
        crashed: Callable[[Any], Any],
    ) -> Iterator[tuple[Any, Any]]:
        """Apply a function to each task.

        Parameters
        ----------
        function : callable
            Defined at the top level of a module, since processes look it up
            by name.
        tasks : iterable
            Consumed as workers become free.
        crashed : callable
            ``crashed(task)`` is the result of a task that kills its process.
            Decoders written in C may do that with damaged data.

        Yields
        ------
        task, result
            In the order of the tasks.
        """
        remaining = iter(tasks)
        pending: deque[tuple[Any, Future]] = deque()
        while True:
            # Enough to keep every process busy, and no more.
            for task in itertools.islice(
                remaining, 2 * self.count + 1 - len(pending)
            ):
                pending.append((task, self._submit(function, task)))
            if not pending:
                return
            task, future = pending[0]
            try:
                result = future.result()
            except BrokenProcessPool:
                # Any of the pending tasks may have crashed the pool, so run
                # them one by one.
                _shut_down(self._pool)
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
            # map() handles it where it waits for the result.
            future = Future()
            future.set_exception(error)
            return future

    def _alone(self, function, task, crashed):
        pool = self._new_pool(1)
        try:
            return pool.submit(function, task).result()
        except BrokenProcessPool:
            return crashed(task)
        finally:
            _shut_down(pool)

    @staticmethod
    def _new_pool(count):
        return ProcessPoolExecutor(count, initializer=_start_worker)

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *exception: object) -> None:
        _shut_down(self._pool)


def _shut_down(pool):
    """Wait until the processes have done their present tasks, and end them. A
    signal kills them.

    A signal that interrupted this wait would make Python believe that the
    pool's thread has ended. Nobody would then tell the processes to end, and
    Python would wait for them forever when it exits.
    """

    def kill():
        for process in active_children():
            process.kill()

    with deferred_signals(hurry=kill):
        pool.shutdown(cancel_futures=True)


def _start_worker():
    # A terminal sends Ctrl-C to all processes; the parent handles it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Warnings of libraries about damaged files may repeat their headers,
    # which identify patients.
    warnings.simplefilter('ignore')
    logging.getLogger('pydicom').setLevel(logging.CRITICAL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent():
    """End this process when its parent ends: a parent that is killed cannot
    tell its workers.
    """
    connection.wait([parent_process().sentinel])
    os._exit(1)
