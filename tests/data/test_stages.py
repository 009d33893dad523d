import os

from kneerepro.data.decisions import Summary
from kneerepro.data.stages import Preparation, TooFewError, work_of
from kneerepro.utils.errors import UserError
from tests.data.test_prepare import SETTINGS, PrepareTest


class Listing(Preparation):
    """Writes what came of each series to a text file."""

    def keep_current(self):
        return os.path.isfile(self.out)

    def write(self, catalogue, records, pool):
        outcomes = list(self.convert(catalogue, records, pool))
        if len(outcomes) < 4:
            raise self.too_few(
                records, Summary(len(outcomes), 0, 0, {}), 4, reported=False
            )
        with open(self.out, 'w') as file:
            for outcome in outcomes:
                print(outcome.row['series_uid'], outcome.code, file=file)
        return len(outcomes)


class PreparationTest(PrepareTest):
    def preparation(self):
        return Listing(
            [self.source, self.path('dicom', '1.1')],
            SETTINGS,
            None,
            self.out,
            [self.out, work_of(self.out)],
        )

    def test_made_once(self):
        os.remove(self.path('dicom', '1.3', '1.3-1'))
        job = self.preparation()
        self.assertEqual(job.sources, [self.source])
        self.assertEqual(job.shape, (4, 6, 6))
        self.assertEqual(job.made_from['one_per_patient'], False)
        self.assertEqual(job.make(1, overwrite=False), 4)
        self.assertEqual(
            self.read(self.out), b'1.1 \n1.3 MISSING_SLICES\n1.4 \n1.2 \n'
        )
        self.assertEqual(self.listing(), ['v.h5'])
        self.assertIsNone(self.preparation().make(1, overwrite=False))

    def test_in_the_way(self):
        os.makedirs(self.out)
        with self.assertRaisesRegex(UserError, '--overwrite'):
            self.preparation().make(1, overwrite=False)
        self.assertEqual(self.listing(), ['v.h5'])

    def test_too_few(self):
        for name in os.listdir(self.path('dicom', '1.2')):
            os.remove(self.path('dicom', '1.2', name))
        with self.assertRaisesRegex(
            TooFewError, 'dicom: 3 usable series, 0 .*; at least 4 required$'
        ):
            self.preparation().make(1, overwrite=False)
        self.assertEqual(self.listing(), [])
