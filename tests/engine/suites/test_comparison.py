import argparse
import contextlib
import io

from tests.engine.suites import comparison
from tests.folders import FolderTest

PASSED, FAILED = ['passed', ''], ['failed', 'line\nan error']


class RunAllTest(FolderTest):
    def run_all(
        self, *arguments, modules=('x', 'y'), engine=PASSED, theano=None
    ):
        """The exit status, what was printed, and what ran."""
        parser = argparse.ArgumentParser()
        comparison.add_arguments(parser, self.path('results'))
        reasons = self.write('reasons.txt', 'y.*: a reason\n')
        ran, printed = [], io.StringIO()

        def run(module, linker):
            ran.append((module, linker))
            if linker == 'torch':
                return {f'{module}.a': engine}
            return theano or {f'{module}.a': PASSED}

        with contextlib.redirect_stdout(printed):
            status = comparison.run_all(
                modules, run, reasons, parser.parse_args(arguments), whole=True
            )
        return status, printed.getvalue(), ran

    def test_modules_with_results_are_skipped(self):
        status, printed, ran = self.run_all(modules=['x'], engine=FAILED)
        self.assertEqual(status, 1)
        self.assertCountEqual(ran, [('x', 'torch'), ('x', 'theano')])
        self.assertIn('differs: x.a\n    an error', printed)
        status, printed, ran = self.run_all('--continue', engine=FAILED)
        self.assertEqual(status, 1)
        self.assertCountEqual(ran, [('y', 'torch'), ('y', 'theano')])
        self.assertIn('differs: x.a\n    an error', printed)
        self.assertIn('all: 0 passed, 1 differs, 1 explained', printed)

    def test_results_are_replaced_unless_the_run_continues(self):
        self.run_all(engine=FAILED)
        status, printed, ran = self.run_all()
        self.assertEqual((status, len(ran)), (0, 4))
        self.assertIn('all: 2 passed, 0 differs', printed)
        _, printed, ran = self.run_all('--continue')
        self.assertEqual(ran, [])
        self.assertIn('all: 2 passed, 0 differs', printed)

    def test_no_time(self):
        self.run_all(modules=['x'])
        table = self.path('table')
        _, printed, ran = self.run_all(
            '--continue', '--minutes', '0', '--table', table
        )
        self.assertEqual(ran, [])
        self.assertIn('not run: y\n', printed)
        self.assertNotIn('reasons.txt', printed)
        lines = self.read('table').decode().splitlines()
        self.assertIn('   * - x', lines)
        self.assertEqual(lines[-1], 'Not run: ``y``.')

    def test_time_limit(self):
        """What only the engine had time for is not compared."""
        _, printed, _ = self.run_all(
            modules=['x'],
            theano={'x': ['failed', 'took more than 3600 seconds']},
        )
        self.assertIn('x: Theano took more than 3600 s\n', printed)
        self.assertIn('not run: x\n', printed)
        self.assertIn('all: 0 passed, 0 differs', printed)
        self.assertEqual(
            self.run_all('--continue', modules=['x'])[2][0][0], 'x'
        )

    def test_one_process_at_a_time(self):
        _, _, ran = self.run_all('--jobs', '1')
        self.assertEqual(
            ran,
            [
                (module, linker)
                for module in ('x', 'y')
                for linker in ('torch', 'theano')
            ],
        )

    def test_reasons_that_are_not_needed(self):
        _, printed, _ = self.run_all()
        self.assertIn('no test that matches y.* differs', printed)
