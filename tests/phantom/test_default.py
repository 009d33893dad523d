import contextlib
import io
import os

from kneerepro.phantom.default import default_knees
from tests.folders import FolderTest


class DefaultKneesTest(FolderTest):
    def knees(self, **changes):
        arguments = dict(patients=1, matrix=16, slices=2, seed=5)
        with contextlib.redirect_stdout(io.StringIO()):
            return default_knees(
                self.path('checkout', 'experiments', 'cae.py'),
                **{**arguments, **changes},
            )

    def test_folder(self):
        folder = self.knees()
        self.assertEqual(
            os.path.abspath(folder),
            os.path.abspath(
                self.path(
                    'checkout', 'data', 'phantom', '1-patients-2x16x16-seed5'
                )
            ),
        )
        self.assertIn('ground_truth.csv', os.listdir(folder))

    def test_shared(self):
        self.assertEqual(self.knees(), self.knees())
        self.assertNotEqual(self.knees(), self.knees(seed=6))
