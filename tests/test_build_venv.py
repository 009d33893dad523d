"""build_venv.sh with a Python that only notes what it is asked to do."""

import os
import re
import subprocess
import unittest

from tests.folders import FolderTest
from tests.subprocesses import ROOT

# Takes the place of every Python. INDEX and PYTORCH_INDEX are the versions of
# PyTorch that the configured package index and PyTorch's own have.
PYTHON = """#!/bin/sh
case "$*" in
*'index versions torch --index-url'*) echo "$PYTORCH_INDEX" ;;
*'index versions torch'*) echo "$INDEX" ;;
*' install '*) echo "$@" >>"$LOG" ;;
'-m venv '*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
*linux*) [ "$OLD" != yes ] ;;
--version) echo Python 3.11.0 ;;
esac
"""


@unittest.skipIf(os.name == 'nt', 'needs a POSIX shell')
class BuildTest(FolderTest):
    def build(self, status=0, gpu=False, **environment):
        """Build an environment; return the output and the pip commands."""
        python = self.write('bin/python3.11', PYTHON)
        os.chmod(python, 0o755)
        if gpu:
            os.chmod(self.write('bin/nvidia-smi', '#!/bin/sh\n'), 0o755)
        log = self.write('log')
        done = subprocess.run(
            ['sh', 'build_venv.sh', self.path('venv'), 'python3.11'],
            cwd=ROOT,
            text=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env={
                'PATH': self.path('bin') + ':/usr/bin:/bin',
                'LOG': log,
                'TORCH': '',
                'INDEX': '2.13.0, 2.12.0',
                'PYTORCH_INDEX': '',
                **environment,
            },
        )
        self.assertEqual(done.returncode, status, done.stderr)
        installs = re.findall('install (.*)', self.read('log').decode())
        return done.stdout + done.stderr, installs

    def torch_installs(self, **kwargs):
        output, installs = self.build(**kwargs)
        return output, [words for words in installs if 'torch' in words]

    def test_order(self):
        output, installs = self.build(TORCH='cuda')
        self.assertEqual(
            [words.split()[-2:] for words in installs],
            [
                ['-r', self.path('venv', 'build-tools.txt')],
                ['-r', 'requirements.txt'],
                ['-e', '.'],
            ],
        )
        self.assertEqual(self.read('venv/torch'), b'cuda\n')
        self.assertTrue(os.path.exists(self.path('venv', 'installed')))
        self.assertLess(output.index('downloading'), output.index('is ready'))

    def test_cpu_build_of_the_package_index(self):
        output, installs = self.torch_installs(
            TORCH='cpu', INDEX='2.13.0+cpu, 2.13.0'
        )
        self.assertEqual(installs, ['--no-deps torch==2.13.0+cpu'])
        self.assertIn('downloading about 0.4 GB', output)
        self.assertEqual(self.read('venv/torch'), b'cpu\n')

    def test_cpu_build_of_pytorch_itself(self):
        output, installs = self.torch_installs(
            TORCH='cpu', PYTORCH_INDEX='2.13.0+cpu'
        )
        self.assertEqual(
            installs,
            [
                '--no-deps torch==2.13.0+cpu --index-url '
                'https://download.pytorch.org/whl/cpu'
            ],
        )
        self.assertIn('downloading about 0.4 GB', output)

    def test_no_cpu_build_in_reach(self):
        output, installs = self.torch_installs(
            TORCH='cpu', PYTORCH_INDEX='2.12.0+cpu'
        )
        self.assertEqual(installs, [])
        self.assertIn('downloading up to 3 GB', output)

    def test_python_without_pytorch(self):
        output, installs = self.torch_installs(
            TORCH='cpu', INDEX='2.13.0+cpu', OLD='yes'
        )
        self.assertEqual(installs, [])
        self.assertIn('downloading about 0.3 GB', output)

    def test_a_gpu_decides(self):
        _, installs = self.torch_installs(INDEX='2.13.0+cpu', gpu=True)
        self.assertEqual(installs, [])
        self.assertEqual(self.read('venv/torch'), b'cuda\n')

    @unittest.skipIf(
        any(name.startswith('nvidia') for name in os.listdir('/dev')),
        'there is a GPU',
    )
    def test_no_gpu_decides(self):
        _, installs = self.torch_installs(INDEX='2.13.0+cpu')
        self.assertEqual(installs, ['--no-deps torch==2.13.0+cpu'])

    def test_unknown_build(self):
        output, installs = self.build(status=1, TORCH='rocm')
        self.assertEqual(installs, [])
        self.assertIn('error: TORCH=rocm is neither cpu nor cuda', output)
