import unittest
from types import SimpleNamespace

from kneerepro.experiment.side_by_side import names_of


def run_of(folder, experiment='cae3d'):
    return SimpleNamespace(folder=folder, experiment=experiment)


class NamesTest(unittest.TestCase):
    """``tests/commands/test_report.py`` looks at the page."""

    def test_folders(self):
        self.assertEqual(
            names_of([run_of('runs/cae3d/a'), run_of('runs/cae3d/b/')]),
            ['a', 'b'],
        )

    def test_experiments(self):
        self.assertEqual(
            names_of(
                [run_of('runs/cae3d/a'), run_of('runs/cae2d/a', 'cae2d')]
            ),
            ['cae3d a', 'cae2d a'],
        )

    def test_paths(self):
        folders = ['x/cae3d/a', 'y/cae3d/a']
        self.assertEqual(
            names_of(list(map(run_of, folders))),
            folders,
        )
