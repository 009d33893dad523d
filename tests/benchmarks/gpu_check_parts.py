"""All parts of the check of the engine on a GPU, each at its smallest.

They run on the CPU; ``make test-slow`` starts this.
"""

import json
import subprocess
import sys

from tests.benchmarks.common import NEEDS_TORCH
from tests.benchmarks.results import results
from tests.benchmarks.test_gpu_check import CHECK, read_json
from tests.folders import FolderTest


@NEEDS_TORCH
class PartsTest(FolderTest):
    def start(self, *parts):
        """Start the script; its files are named after the first part."""
        return subprocess.Popen(
            [
                sys.executable,
                CHECK,
                *parts,
                '--device',
                'cpu',
                '--small',
                '--steps',
                '1',
                '--json',
                self.path(parts[0] + '.json'),
                '--report',
                self.path(parts[0] + '.rst'),
            ],
            text=True,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )

    def found(self, name):
        return read_json(self.path(name + '.json'))

    def test_parts_write_results_and_report(self):
        # At the same time: most of the time goes into imports.
        equality, others = self.start('equality'), self.start('table', 'run')
        output, _ = others.communicate()
        self.assertEqual(
            equality.communicate()[0].splitlines()[0], 'equality ...'
        )
        self.assertEqual(equality.returncode, 0)
        (equal,) = self.found('equality')['equality']['results']
        self.assertTrue(equal['agrees'], equal)
        self.assertEqual(equal['losses'], 0)

        found = self.found('table')
        self.assertEqual(
            [
                (row['network'], row['engine'], len(row['steps']))
                for row in found['table']['results']
            ],
            [('cae2d', engine, 1) for engine in ('torch', 'native')],
        )
        for run in found['run']['results']:
            self.assertEqual(len(run['epochs']), 3)
            self.assertGreater(
                run['seconds'], run['compiling'] + sum(run['epochs'])
            )
        self.assertEqual(
            [run['network'] for run in found['run']['results']],
            ['cae2d', 'dcgan'],
        )
        self.assertIn(b'x native', self.read('table.rst'))
        # The exit status says whether the printed summary has a failure.
        self.assertEqual(others.returncode, int('FAIL' in output))
        self.assertIn('wrote', output)

    def test_a_part_is_added_to_earlier_ones(self):
        known = {'equality': results()['equality']}
        self.write('tests.json', json.dumps(known))
        self.start('tests').communicate()
        found = self.found('tests')
        self.assertEqual(found['equality'], known['equality'])
        (module,) = found['tests']['results']
        self.assertGreater(module['ran'], 0)
        self.assertEqual(module['failed'], [])
