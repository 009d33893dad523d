import os
import shutil
import sys
import sysconfig
import tempfile
import types
import unittest
import warnings
from unittest import mock

from theano.configparser import parse_config_string

from kneerepro.compat import gpu, theano_flags
from tests.engine.compare import torch
from tests.folders import FolderTest
from tests.subprocesses import run_python


class FlagsTest(FolderTest):
    """Runs with a temporary home folder and without flags."""

    def setUp(self):
        super().setUp()
        environment = mock.patch.dict(os.environ, HOME=self.folder)
        environment.start()
        self.addCleanup(environment.stop)
        for name in ['THEANO_FLAGS', 'THEANORC']:
            os.environ.pop(name, None)
        filters = warnings.catch_warnings()
        filters.__enter__()
        self.addCleanup(filters.__exit__, None, None, None)

    def set_defaults(self, missing=None, c_code=True):
        """Set the defaults; returns the flags that Theano then reads.

        Parameters
        ----------
        missing : tuple of (str, str) or None
            What keeps Theano from compiling.
        c_code : bool
            Whether Theano can compile C code on this Python.
        """
        with (
            mock.patch.object(
                theano_flags, 'missing_compiler', return_value=missing
            ),
            mock.patch.object(theano_flags, 'C_CODE', c_code),
            mock.patch.object(theano_flags.logger, 'warning') as warning,
        ):
            theano_flags.set_defaults()
        self.logged = [
            call[0][0] % call[0][1:] for call in warning.call_args_list
        ]
        return parse_config_string(os.environ['THEANO_FLAGS'])


class SetDefaultsTest(FlagsTest):
    no_compiler = 'No compiler', 'one'

    def test_defaults(self):
        flags = self.set_defaults()
        self.assertEqual(set(flags), {'floatX', 'blas.ldflags'})
        self.assertEqual(flags['floatX'], 'float32')
        self.assertIn('-lscipy_openblas', flags['blas.ldflags'].split())
        self.assertIn('-Dsgemm_=scipy_sgemm_', flags['blas.ldflags'].split())

    def test_the_user_takes_precedence(self):
        for user in [
            {'floatX': 'float64'},
            {'blas.ldflags': '-L/with,commas -lblas'},
            {'cxx': '/opt/g++'},
        ]:
            ((name, value),) = user.items()
            with self.subTest(name):
                os.environ['THEANO_FLAGS'] = f'mode=FAST_RUN,{name}="{value}"'
                flags = self.set_defaults(self.no_compiler)
                self.assertEqual(flags[name], value)
                self.assertEqual(flags['mode'], 'FAST_RUN')
                self.assertEqual('optimizer_excluding' in flags, name != 'cxx')

    def test_theanorc_takes_precedence(self):
        self.write(
            '.theanorc', '[global]\nFLOATX = float64\n[blas]\nldflags =\n'
        )
        self.assertEqual(self.set_defaults(), {})
        os.environ['THEANORC'] = os.pathsep.join(
            [
                self.write('second', '[global]\ncxx = /opt/g++'),
                self.write('third'),
            ]
        )
        self.assertEqual(
            set(self.set_defaults(self.no_compiler)),
            {'floatX', 'blas.ldflags'},
        )
        self.assertEqual(self.logged, [])

    def test_theanorc_that_cannot_be_parsed_is_left_to_theano(self):
        self.write('.theanorc', 'floatX = float64')
        self.assertIn('floatX', self.set_defaults())

    def test_no_compiler(self):
        flags = self.set_defaults(self.no_compiler)
        self.assertEqual(flags['cxx'], '')
        self.assertEqual(flags['optimizer_excluding'], 'AbstractConvCheck')
        self.assertEqual(len(self.logged), 1)
        self.assertRegex(self.logged[0], 'No compiler.*slower.*Install one')
        # A subprocess inherits the flags and does not warn again.
        self.assertEqual(self.set_defaults(self.no_compiler), flags)
        self.assertEqual(self.logged, [])

    def test_python_without_c_code(self):
        for missing in None, self.no_compiler:
            os.environ.pop('THEANO_FLAGS', None)
            flags = self.set_defaults(missing, c_code=False)
            self.assertEqual(flags['cxx'], '')
            self.assertEqual(flags['optimizer_excluding'], 'AbstractConvCheck')
            self.assertEqual(self.logged, [])

    def test_compiler_switched_off(self):
        for user in ['cxx=', "cxx=''"]:
            os.environ['THEANO_FLAGS'] = user
            flags = self.set_defaults()
            self.assertEqual(flags['cxx'], '')
            self.assertEqual(flags['optimizer_excluding'], 'AbstractConvCheck')
            self.assertEqual(self.logged, [])


class GpuTest(FlagsTest):
    """``missing`` is what keeps the engine from using a GPU."""

    def set_defaults(self, missing='PyTorch finds no CUDA device'):
        with mock.patch.object(gpu, 'missing_cuda', return_value=missing):
            return super().set_defaults()

    def assert_replaced(self, name, value):
        flags = self.set_defaults()
        expected = 'cpu' if name == 'device' else ''
        self.assertEqual(flags[name], expected)
        self.assertNotIn('mode', flags)
        (line,) = self.logged
        self.assertTrue(line.startswith(f'{name}={value}: '))
        self.assertRegex(line, 'finds no CUDA device. The program runs on')
        # A subprocess inherits the flags and does not warn again.
        self.assertEqual(self.set_defaults()[name], expected)
        self.assertEqual(self.logged, [])

    def test_flags(self):
        for name, value in [
            ('device', 'gpu'),
            ('device', 'gpu0'),
            ('device', 'GPU'),
            ('device', 'cuda'),
            ('device', 'cuda0'),
            ('device', 'opencl0:0'),
            ('init_gpu_device', 'cuda'),
            ('contexts', 'dev0->cuda0;dev1->cuda1'),
        ]:
            with self.subTest(value):
                os.environ['THEANO_FLAGS'] = f'{name}={value},floatX=float64'
                self.assert_replaced(name, value)
                self.assertIn('floatX=float64', os.environ['THEANO_FLAGS'])

    def test_theanorc(self):
        self.write(
            '.theanorc',
            '[global]\ndevice = gpu0\n[nvcc]\nflags = -D_FORCE_INLINES\n',
        )
        self.assert_replaced('device', 'gpu0')

    def test_cuda(self):
        for mode in '', ',mode=FAST_RUN', ',mode=Mode', ',mode=torch':
            os.environ['THEANO_FLAGS'] = 'device=gpu0' + mode
            flags = self.set_defaults(missing=None)
            self.assertEqual(flags['device'], 'cpu')
            self.assertEqual(flags['mode'], 'TORCH')
            self.assertEqual(self.logged, [])
            self.assertEqual(self.set_defaults(missing=None), flags)

    def test_cuda_but_another_mode(self):
        os.environ['THEANO_FLAGS'] = 'mode=DebugMode,device=cuda'
        flags = self.set_defaults(missing=None)
        self.assertEqual(flags['mode'], 'DebugMode')
        (line,) = self.logged
        self.assertIn("mode=DebugMode is one of Theano's own", line)

    def test_no_gpu(self):
        for user in 'device=cpu', 'init_gpu_device=', '':
            os.environ['THEANO_FLAGS'] = user
            self.assertNotIn('mode', self.set_defaults(missing=None))
            self.assertEqual(self.logged, [])

    def test_with_pygpu(self):
        """If there is one, the user knows best."""
        for device, kept in ('cuda0', True), ('gpu0', False):
            os.environ['THEANO_FLAGS'] = f'device={device}'
            with mock.patch.object(gpu, 'has_pygpu', return_value=True):
                flags = self.set_defaults()
            self.assertEqual(flags['device'], device if kept else 'cpu')

    def test_flags_that_theano_refuses(self):
        self.write('.theanorc', '[dnn.conv]\nworkmem = small\n')
        os.environ['THEANO_FLAGS'] = 'gpuarray.sync=True,dnn.conv.algo_bwd='
        flags = self.set_defaults()
        self.assertEqual(flags['gpuarray.sync'], '')
        self.assertEqual(flags['dnn.conv.workmem'], '')
        self.assertEqual(self.logged, [])

    def test_mode_of_the_engine(self):
        for flags, expected in [
            ('mode=torch', True),
            ('mode=TORCH', True),
            ('mode=torch,mode=FAST_RUN', False),
            ('mode=TORCHY', False),
            ('', False),
        ]:
            os.environ['THEANO_FLAGS'] = flags
            self.assertEqual(theano_flags.requests_engine(), expected)


class CompileFolderTest(FlagsTest):
    def setUp(self):
        super().setUp()
        temporary = mock.patch.object(
            theano_flags.tempfile, 'tempdir', self.path('tmp')
        )
        temporary.start()
        self.addCleanup(temporary.stop)
        os.mkdir(self.path('tmp'))
        self.private = self.path('tmp', f'kneerepro-{os.getuid()}')

    def compile_folder(self):
        """The folder that Theano uses, and whether that is said."""
        flags = self.set_defaults()
        (warning,) = self.logged or ['']
        folder = flags.get('base_compiledir')
        self.assertEqual(bool(warning), folder is not None)
        if folder:
            self.assertIn(f'compiled code in {folder}. Set HOME', warning)
            self.assertTrue(os.access(folder, os.W_OK))
            self.assertEqual(os.stat(folder).st_mode & 0o777, 0o700)
        return folder

    def test_usual(self):
        self.assertIsNone(self.compile_folder())
        self.assertEqual(os.listdir(self.path('tmp')), [])

    def test_home_that_cannot_be_written(self):
        self.write('file')
        os.mkdir(self.path('kept'))
        for home in self.path('file'), '/proc', '', 'relative':
            os.environ.pop('THEANO_FLAGS', None)
            os.environ['HOME'] = home
            self.assertEqual(self.compile_folder(), self.private)
            # A subprocess inherits the flags and does not warn again.
            self.set_defaults()
            self.assertEqual(self.logged, [])
        os.environ.pop('THEANO_FLAGS')
        os.environ['HOME'] = self.path('kept')
        with mock.patch('os.access', return_value=False):
            self.assertEqual(
                self.set_defaults()['base_compiledir'], self.private
            )

    def test_no_home(self):
        del os.environ['HOME']
        with (
            mock.patch('os.path.expanduser', lambda path: path),
            mock.patch.dict(os.environ),
        ):
            os.environ.pop('USERPROFILE', None)
            self.assertEqual(self.compile_folder(), self.private)
            # Without it, Theano would not start.
            self.assertIn('USERPROFILE', os.environ)

    def test_folder_that_another_user_may_have_prepared(self):
        os.environ['HOME'] = '/proc'
        os.symlink(self.make_folder('mine', 0o700), self.private)
        self.assertNotEqual(self.compile_folder(), self.private)
        os.remove(self.private)
        os.environ.pop('THEANO_FLAGS')
        self.make_folder(self.private, 0o777)
        self.assertNotEqual(self.compile_folder(), self.private)
        os.chmod(self.private, 0o700)
        os.environ.pop('THEANO_FLAGS')
        with mock.patch('os.getuid', return_value=os.getuid() + 1):
            os.rename(
                self.private, self.path('tmp', f'kneerepro-{os.getuid()}')
            )
            self.assertNotEqual(
                os.path.basename(self.compile_folder()),
                f'kneerepro-{os.getuid()}',
            )

    def make_folder(self, name, mode):
        path = self.path(name)
        os.mkdir(path)
        os.chmod(path, mode)
        return path

    def test_the_user_takes_precedence(self):
        os.environ['HOME'] = '/proc'
        os.environ['THEANO_FLAGS'] = 'base_compiledir=/my/own'
        self.assertEqual(self.set_defaults()['base_compiledir'], '/my/own')
        self.assertEqual(self.logged, [])

    def test_names_that_theano_would_split(self):
        os.environ['HOME'] = '/proc'
        for name in 'a b', 'a,b', "a'b", 'a%b':
            os.environ.pop('THEANO_FLAGS', None)
            os.mkdir(self.path(name))
            with mock.patch.object(
                theano_flags.tempfile, 'tempdir', self.path(name)
            ):
                self.assertEqual(
                    self.compile_folder(),
                    self.path(name, f'kneerepro-{os.getuid()}'),
                )


class MissingCompilerTest(unittest.TestCase):
    def missing(self, *found, platform='linux', include=None):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, 'Python.h'), 'w'):
                pass
            with (
                mock.patch.object(sys, 'platform', platform),
                mock.patch.object(
                    sysconfig, 'get_path', lambda name: include or folder
                ),
                mock.patch.object(shutil, 'which', lambda name: name in found),
            ):
                return theano_flags.missing_compiler()

    def test_nothing_is_missing(self):
        self.assertIsNone(self.missing('g++'))
        self.assertIsNone(self.missing('clang++', platform='darwin'))

    def test_missing_compiler(self):
        self.assertEqual(self.missing(), ('No C++ compiler found', 'g++'))
        # Theano looks for clang++ on macOS and FreeBSD only.
        self.assertEqual(
            self.missing('clang++'), ('No C++ compiler found', 'g++')
        )

    def test_missing_headers(self):
        version = '{}.{}'.format(*sys.version_info[:2])
        what, install = self.missing('g++', include='/no/such/folder')
        self.assertIn(f'Python {version}', what)
        self.assertIn(f'python{version}-dev', install)


class BlasTest(FlagsTest):
    def ldflags(self, folder):
        wheel = types.ModuleType('scipy_openblas32')
        wheel.get_lib_dir = lambda: folder
        with mock.patch.dict(sys.modules, scipy_openblas32=wheel):
            return theano_flags.blas_ldflags()

    def test_wheel_not_installed(self):
        with mock.patch.dict(sys.modules, scipy_openblas32=None):
            self.assertEqual(theano_flags.blas_ldflags(), '')

    def test_plain_folder(self):
        self.assertEqual(self.ldflags('/plain').split()[0], '-L/plain')
        self.assertEqual(os.listdir(self.folder), [])

    def test_folder_that_theano_would_split(self):
        links = set()
        for name in ['with spaces', 'with,comma', "with'quote"]:
            folder = self.path(name)
            os.mkdir(folder)
            for _ in range(2):
                flag = self.ldflags(folder).split(' ')[0]
                self.assertTrue(os.path.samefile(flag[len('-L') :], folder))
                self.assertNotRegex(flag, "[ ,']")
            links.add(flag)
        self.assertEqual(len(links), 3)

    def test_nowhere_for_a_link(self):
        for home in ['home with spaces', 'home,with,commas', 'a file']:
            os.environ['HOME'] = self.path(home)
            if home == 'a file':
                self.write(home)
            with self.assertLogs('kneerepro', 'WARNING') as logs:
                self.assertEqual(self.ldflags('/with spaces'), '')
            self.assertIn('/with spaces', logs.output[0])


class TheanoTest(FlagsTest):
    def assert_prints(
        self, expected, code, errors='', before='', **environment
    ):
        done = run_python(
            f'import kneerepro\n{before}import theano\n{code}',
            HOME=self.folder,
            **environment,
        )
        self.assertRegex(done.stderr, f'^{errors}$')
        self.assertEqual(done.stdout.split('\n'), expected + [''])

    show = """
for name in ['floatX', 'blas.ldflags', 'cxx']:
    value = theano.config
    for part in name.split('.'):
        value = getattr(value, part)
    print(value)"""

    def test_obeys_the_user(self):
        flags = ['float64', '-L/a,b -lc', '']
        self.assert_prints(
            flags,
            self.show,
            THEANO_FLAGS="floatX=float64,blas.ldflags='-L/a,b -lc',cxx=",
        )
        rc = self.write(
            'rc',
            '[global]\nfloatX = float64\ncxx =\n'
            '[blas]\nldflags = -L/a,b -lc\n',
        )
        self.assert_prints(flags, self.show, THEANORC=rc)

    def test_gpu_and_no_home(self):
        for device in 'gpu0', 'cuda':
            rc = self.write('rc', f'[global]\ndevice = {device}\n')
            done = run_python(
                'import kneerepro, theano\n'
                'print(theano.config.device, theano.config.base_compiledir)',
                HOME='/proc',
                THEANORC=rc,
                THEANO_FLAGS='cxx=',  # to save the time of the compiler
                TMPDIR=self.folder,
            )
            self.assertEqual(
                done.stdout,
                f'cpu {self.path(f"kneerepro-{os.getuid()}")}\n',
            )
            first, second, end = done.stderr.split('\n')
            self.assertRegex(first, '^Theano cannot write to /proc/.theano')
            self.assertRegex(second, f'^device={device}: ')
            self.assertEqual(end, '')

    # A user's file of 2017, and flags that Theano 1.0.5 refuses.
    old_file = """
[global]
floatX = float32
device = gpu0
force_device = True
optimizer_including = cudnn
allow_gc = False
[lib]
cnmem = 0.9
[nvcc]
fastmath = True
flags = -D_FORCE_INLINES
[cuda]
root = /usr/local/cuda
[dnn]
enabled = True
[dnn.conv]
workmem = small
[gpuarray]
preallocate = 0.8
"""
    old_flags = "mode=FAST_RUN,lib.cnmem=1,gpuarray.sync=True,cxx=''"
    show_old = """
print(theano.config.device, theano.config.lib.cnmem)
theano.config.nvcc.fastmath = False
mode = theano.config.mode
print(mode if isinstance(mode, str) else type(mode.linker).__name__)
x = theano.tensor.vector()
print(theano.function([x], 2 * x)([1, 2]).tolist())"""

    def test_settings_of_2017(self):
        self.assert_prints(
            ['cpu 1', 'FAST_RUN', '[2.0, 4.0]'],
            self.show_old,
            errors='device=gpu0: .*pygpu.* The program runs on the CPU; '
            '"python -m kneerepro doctor" tells what a GPU needs\\.\n',
            THEANORC=self.write('rc', self.old_file),
            THEANO_FLAGS=self.old_flags,
        )

    @unittest.skipUnless(torch, 'PyTorch is not installed')
    def test_settings_of_2017_with_cuda(self):
        # There is none here: the engine, which looks itself, runs on the CPU.
        self.assert_prints(
            ['cpu 1', 'TorchLinker', '[2.0, 4.0]'],
            self.show_old,
            before='from kneerepro.compat import gpu\n'
            'gpu.missing_cuda = lambda: None\n',
            THEANORC=self.write('rc', self.old_file),
            THEANO_FLAGS=self.old_flags,
        )

    def test_trains_without_compiler(self):
        empty = self.path('empty')
        os.mkdir(empty)
        warning = ''
        if theano_flags.C_CODE:
            warning = 'No C.. compiler found: .* slower.*\\n'
        self.assert_prints(
            ['[3.0]', 'True'],
            """
import numpy as np
import theano.tensor as T
x, w = T.tensor4(), theano.shared(np.ones((1, 1, 1, 3), 'float32'))
y = T.nnet.conv2d(x, w, border_mode='valid')
loss = T.sqr(y - 2).mean()
train = theano.function([x], loss, updates=[
    (w, w - np.float32(0.1) * theano.grad(loss, w))])
image = np.ones((1, 1, 1, 3), 'float32')
print(theano.function([x], y)(image).ravel().tolist())
print(bool(train(image) > train(image) > train(image)))
""",
            PATH=empty,
            errors=warning,
        )

    @unittest.skipUnless(theano_flags.C_CODE, 'Theano has no C code here')
    @unittest.skipIf(theano_flags.missing_compiler(), 'no C++ compiler')
    def test_compiled_code_calls_the_wheels_blas(self):
        self.assert_prints(
            ['[[19.0, 22.0], [43.0, 50.0]]', 'True'],
            """
import glob, os, pathlib
import numpy as np
import theano.tensor as T
x, y = T.matrices('xy')
dot = theano.function([x, y], T.dot(x, y))
print(dot(np.float32([[1, 2], [3, 4]]), np.float32([[5, 6], [7, 8]])).tolist())
modules = glob.glob(os.path.join(theano.config.compiledir, '*', '*.so'))
print(any(b'scipy_sgemm_' in pathlib.Path(module).read_bytes()
          for module in modules))
""",
        )
