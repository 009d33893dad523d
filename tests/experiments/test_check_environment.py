"""The first line of each script: what to run where it cannot run."""

import ast
import glob
import importlib.util
import os
import subprocess
import sys
import sysconfig
import unittest

from tests.folders import FolderTest
from tests.subprocesses import ROOT

SCRIPTS = [
    os.path.relpath(path, ROOT)
    for folder in ('experiments', 'data', 'benchmarks')
    for path in sorted(glob.glob(os.path.join(ROOT, folder, '*.py')))
    if os.path.basename(path) != 'check_environment.py'
]


def tree_of(script, **kwargs):
    with open(os.path.join(ROOT, script), encoding='utf-8') as file:
        return ast.parse(file.read(), script, **kwargs)


def is_script(tree):
    """Whether a module ends with "if __name__ == '__main__'"."""
    return ast.unparse(tree.body[-1]).startswith("if __name__ == '__main__'")


def is_standard(name):
    """Whether a module belongs to the standard library."""
    origin = importlib.util.find_spec(name.split('.')[0]).origin
    return origin in ('built-in', 'frozen') or (
        origin.startswith(sysconfig.get_path('stdlib'))
        and 'site-packages' not in origin
    )


class ScriptsTest(unittest.TestCase):
    def test_each_checks_before_it_imports_anything_else(self):
        checked = 0
        for script in SCRIPTS:
            tree = tree_of(script)
            if is_script(tree):
                names = [
                    node.names[0].name
                    if isinstance(node, ast.Import)
                    else node.module
                    for node in tree.body
                    if isinstance(node, (ast.Import, ast.ImportFrom))
                ]
                before = names[: names.index('check_environment')]
                self.assertTrue(all(map(is_standard, before)), script)
                checked += 1
        self.assertGreater(checked, 25)

    def test_old_pythons_understand_them_so_far(self):
        for script in [*SCRIPTS, 'experiments/check_environment.py']:
            if is_script(tree_of(script)) or 'check' in script:
                tree_of(script, feature_version=(3, 7))


class MessageTest(FolderTest):
    def refused(self, *words, cwd=ROOT, path=''):
        """What a Python without any installed package writes."""
        done = subprocess.run(
            [sys.executable, '-S', *words],
            cwd=cwd,
            text=True,
            capture_output=True,
            env={**os.environ, 'PYTHONPATH': path},
        )
        self.assertEqual((done.returncode, done.stdout), (2, ''), done.stderr)
        return done.stderr

    def test_without_the_package(self):
        for script in (
            'experiments/cae3d.py',
            'experiments/fig3_4_reconstructions_3d.py',
            'data/inspect.py',
            'benchmarks/gpu_check.py',
        ):
            self.assertRegex(
                self.refused(script, '--out', 'a b'),
                r'\Aerror: (Python 3\.\d+ has no package kneerepro|not '
                r'installed: theano, .*): run (make setup, then )?'
                rf"\.venv/bin/python {script} --out 'a b'\n\Z",
            )

    def test_without_a_package_that_it_needs(self):
        for script in 'data/prepare.py', 'experiments/thesis.py':
            self.assertRegex(
                self.refused(script, path=ROOT),
                r'\Aerror: Python 3\.\d+ has no package (?!kneerepro)\w+: '
                r'run .*\n\Z',
            )

    def test_from_another_folder(self):
        path = os.path.join(ROOT, 'experiments', 'cae3d.py')
        message = self.refused(path, cwd=self.folder)
        python = os.path.join(ROOT, '.venv', 'bin', 'python')
        self.assertTrue(message.endswith(f'{python} {path}\n'), message)
        if not os.path.exists(os.path.join(ROOT, '.venv', 'installed')):
            self.assertIn(f'run make -C {ROOT} setup, then', message)

    def test_other_pythons(self):
        for version in (3, 8, 1), (3, 14, 0):
            message = self.refused(
                '-c',
                f'import runpy, sys; sys.version_info = {version}\n'
                'sys.path[0] = "benchmarks"; sys.argv = ["growth.py"]\n'
                'runpy.run_path("benchmarks/growth.py", run_name="__main__")',
            )
            self.assertRegex(
                message,
                rf'\Aerror: this is Python 3\.{version[1]}, and the scripts '
                r'need Python 3\.9 to 3\.13: run .*\n\Z',
            )

    def test_interrupted_while_it_imports(self):
        path = self.write(
            'script.py', 'import check_environment\nraise KeyboardInterrupt\n'
        )
        done = subprocess.run(
            [sys.executable, path],
            text=True,
            capture_output=True,
            env={
                **os.environ,
                'PYTHONPATH': os.path.join(ROOT, 'experiments'),
            },
        )
        self.assertEqual(
            (done.returncode, done.stderr), (130, 'interrupted\n')
        )

    def test_defects_of_our_own_are_shown(self):
        path = self.write(
            'script.py',
            f'import sys\nsys.path.insert(0, {os.path.join(ROOT, "data")!r})\n'
            'import check_environment\nimport kneerepro.no_such_module\n',
        )
        done = subprocess.run(
            [sys.executable, path],
            text=True,
            capture_output=True,
            env={**os.environ, 'PYTHONPATH': ROOT},
        )
        self.assertEqual(done.returncode, 1)
        self.assertIn('Traceback', done.stderr)
        self.assertIn("No module named 'kneerepro.no_such_", done.stderr)
