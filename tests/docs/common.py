"""Helpers of the documentation's tests."""

from unittest import mock

from tests.folders import FolderTest
from tests.scripts import call, import_from


def documentation(name):
    """Import a module of docs/."""
    return import_from('docs', name)


def row_of(case, seconds):
    """A row of a benchmark whose median step takes twice `seconds`."""
    return {
        **case,
        'compiling': 1.0,
        'first': 1.0,
        'limit': seconds / 2,
        'memory': 10 * seconds,
        'steps': [seconds, 2 * seconds, 4 * seconds],
    }


def rows(key, sizes):
    """Rows in which PyTorch alone takes twice as long as the engine."""
    return [
        row_of({key: size, 'engine': engine}, size * factor)
        for size in sizes
        for engine, factor in (('torch', 1.0), ('native', 2.0))
    ]


class PublishTest(FolderTest):
    """Publishes into a temporary folder."""

    def publish(self, *arguments):
        with mock.patch.object(
            documentation('measured_files'), 'FOLDER', self.folder
        ):
            return call(documentation('publish').main, *arguments)
