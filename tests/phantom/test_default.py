import contextlib
import io
import os

from kneerepro.phantom.default import default_knees
from kneerepro.utils.errors import UserError
from tests.folders import FolderTest


class DefaultKneesTest(FolderTest):
    def knees(self, **changes):
        arguments = dict(patients=1, matrix=16, slices=2, seed=5)
        with contextlib.redirect_stdout(io.StringIO()):
            return default_knees(self.path('runs'), **{**arguments, **changes})

    def test_folder(self):
        folder = self.knees()
        self.assertEqual(
            folder, self.path('runs', 'knees', '1-patients-2x16x16-seed5')
        )
        self.assertIn('ground_truth.csv', os.listdir(folder))
        self.assertEqual(os.listdir(self.folder), ['runs'])

    def test_shared(self):
        self.assertEqual(self.knees(), self.knees())
        self.assertNotEqual(self.knees(), self.knees(seed=6))

    def test_cannot_be_written(self):
        self.write('runs', 'a file')
        with self.assertRaisesRegex(
            UserError,
            'cannot write synthetic knees in .*/runs/knees/.*: Not a '
            'directory; name another --out',
        ):
            self.knees()
