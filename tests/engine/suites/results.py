"""Keeps the results of modules in a file, so that a run can be continued."""

from __future__ import annotations

import json
import os
from pathlib import Path

#: What :func:`tests.engine.suites.processes.run` returns.
Results = dict[str, tuple[str, str]]


class ResultsFile:
    """The results of modules, each with the engine and with Theano alone.

    One line of JSON holds the results of one module. Lines are only added, so
    that several processes can write at the same time, and the last line of a
    module counts.

    Parameters
    ----------
    path : path
    device : {'cpu', 'cuda'}
        Where the engine computes. Results from other devices are left alone.
    """

    def __init__(self, path: str | os.PathLike, device: str) -> None:
        self.path = Path(path)
        self.device = device

    def read(self) -> dict[str, tuple[Results, Results]]:
        """Return ``{module: (with the engine, with Theano alone)}``."""
        modules = {}
        if self.path.exists():
            for line in self.path.read_text(encoding='utf-8').splitlines():
                try:
                    record = json.loads(line)
                except ValueError:
                    continue  # the process was killed while writing
                if record['device'] == self.device:
                    modules[record['module']] = (
                        record['engine'],
                        record['theano'],
                    )
        return modules

    def add(self, module: str, engine: Results, theano: Results) -> None:
        """Add the results of a module."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        record = {
            'device': self.device,
            'module': module,
            'engine': engine,
            'theano': theano,
        }
        with open(self.path, 'a', encoding='utf-8') as file:
            file.write(json.dumps(record) + '\n')
