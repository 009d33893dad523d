"""How the cost of a step grows: measured, drawn and published."""

import contextlib
import importlib
import io
import json
import os
import sys
from unittest import mock

import numpy as np

from kneerepro.utils.errors import UserError
from tests.benchmarks.test_benchmarks import benchmark, torch
from tests.folders import FolderTest
from tests.subprocesses import ROOT


def documentation(name):
    """A module of docs/."""
    with mock.patch.object(
        sys, 'path', [os.path.join(ROOT, 'docs'), *sys.path]
    ):
        return importlib.import_module(name)


def call(main, *arguments):
    with (
        mock.patch.object(sys, 'argv', ['script', *arguments]),
        contextlib.redirect_stdout(io.StringIO()) as said,
    ):
        main()
    return said.getvalue()


def row(case, seconds):
    return {
        **case,
        'compiling': 1.0,
        'first': 1.0,
        'memory': 10 * seconds,
        'steps': [seconds, 2 * seconds, 4 * seconds],
    }


def rows(key, sizes):
    """The engine takes one second for each, PyTorch alone two."""
    return [
        row({key: size, 'engine': engine}, size * factor)
        for size in sizes
        for engine, factor in (('torch', 1.0), ('native', 2.0))
    ]


class GrowthTest(FolderTest):
    def setUp(self):
        super().setUp()
        if torch is None:
            self.skipTest('PyTorch is not installed')
        self.growth, self.asked = benchmark('growth'), []

    def measure(self, *arguments, largest=1000):
        def take_turns(cases, count):
            self.asked.append((cases, count))
            if max(case.get('depth', 0) for case in cases) > largest:
                raise UserError('no memory')
            return [row(case, 1.0) for case in cases]

        with mock.patch.object(self.growth, 'take_turns', take_turns):
            call(
                self.growth.main,
                '--device',
                'cpu',
                '--json',
                self.path('growth.json'),
                *arguments,
            )

    def test_what_grows(self):
        self.measure('--steps', '3')
        found = json.loads(self.read('growth.json'))
        self.assertEqual(found['device'], 'cpu')
        self.assertEqual(
            [
                (one['engine'], one['network'], one['batch_size'])
                for one in found['series']['batch']
            ],
            [
                (engine, 'cae2d', size)
                for size in (8, 16, 32, 64, 128, 256)
                for engine in ('torch', 'native')
            ],
        )
        self.assertEqual(
            [
                (one['network'], one['batch_size'], one['depth'])
                for one in found['series']['volume'][::2]
            ],
            [('cae3d', 2, depth) for depth in (16, 32, 64, 96, 160)],
        )
        self.assertEqual({count for _, count in self.asked}, {3})

    def test_quick(self):
        self.measure('--quick', 'volume')
        self.assertEqual(
            [cases[0]['depth'] for cases, _ in self.asked], [16, 32]
        )

    def test_what_is_there_is_kept(self):
        with self.assertRaises(UserError):
            self.measure('volume', largest=32)
        found = json.loads(self.read('growth.json'))['series']['volume']
        self.assertEqual([one['depth'] for one in found], [16, 16, 32, 32])


class FigureTest(FolderTest):
    def test_draw(self):
        figures = documentation('growth_figures')
        for name, (key, label) in figures.GROWS.items():
            time, memory = figures.draw(name, rows(key, (32, 16, 160))).axes
            for axes, unit, factor in (
                (time, 'a step, s', 2),
                (memory, 'GiB', 10),
            ):
                self.assertEqual(axes.get_xlabel(), label)
                self.assertIn(unit, axes.get_ylabel())
                for line, engine in zip(axes.get_lines(), (1, 2)):
                    np.testing.assert_allclose(line.get_xdata(), (16, 32, 160))
                    np.testing.assert_allclose(
                        line.get_ydata(),
                        factor * engine * np.array([16, 32, 160]),
                    )
            self.assertEqual(
                [text.get_text() for text in time.get_legend().get_texts()],
                ['the engine', 'PyTorch alone'],
            )

    def publish(self, *arguments):
        publish = documentation('publish')
        with mock.patch.object(publish, 'FOLDER', self.folder):
            return call(publish.main, '--no-runs', *arguments)

    def test_publish(self):
        self.write(
            'growth.json',
            json.dumps(
                {
                    'revision': 'abc',
                    'machine': 'a processor\na PyTorch',
                    'device': 'cpu',
                    'series': {'batch': rows('batch_size', (8, 16))},
                }
            ),
        )
        case = {'network': 'unet3d', 'batch_size': 2}
        self.write(
            'steps.json',
            json.dumps(
                {
                    'revision': 'abc',
                    'machine': 'a processor',
                    'rows': [
                        row({**case, 'engine': 'torch'}, 0.001),
                        row({**case, 'engine': 'native'}, 0.002),
                    ],
                }
            ),
        )
        self.publish(
            '--growth',
            self.path('growth.json'),
            '--steps',
            self.path('steps.json'),
        )
        text = self.read('growth.inc').decode()
        self.assertIn('| a PyTorch', text)
        self.assertIn('Memory is that of the process.', text)
        self.assertIn('.. figure:: measured/growth_batch.png', text)
        self.assertNotIn('growth_volume', text)
        self.assertEqual(self.read('growth_batch.png')[1:4], b'PNG')
        text = self.read('others.inc').decode()
        self.assertIn('3D U-Net', text)
        self.assertIn('0.002 s', text)  # the median
        self.assertIn('2.00', text)
        self.assertIn('Not measured', self.read('steps.inc').decode())
        # What is published stays, if there is nothing new.
        self.publish()
        self.assertIn('3D U-Net', self.read('others.inc').decode())
        self.assertIn('growth_batch', self.read('growth.inc').decode())

    def test_not_measured(self):
        self.publish()
        for name in 'growth', 'others', 'steps':
            self.assertIn(
                'Not measured so far', self.read(name + '.inc').decode()
            )

    def test_no_measurements(self):
        with self.assertRaisesRegex(UserError, 'cannot read'):
            self.publish('--growth', self.path('none.json'))
        with self.assertRaisesRegex(UserError, 'not what a benchmark'):
            self.publish('--steps', self.write('one.json', '[1]'))

    def test_unknown_or_changed_revision(self):
        for revision, message in [
            ({'revision': 'abc-dirty'}, 'changes that are not committed'),
            ({'revision': None}, 'does not tell which revision'),
            ({}, 'does not tell which revision'),
        ]:
            path = self.write(
                'steps.json',
                json.dumps({**revision, 'machine': 'a processor', 'rows': []}),
            )
            with self.assertRaisesRegex(UserError, message):
                self.publish('--steps', path)
