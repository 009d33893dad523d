import dataclasses
import json
import os
import subprocess
import sys
from unittest import mock

import lasagne

from kneerepro import config
from kneerepro.networks import cae
from kneerepro.runs import zoo
from kneerepro.thesis import errata
from tests.commands.common import CommandTest
from tests.comparisons import NO_INITIAL_VALUES
from tests.subprocesses import ROOT

TABLES = os.path.join(ROOT, 'docs', 'tables.rst')


class CompareTest(CommandTest):
    def setUp(self):
        super().setUp()
        NO_INITIAL_VALUES.start()
        self.addCleanup(NO_INITIAL_VALUES.stop)

    def compare(self, *argv, status=0):
        return self.call('compare', *argv, status=status)

    def compare_json(self, *argv, status=0):
        stdout, stderr = self.compare('--format', 'json', *argv, status=status)
        return json.loads(stdout), stderr


class DefaultTest(CompareTest):
    def test_documentation_is_current(self):
        stdout, stderr = self.compare('--format', 'rst')
        self.assertEqual(stderr, '')
        with open(TABLES, encoding='utf-8') as file:
            self.assertTrue(
                file.read() == stdout,
                'docs/tables.rst is not what the layers say; after a look at '
                'the difference: python -m kneerepro compare --format rst '
                '--out docs/tables.rst --overwrite',
            )

    def test_changed_layer_is_a_mismatch(self):
        def changed(*args, **kwargs):
            if kwargs['name'] == 'encoder.conv3':
                kwargs['nonlinearity'] = lasagne.nonlinearities.rectify
            return original(*args, **kwargs)

        original = cae.Conv2DLayer
        with mock.patch.object(cae, 'Conv2DLayer', changed):
            content, stderr = self.compare_json(status=1)
        line = (
            'Table 2.1 (encoder of the 2D autoencoder), row 4 Conv2D, '
            'Activ.: printed Leaky ReLU, built ReLU'
        )
        self.assertEqual(content['problems'], [line])
        self.assertEqual(stderr, f'not explained: {line}\n')

    def test_reports_an_erratum_that_no_longer_applies(self):
        (correction,) = errata.ERRATA['E15'].default_reading
        stale = dataclasses.replace(correction, values={6: '3'})
        changed = {
            **errata.ERRATA,
            'E7': dataclasses.replace(
                errata.ERRATA['E7'], default_reading=(stale,)
            ),
        }
        with mock.patch.object(errata, 'ERRATA', changed):
            content, stderr = self.compare_json(status=1)
        self.assertEqual(
            stderr,
            'not explained: E7 no longer applies '
            '(Algorithm 2 ascends a sum of cross-entropies): it '
            'explains no cell\n',
        )
        self.assertEqual(
            content['errata'][6]['status'],
            'no cell differs; no longer applies: it explains no cell',
        )

    def test_as_a_module_without_torch(self):
        # As if it were not installed, an import fails. (None in sys.modules
        # would not do: SciPy 1.18 then takes the module for installed.)
        script = """
import sys
class Hiding:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == 'torch':
            raise ImportError(name)
sys.meta_path.insert(0, Hiding)
from kneerepro.commands import main
sys.exit(main(['compare', '--format', 'md', '--variant', 'width=0.01']))
"""
        process = subprocess.run(
            [sys.executable, '-c', script],
            cwd=ROOT,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        self.assertEqual(process.returncode, 1, process.stderr)
        self.assertTrue(process.stderr.startswith('not explained: Table'))
        self.assertTrue(process.stdout.startswith('# The thesis'))


class VariantTest(CompareTest):
    def test_reading(self):
        content, stderr = self.compare_json(
            '--variant', 'filter_size=5', '--variant', 'cae3d.nz=100'
        )
        self.assertEqual(stderr, '')
        self.assertEqual(
            content['reading'],
            'the reading with filter_size = 5, cae3d.nz = 100',
        )
        self.assertEqual(
            content['differences'],
            {'filter_size': ['5', '4'], 'nz': ['100', '200']},
        )
        (row,) = (
            table['rows'][3]['cells']
            for table in content['tables']
            if table['subject'] == 'generator of the DCGAN'
        )
        self.assertEqual(
            [
                (cell['built'], cell['verdict'], cell['errata'])
                for cell in row
                if cell['column'] in ('Filter', 'Crop')
            ],
            [('5x5x512', 'match', []), ('2', 'erratum', ['E3'])],
        )

    def test_differences_of_its_own_are_mismatches(self):
        stdout, stderr = self.compare('--variant', 'width=0.5', status=1)
        lines = stderr.splitlines()
        self.assertEqual(
            lines[0],
            'not explained: Table 2.1 (encoder of the '
            '2D autoencoder), row 2 Conv2D, Filter: printed '
            '5x5x64, built 5x5x32',
        )
        self.assertRegex(lines[5], r'^and \d+ more$')
        self.assertEqual(len(lines), 6)
        self.assertIn('width 0.5 (the thesis: 1)', stdout)
        self.assertIn(
            'They are the likely cause of the differences that no erratum '
            'explains.',
            ' '.join(stdout.split()),
        )

    def test_refused(self):
        for message, text in [
            (
                r'no parameter chanels \(did you mean channels\?\)',
                'chanels=1,1,1,1',
            ),
            (
                'encoder_sigmoid: .* is not one of dense, conv',
                'encoder_sigmoid=last',
            ),
            ('wgan_gp has no parameter channels', 'wgan_gp.channels=1,1,1,1'),
            (
                r'no experiment is called dcgn \(did you mean dcgan\?\)',
                'dcgn.nz=1',
            ),
            ('channels is not of the form NAME=VALUE', 'channels'),
            ('rows must be a multiple of 16', 'size=40'),
        ]:
            self.assert_refused(message, 'compare', '--variant', text)


class RunTest(CompareTest):
    def test_run_at_the_size_of_the_thesis(self):
        run = self.finished_run(
            'cae2d', (160, 64, 64), **config.read_preset('thesis', 'cae2d')
        )
        self.trained_on(run, volumes=180, train=27800, test=1000)
        for path in run, os.path.join(run, 'model.npz'):
            content, stderr = self.compare_json(path)
            self.assertEqual(stderr, '')
            self.assertEqual(
                [
                    (table['number'], table['derived'])
                    for table in content['tables']
                ],
                [
                    ('2.1', False),
                    ('2.2', False),
                    ('2.5', False),
                    ('text', False),
                ],
            )
            self.assertEqual(len(content['tables'][2]['rows']), 1)
            self.assertEqual(content['reading'], f'the run {path}')
            self.assertEqual(len(content['errata']), 21)

    def trained_on(self, run, **data):
        """Change what a run's model records of its data."""
        path = os.path.join(run, 'model.npz')
        model = zoo.load(path)
        model.about['data'].update(data)
        zoo.save(
            path,
            model.experiment,
            model.options,
            model.networks,
            model.about,
        )

    def test_small_run(self):
        run = self.finished_run('wgan_gp', (16, 64, 64), batch_size=2)
        content, stderr = self.compare_json(run, status=1)
        self.assertEqual(
            [table['subject'] for table in content['tables']],
            [
                'generator of the WGAN-GP',
                'critic of the WGAN-GP',
                'parameters and networks',
                'WGAN-GP',
            ],
        )
        self.assertEqual(content['differences']['width'], ['0.03', '1'])
        # Cells that agree with the thesis match all the same.
        last = content['tables'][1]['rows'][-1]['cells']
        self.assertEqual(
            [
                (cell['built'], cell['verdict'])
                for cell in last
                if cell['column'] in ('Activ.', 'Output')
            ],
            [('-', 'match'), ('1x1', 'erratum')],
        )
        self.assertIn('row 2 Dense', stderr)

    def test_layers_are_those_of_the_run(self):
        run = self.finished_run(
            'dcgan', (16, 64, 64), batch_size=2, batch_norm_output=True
        )
        content, _ = self.compare_json(run, status=1)
        cell = content['tables'][0]['rows'][6]['cells'][0]
        self.assertEqual(
            (cell['built'], cell['verdict']), ('Deconv2D*', 'match')
        )

    def test_refused(self):
        stopped = self.new_run('dcgan').folder
        self.assert_refused('is not finished', 'compare', stopped)
        self.assert_refused('No such file', 'compare', self.path('x'))
        self.assert_refused(
            'under a reading of its own',
            'compare',
            stopped,
            '--variant',
            'nz=1',
        )
        run = self.finished_run('dcgan')
        path = os.path.join(run, 'model.npz')
        model = zoo.load(path)
        zoo.save(path, 'dcgan', model.options, model.networks, {})
        self.assert_refused(
            'does not record how its networks were trained', 'compare', run
        )


class OutTest(CompareTest):
    def test_writes_a_file(self):
        path = self.path('new', 'page.html')
        stdout, stderr = self.compare('--format', 'html', '--out', path)
        self.assertRegex(stdout, rf'\Awrote {path}: \d+ cells: .*\n\Z')
        self.assertEqual(stderr, '')
        with open(path, encoding='utf-8') as file:
            self.assertIn('10s of millions', file.read())
        self.assert_refused('already exists', 'compare', '--out', path)
        self.compare('--out', path, '--overwrite')
        with open(path, encoding='utf-8') as file:
            self.assertTrue(file.read().startswith("The thesis's tables"))

    def test_refuses_an_unknown_format(self):
        _, stderr = self.compare('--format', 'pdf', status=2)
        self.assertIn('terminal', stderr)
