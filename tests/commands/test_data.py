import contextlib
import io
import os
import shutil
import subprocess
import sys
from unittest import mock

import numpy as np

from kneerepro import commands
from kneerepro.data.dataset import Dataset
from kneerepro.phantom import write_patients
from tests.data.reading.archive_files import tar_of
from tests.data.series import write_series
from tests.folders import FolderTest
from tests.subprocesses import ROOT


class CommandTest(FolderTest):
    def setUp(self):
        super().setUp()
        write_patients(self.path('knees'), 2, matrix=16, slices=20)

    def run_script(self, script, *arguments, status=0):
        done = subprocess.run(
            [sys.executable, os.path.join(ROOT, 'data', script), *arguments],
            cwd=self.folder,
            text=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, 'XDG_CONFIG_HOME': self.path('config')},
        )
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn('Traceback', done.stderr)
        return done.stdout + done.stderr

    def call(self, command, *arguments, status=0):
        """As :meth:`run_script`, in this process, to save the imports."""
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        with (
            mock.patch.dict(os.environ, XDG_CONFIG_HOME=self.path('config')),
            mock.patch('sys.argv', [command, *arguments]),
            contextlib.redirect_stdout(io.StringIO()) as output,
            contextlib.redirect_stderr(output),
            self.assertRaises(SystemExit) as caught,
        ):
            commands.script(command)
        lines = output.getvalue()
        self.assertEqual(caught.exception.code, status, lines)
        if status == 2:
            self.assertIn('error: ', lines.splitlines()[-1])
        return lines

    def spoil(self):
        """Remove a slice from the second series."""
        for folder, _, names in sorted(os.walk(self.path('knees'))):
            if '007' in names:
                path = os.path.join(folder, '007')
        os.remove(path)


class ArchivesTest(CommandTest):
    def test_inspected_and_prepared(self):
        shutil.make_archive(self.path('in', 'a'), 'zip', self.path('knees'))
        self.write('in/b.tar', tar_of([('x\n', b'x'), ('/y', b'x')]))
        output = self.call('inspect', 'in')
        self.assertIn('2 usable series, 2 series or files to be re', output)
        self.assertIn('NOT_DICOM: in/b.tar/x\\n: ', output)
        self.assertIn('UNSAFE_MEMBER: in/b.tar/%2Fy: ', output)
        # The archive itself as a source.
        output = self.call('prepare', 'in/a.zip')
        self.assertIn('2 series converted, 0 series or files', output)


class PrepareCommandTest(CommandTest):
    def test_default(self):
        output = self.run_script('prepare.py', 'knees')
        self.assertIn('2/2 series', output)
        self.assertIn('2 series converted, 0 series or files rejected', output)
        self.assertIn('knees.h5: 2 volumes of 160 x 64 x 64, hash', output)
        self.assertIn('RESAMPLED_DEPTH: 2', output)
        self.assertEqual(
            sorted(os.listdir(self.folder)),
            [
                'config',
                'knees',
                'knees.h5',
                'knees.report.csv',
                'knees.report.json',
            ],
        )
        with Dataset(self.path('knees.h5')) as dataset:
            self.assertEqual(dataset.images.shape, (320, 1, 64, 64))
        output = self.call('prepare', 'knees')
        self.assertIn('it is kept', output)

    def test_options(self):
        self.call(
            'prepare',
            'knees',
            '--out',
            'here/x.h5',
            '--depth',
            '20',
            '--size',
            '8',
            '--normalise',
            'slice',
            '--flip-left',
            '--any-series',
            '--workers',
            '2',
            '--npy',
            '--one-per-patient',
            '--min-slices',
            '20',
            '--min-coverage',
            '100',
            '--strict',
            '--key-file',
            'secret',
        )
        self.assertEqual(
            np.load(self.path('here', 'x.npy')).shape, (2, 1, 20, 8, 8)
        )
        self.assertTrue(os.path.exists(self.path('secret')))

    def test_rejection(self):
        self.spoil()
        output = self.call('prepare', 'knees')
        self.assertIn('1 series converted, 1 series or files rejected', output)
        self.assertIn('MISSING_SLICES: 1', output)
        self.call('prepare', 'knees', '--strict', status=1)

    def test_refused(self):
        for arguments, message in [
            (['nowhere'], 'nowhere does not exist'),
            (
                ['knees', '--series-description', 'SAG['],
                'is no regular expression',
            ),
            (['knees', '--series-description', 'T2_MAP'], "'SAG_3D_DESS_"),
            (['knees', '--depth', '0'], 'not at least 1'),
            (['knees', '--min-slices', '1'], 'not at least 2'),
            (['knees', '--min-coverage', '-3'], 'not at least 0'),
            (['knees', '--normalise', 'patient'], 'invalid choice'),
            (['knees', '--out', 'knees'], '--overwrite'),
            (
                ['knees', '--out', 'knees/ground_truth.csv/x.h5'],
                'cannot write',
            ),
            ([], 'SOURCE'),
        ]:
            output = self.call('prepare', *arguments, status=2)
            self.assertIn(message, output)

    def test_defect_in_the_pixels(self):
        # Only decoding the pixels reveals the defect.
        write_series(self.path('knees', 'bad'), np.zeros((20, 4, 4), int))
        output = self.call('prepare', 'knees', '--min-coverage', '0')
        self.assertIn('CONSTANT_IMAGE: 1', output)


class InspectCommandTest(CommandTest):
    def test_lists(self):
        write_series(
            self.path('knees', 'other'),
            np.zeros((20, 4, 4), int),
            SeriesDescription='AX_T2',
        )
        self.spoil()
        before = sorted(os.listdir(self.folder))
        output = self.call('inspect', 'knees', '--workers', '2')
        for word in [
            'usable',
            'MISSING_SLICES',
            '16 x 16',
            '5.6 x 8.75',
            'sagittal',
            'AX_T2',
            'slices is missing',
            '1 usable series, 1 series or files to be rejected, 1 '
            'not selected',
        ]:
            self.assertIn(word, output)
        self.assertEqual(sorted(os.listdir(self.folder)), before)
        self.call('inspect', 'knees', '--strict', status=1)

    def test_text_of_all_kinds(self):
        """What headers and names contain is shown, but controls nothing."""
        pixels = np.zeros((20, 4, 4), int)
        for name, character_set, description in [
            ('japanese', ['', 'ISO 2022 IR 87'], '膝 矢状断'),
            ('greek', 'ISO_IR 126', 'Γόνατο'),
            ('escapes', 'ISO_IR 192', 'a\x1b[31m\u202eb'),
        ]:
            write_series(
                self.path('knees', name),
                pixels,
                uid='1.2.' + str(len(name)),
                SpecificCharacterSet=character_set,
                SeriesDescription=description,
            )
        self.write('knees/other/x\n\udcff\x1b[2J', b'no DICOM')
        output = self.run_script('inspect.py', 'knees')
        lines = output.splitlines()
        self.assertNotIn('\x1b', output)
        self.assertNotIn('\u202e', output)
        self.assertIn(r'NOT_DICOM: knees/other/x\n\xff\x1b[2J: ', output)
        places = {
            line.index(text)
            for text in ('膝 矢状断', 'Γόνατο', r'a\x1b[31m\u202eb')
            for line in lines
            if text in line
        }
        self.assertEqual(places, {lines[1].index('description')})
        output = self.call(
            'inspect',
            'knees',
            '--series-description',
            '矢状|νατο',
            '--min-coverage',
            '40',
        )
        self.assertIn('2 usable series', output)
        self.assertIn('3 not selected', output)

    def test_unknown_spacing(self):
        write_series(
            self.path('knees', 'other'),
            np.zeros((20, 4, 4), int),
            step=5.0,
            PixelSpacing=[0, 0],
        )
        output = self.call('inspect', 'knees')
        self.assertIn('  5 x ? x ?  ', output)
        self.assertIn('note SPACING_UNKNOWN: 1: the spacing of', output)
        self.assertIn('pixels taken as square\n', output)

    def test_nothing_usable(self):
        output = self.call(
            'inspect', 'knees', '--series-description', 'x', status=2
        )
        self.assertIn('nothing usable', output)
        self.assertIn('--any-series', output)
        self.call('inspect', 'nowhere', status=2)
