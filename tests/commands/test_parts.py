"""``prepare --part`` and ``prepare --join``."""

import contextlib
import io
import os

import numpy as np

from kneerepro.commands import main
from kneerepro.phantom import write_patients
from kneerepro.utils.errors import UserError
from tests.data.series import write_series
from tests.folders import FolderTest


class PartsTest(FolderTest):
    def setUp(self):
        super().setUp()
        write_patients(self.path('knees'), 3, matrix=16, slices=20)
        # Only decoding the pixels reveals the defect.
        write_series(self.path('knees', 'bad'), np.zeros((20, 4, 4), int))
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)

    def run_prepare(self, *arguments, status=None):
        """Run the command; returns what it prints."""
        with contextlib.redirect_stdout(io.StringIO()) as output:
            found = main(['prepare', *arguments, '--key-file', 'key'])
        self.assertEqual(found, status)
        return output.getvalue()

    def prepare(self, *arguments, **kwargs):
        options = '--depth', '20', '--size', '8', '--min-coverage', '0'
        return self.run_prepare('knees', *options, *arguments, **kwargs)

    def test_as_by_one_machine(self):
        self.prepare('--out', 'whole.h5', '--npy')
        names = []
        for number in 1, 2:
            output = self.prepare('--part', f'{number}/2')
            names.append(f'knees.part-{number}-of-2.h5')
            self.assertIn(f'{names[-1]}: part {number} of 2, with ', output)
            self.assertIn(' of 4 series: ', output)
        self.assertIn('it is kept', self.prepare('--part', '2/2'))
        output = self.run_prepare('--join', 'joined.h5', *names, '--npy')
        self.assertIn('3 series converted, 1 series or files', output)
        self.assertIn('joined.h5: 3 volumes of 20 x 8 x 8, hash', output)
        for ending in '.h5', '.npy', '.report.csv', '.report.json':
            self.assertEqual(
                self.read('joined' + ending), self.read('whole' + ending)
            )
        output = self.run_prepare(
            '--join', 'joined.h5', *names, '--strict', status=1
        )
        self.assertIn('it is kept', output)

    def test_rejection(self):
        self.prepare('--part', '1/1', '--strict', status=1)
        output = self.prepare('--part', '1/1')
        self.assertIn('3 converted, 1 rejected, 0 not selected', output)
        self.assertIn('CONSTANT_IMAGE: 1', output)

    def test_refused(self):
        for arguments, message in [
            (['knees', '--part', '1/2', '--npy'], 'give --npy with --join'),
            (['--join', 'v.h5', 'p.h5', '--depth', '9'], '--depth cannot'),
            (['--join', 'v.h5', 'p.h5', '--out', 'x'], '--out cannot'),
            (
                ['--join', 'v.h5', 'p.h5', '--identifiers'],
                '--identifiers cannot be combined with --join',
            ),
            (['--join', 'v.h5', 'p.h5'], 'p.h5 cannot be read: No such file'),
        ]:
            with self.assertRaisesRegex(UserError, message):
                self.run_prepare(*arguments)
        for arguments, message in [
            (['knees', '--part', '3/2'], 'the parts are 1/2 to 2/2'),
            (['knees', '--part', '3'], "'3' is not of the form 3/16"),
            (['--join', 'v.h5'], 'SOURCE'),
            (['p.h5', '--join', 'v.h5', '--part', '1/2'], 'not allowed with'),
        ]:
            with (
                contextlib.redirect_stderr(io.StringIO()) as errors,
                self.assertRaises(SystemExit),
            ):
                self.run_prepare(*arguments)
            self.assertIn(message, errors.getvalue())
