"""Read thousands of damaged files, and images of all sizes.

This takes a few minutes, so that it is not among the tests: ``make fuzz``.
"""

from collections import Counter

from kneerepro.data.reading.catalogue import Catalogue
from tests.data.mutations import (
    add_to,
    damaged,
    find_all,
    outcome,
    whole_files,
)
from tests.data.series import QuietTest
from tests.data.squares import SYNTAXES, check_square

SEEDS = range(3000)
SIZES = range(64, 641)


class DamagedFilesTest(QuietTest):
    def test_each_is_used_or_named(self):
        catalogue = Catalogue()
        self.addCleanup(catalogue.close)
        contents = whole_files(self.folder)
        outcomes = Counter()
        for seed in SEEDS:
            path = self.write(f'{seed}', damaged(contents, seed))
            try:
                outcomes[outcome(path)] += 1
                add_to(catalogue, path)
            except Exception as error:
                raise AssertionError(f'seed {seed}') from error
        find_all(catalogue)
        print(dict(outcomes))
        # Both happen: the damage is neither too small nor too great.
        self.assertGreater(outcomes['used'], len(SEEDS) // 20)
        self.assertGreater(len(outcomes), 6)


class SizesTest(QuietTest):
    def test_as_pydicom(self):
        for syntax in SYNTAXES:
            for size in SIZES:
                for trailing in False, True:
                    check_square(self.folder, size, syntax, trailing)
