"""The examples of the pages for those who come from elsewhere."""

import os
import subprocess
import sys
import unittest
import warnings

import lasagne

from tests.docs.pages import blocks, run_examples, the_block
from tests.folders import FolderTest
from tests.subprocesses import ROOT, run_python
from tests.test_engines import NEEDS_TORCH

THEANO, PYTORCH = 'coming_from_theano.rst', 'coming_from_pytorch.rst'

# Warnings of lib2to3 are about itself.
with warnings.catch_warnings():
    warnings.simplefilter('ignore')
    try:
        from lib2to3 import refactor
    except ImportError:
        refactor = None


@NEEDS_TORCH
class ExamplesTest(unittest.TestCase):
    def setUp(self):
        rng = lasagne.random.get_rng()
        self.addCleanup(lasagne.random.set_rng, rng)

    def test_all_run(self):
        for page in THEANO, PYTORCH:
            with self.subTest(page):
                self.assertGreater(len(list(blocks(page, 'testcode'))), 4)
                self.assertEqual(run_examples(page), [])


class ProgramTest(FolderTest):
    def run_file(self, name):
        """Run a file as a user does, in the temporary folder."""
        return subprocess.run(
            [sys.executable, name],
            cwd=self.folder,
            env={
                **os.environ,
                'PYTHONPATH': ROOT,
                'THEANO_FLAGS': 'mode=FAST_COMPILE',
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )


class ConversionTest(ProgramTest):
    """The program in Python 2, converted and started as the page says."""

    @unittest.skipUnless(refactor, 'this Python has no 2to3')
    def test_program(self):
        fixers = refactor.get_fixers_from_package('lib2to3.fixes')
        converted = str(
            refactor.RefactoringTool(fixers).refactor_string(
                the_block(THEANO, 'python2'), 'program.py'
            )
        )
        start, _ = (
            content
            for _, language, content in blocks(THEANO, 'code-block')
            if language == 'python'
        )
        self.write('start.py', start)
        # What is left to be done by hand.
        self.write('program.py', converted)
        done = self.run_file('start.py')
        self.assertIn("TypeError: 'float' object cannot be", done.stderr)
        self.write('program.py', converted.replace('] / 4', '] // 4'))
        done = self.run_file('start.py')
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(
            done.stdout,
            r'\Aepoch 0, cost 0\.\d{4}\nepoch 1, .*\nepoch 2, .*\n\Z',
        )
        self.assertGreater(len(self.read('w.pkl')), 10)


def python2_pickle(*arrays):
    """Pickle float32 arrays as Python 2.7 did, with protocol 0.

    Parameters
    ----------
    *arrays : tuple of (tuple of int, bytes)
        Shapes and contents.
    """
    pickled = '(l'
    for shape, content in arrays:
        sizes = ''.join(f'I{size}\n' for size in shape)
        pickled += (
            'cnumpy.core.multiarray\n_reconstruct\n'
            "(cnumpy\nndarray\n(I0\ntS'b'\ntR"
            f'(I1\n({sizes}t'
            "cnumpy\ndtype\n(S'f4'\nI0\nI1\ntR"
            "(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
            f'I00\nS{str(content)[1:]}\ntba'
        )
    return f'{pickled}.'.encode()


class PickleTest(ProgramTest):
    def test_weights(self):
        _, load = (
            content
            for _, language, content in blocks(THEANO, 'code-block')
            if language == 'python'
        )
        self.write(
            'weights.pkl',
            python2_pickle(
                ((2, 1), b'\x00\x00\x80?\x00\x00\x00@'),  # 1 and 2
                ((1,), b'\x00\x00\xc0?'),  # 1.5
            ),
        )
        self.write(
            'program.py',
            'import kneerepro, lasagne\n'
            'network = lasagne.layers.InputLayer((None, 2))\n'
            'network = lasagne.layers.DenseLayer(network, 1)\n'
            f'{load}'
            'print(network.W.get_value().tolist(), network.b.get_value())\n',
        )
        done = self.run_file('program.py')
        self.assertEqual(
            (done.returncode, done.stdout),
            (0, '[[1.0], [2.0]] [1.5]\n'),
            done.stderr,
        )


class FlagsTest(FolderTest):
    def test_theanorc(self):
        path = self.write('theanorc', the_block(THEANO, 'ini'))
        done = run_python(
            'import kneerepro, theano\n'
            'config = theano.config\n'
            'print(config.device, config.lib.cnmem, config.nvcc.fastmath)\n'
            'print(config.optimizer_including, config.floatX)\n',
            THEANORC=path,
        )
        self.assertEqual(
            (done.returncode, done.stdout),
            (0, 'cpu 0.8 True\ncudnn float32\n'),
            done.stderr,
        )
        # Without CUDA, one line says where the program runs.
        self.assertLessEqual(len(done.stderr.splitlines()), 1)
        self.assertRegex(
            done.stderr, r'\A(device=gpu0: .* runs on the CPU.*\n)?\Z'
        )
