import getpass
import os
from unittest import mock

from kneerepro.commands import doctor
from tests.commands.common import CommandTest
from tests.folders import FolderTest


class ReportTest(CommandTest):
    def test_report(self):
        stdout, stderr = self.call('doctor', '--out', self.folder)
        self.assertEqual(stderr, '')
        lines = stdout.splitlines()
        self.assertRegex(lines[0], r'^kneerepro [\d.]+, \w+ ')
        # One screen, to be pasted into a bug report.
        self.assertLess(len(lines), 35)
        self.assertLessEqual(max(map(len, lines)), 100)
        for topic in ('Python', 'packages', 'engine', 'GPU', 'DICOM codecs'):
            self.assertRegex(stdout, rf'(?m)^(ok|missing) +{topic} ')
        home = os.path.expanduser('~')
        if len(home) > 1:
            self.assertNotIn(home + os.sep, stdout)

    def test_something_essential_is_broken(self):
        with mock.patch.object(
            doctor, '_engine', side_effect=OSError('libc is gone\nat all')
        ):
            stdout, _ = self.call('doctor', status=1)
        self.assertRegex(
            stdout, r'(?m)^BROKEN +engine +OSError: libc is gone$'
        )

    def test_something_else_fails(self):
        with mock.patch.object(
            doctor, '_codecs', side_effect=ValueError('odd')
        ):
            stdout, _ = self.call('doctor')
        self.assertRegex(
            stdout, r'(?m)^missing +DICOM codecs +ValueError: odd$'
        )


class FindingsTest(FolderTest):
    """Each check, on machines that are not this one."""

    def without(self, *packages):
        real = doctor.importlib.util.find_spec
        return mock.patch.object(
            doctor.importlib.util,
            'find_spec',
            lambda name: None if name in packages else real(name),
        )

    def test_packages(self):
        self.assertEqual(doctor._packages()[0], doctor.OK)
        with mock.patch.dict('sys.modules', nibabel=None):
            state, text = doctor._packages()
        self.assertEqual(state, doctor.BROKEN)
        self.assertRegex(text, r'^cannot import nibabel \(.*: make setup, or ')

    def test_python(self):
        with mock.patch('sys.version_info', (3, 14, 0)):
            state, text = doctor._python()
        self.assertEqual(state, doctor.BROKEN)
        self.assertIn('3.9 to 3.13', text)

    def test_optional_packages(self):
        with self.without('SimpleITK', 'torch'):
            self.assertEqual(
                doctor._optional('SimpleITK', 'SimpleITK'),
                (doctor.LACKS, 'SimpleITK: python -m pip install SimpleITK'),
            )
            self.assertEqual(doctor._torch()[0], doctor.LACKS)

    def test_gpu(self):
        with mock.patch.object(
            doctor.gpu, 'missing_cuda', return_value='no CUDA'
        ):
            for devices, torch, expected in [
                ([], None, 'no NVIDIA GPU'),
                (['/dev/nvidia0'], None, 'but no CUDA: see nvidia-smi'),
                (
                    ['/dev/nvidia0'],
                    mock.Mock(version=mock.Mock(cuda=None)),
                    'make setup TORCH=cuda',
                ),
            ]:
                with (
                    mock.patch.object(
                        doctor.glob, 'glob', return_value=devices
                    ),
                    mock.patch.object(
                        doctor.shutil, 'which', return_value=None
                    ),
                    mock.patch.object(
                        doctor, '_import_torch', return_value=torch
                    ),
                ):
                    state, text = doctor._gpu()
                self.assertEqual(state, doctor.LACKS)
                self.assertIn(expected, text)

    def test_compiler(self):
        with (
            mock.patch.object(doctor.theano_flags, 'C_CODE', True),
            mock.patch.object(
                doctor.theano_flags,
                'missing_compiler',
                return_value=('No C++ compiler found', 'g++'),
            ),
        ):
            self.assertEqual(
                doctor._compiler(),
                (
                    doctor.LACKS,
                    'No C++ compiler found, which only --engine theano '
                    'needs: install g++',
                ),
            )
        with mock.patch.object(doctor.theano_flags, 'C_CODE', False):
            self.assertEqual(doctor._compiler()[0], doctor.LACKS)

    def test_flags_of_2017(self):
        rc = self.write('.theanorc', '[global]\ndevice = gpu0\nmode = X\n')
        with (
            mock.patch.dict(os.environ, THEANORC=rc, THEANO_FLAGS=''),
            mock.patch.object(
                doctor.gpu, 'missing_cuda', return_value='no CUDA'
            ),
            mock.patch.object(doctor.gpu, 'has_pygpu', return_value=False),
        ):
            state, text = doctor._flags()
            self.assertEqual(state, doctor.LACKS)
            self.assertIn('device=gpu0', text)
            self.assertIn('write device=cpu', text)
            self.write('.theanorc', '[global]\nmode = FAST_RUN\n')
            self.assertEqual(doctor._flags(), (doctor.OK, 'mode=FAST_RUN'))

    def test_codecs(self):
        self.assertTrue(doctor._decodes('1.2.840.10008.1.2.5'))
        with mock.patch.object(
            doctor, '_decodes', lambda syntax: syntax.endswith('.5')
        ):
            state, text = doctor._codecs()
        self.assertEqual(state, doctor.LACKS)
        self.assertIn('JPEG 2000: python -m pip install python-gdcm', text)

    def test_disk_and_memory(self):
        with mock.patch.object(
            doctor.shutil, 'disk_usage', return_value=mock.Mock(free=2**40)
        ):
            self.assertEqual(
                doctor._disk(self.path('not', 'yet')),
                (doctor.OK, '1024.0 GiB free where the runs are'),
            )
        with mock.patch.object(
            doctor.shutil, 'disk_usage', return_value=mock.Mock(free=2**30)
        ):
            self.assertEqual(
                doctor._disk(self.folder),
                (
                    doctor.LACKS,
                    '1.0 GiB free where the runs are: name an --out on '
                    'another disk',
                ),
            )
        meminfo = mock.mock_open(
            read_data='MemTotal: 4194304 kB\nMemAvailable: 1048576 kB\n'
        )
        with mock.patch('builtins.open', meminfo):
            state, text = doctor._memory()
        self.assertEqual(state, doctor.LACKS)
        self.assertIn('1.0 GiB of 4.0 GiB free', text)

    def test_caches(self):
        with mock.patch.object(doctor, '_can_be_written', return_value=False):
            state, text = doctor._caches()
        self.assertEqual(state, doctor.LACKS)
        self.assertRegex(text, '^cannot be written: Theano: .*: set HOME$')
        self.assertTrue(doctor._can_be_written(self.path('a', 'b')))


class NamesTest(FolderTest):
    def test_home_and_user(self):
        with (
            mock.patch.dict(os.environ, HOME='/home/ada', LOGNAME='ada'),
            mock.patch.object(getpass, 'getuser', return_value='ada'),
        ):
            self.assertEqual(
                doctor.without_names(
                    '/home/ada/.theano, /home/ada; /scratch/ada/runs; '
                    '/home/ada2/x, an adage'
                ),
                '~/.theano, ~; /scratch/USER/runs; /home/ada2/x, an adage',
            )
        with (
            mock.patch.dict(os.environ, HOME='/'),
            mock.patch.object(getpass, 'getuser', side_effect=KeyError),
        ):
            self.assertEqual(doctor.without_names('/a/b'), '/a/b')
