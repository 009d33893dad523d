import unittest

from kneerepro import thesis
from kneerepro.experiment.captions import PRINTED
from kneerepro.registry import THESIS

LAYERS = '2.1', '2.2', '2.3', '2.4'


def column(number, name):
    table = thesis.TABLES[number]
    return [row[table.columns.index(name)] for row in table.rows]


class TablesTest(unittest.TestCase):
    def test_cells(self):
        self.assertEqual(list(thesis.TABLES), [*LAYERS, '2.5'])
        for number, table in thesis.TABLES.items():
            self.assertEqual(
                {len(row) for row in table.rows}, {len(table.columns)}, number
            )
        for number in LAYERS:
            self.assertEqual(len(thesis.TABLES[number].rows), 7)

    def test_misprints_are_there(self):
        # E1: a size printed one step ahead of the row above it.
        self.assertEqual(column('2.2', 'Output')[2], '256x1x4x4')
        self.assertEqual(
            column('2.2', 'Input')[3:],
            ['256x1x8x8', '128x1x16x16', '128x1x32x32', '64x1x64x64'],
        )
        self.assertEqual(
            column('2.2', 'Output')[3:],
            ['128x1x16x16', '128x1x32x32', '64x1x64x64', '1x1x64x64'],
        )
        # E2 to E5
        self.assertEqual(
            column('2.2', 'Filter')[3:],
            ['4x4x256', '4x4x256', '4x4x128', '4x4x1'],
        )
        self.assertEqual(
            column('2.3', 'Filter')[3:],
            ['5x5x512', '5x5x256', '5x5x128', '5x5x1'],
        )
        self.assertEqual(column('2.3', 'Crop')[3:], ['1'] * 4)
        self.assertEqual(
            [column(number, 'Activ.')[1] for number in ('2.2', '2.3')],
            ['-', '-'],
        )
        self.assertEqual(column('2.3', 'Layer')[3:], ['Deconv2D*'] * 4)
        # E14, E15
        self.assertEqual(column('2.3', 'Output')[0], '1x100')
        self.assertEqual(
            thesis.TABLES['2.4'].rows[-1],
            ('Dense', '1x16384', '1x1x1', '-', '-', 'sigmoid*', '1x100'),
        )

    def test_sound_rows_follow_from_each_other(self):
        # The thesis made no mistake here, so a difference is one of copying.
        for number in '2.1', '2.3', '2.4':
            outputs, inputs = column(number, 'Output'), column(number, 'Input')
            self.assertEqual(outputs[:-1], inputs[1:])
        self.assertEqual(
            column('2.1', 'Filter')[1:5],
            ['5x5x64', '5x5x128', '5x5x256', '5x5x256'],
        )
        self.assertEqual(
            column('2.4', 'Filter')[1:5],
            ['5x5x128', '5x5x256', '5x5x512', '5x5x1024'],
        )
        for number, border in ('2.1', 'Pad'), ('2.4', 'Pad'):
            self.assertEqual(column(number, 'Stride')[1:5], ['2'] * 4)
            self.assertEqual(column(number, border)[1:5], ['2'] * 4)
        for number in '2.1', '2.4':
            for row in thesis.TABLES[number].rows[1:5]:
                self.assertEqual(row[2].split('x')[2], row[6].split('x')[0])

    def test_table_2_5(self):
        self.assertEqual(
            thesis.TABLES['2.5'].rows,
            (
                ('CAE 2D', '100', '128', '10^-4', '0.5', '-'),
                ('CAE 3D', '200', '4', '5*10^-5', '0.5', '-'),
                ('DCGAN 2D', '200', '128', '5*10^-5', '0.5', '0.9'),
                ('WGAN 2D', '200', '128', '5*10^-5', '0.5', '0.9'),
            ),
        )
        # The comparison takes the rows to be in the registry's order.
        self.assertEqual(THESIS, ('cae2d', 'cae3d', 'dcgan', 'wgan_gp'))

    def test_statements(self):
        printed = {
            name: {s.key: s.printed for s in statements}
            for name, statements in thesis.STATEMENTS.items()
        }
        self.assertEqual(tuple(printed), THESIS)
        for name, expected in {
            'cae2d': ('27800', '1000', '100', '22500'),
            'cae3d': ('160', '20', '500', '22500'),
        }.items():
            self.assertEqual(
                tuple(
                    printed[name][key]
                    for key in ('train', 'test', 'epochs', 'iterations')
                ),
                expected,
            )
        self.assertEqual(
            [printed[name]['dataset'] for name in ('cae2d', 'cae3d')],
            ['28800x1x64x64', '180x1x160x64x64'],
        )
        self.assertEqual(printed['dcgan']['iterations'], '4000')
        self.assertEqual(printed['dcgan']['epochs'], '20')
        self.assertEqual(printed['wgan_gp']['epochs'], '35')

    def test_copied_captions(self):  # E12
        for number in '3.7', '3.8', '3.9', '3.10':
            self.assertEqual(PRINTED[number], PRINTED['2.1'])
