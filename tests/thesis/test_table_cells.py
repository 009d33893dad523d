import unittest

from kneerepro.thesis.table_cells import cell_in_3d, cell_text, read_cell


class CellsTest(unittest.TestCase):
    def test_read(self):
        for column, text, aspects in [
            ('Input', '1x1x64x64', {'channels': '1', 'size': '64x64'}),
            ('Input', '1x1024x4x4', {'channels': '1024', 'size': '4x4'}),
            ('Output', '64x1x32x32', {'channels': '64', 'size': '32x32'}),
            ('Output', '1x100', {'units': '100'}),
            ('Output', '-', {'': '-'}),
            ('Filter', '5x5x64', {'kernel': '5x5', 'filters': '64'}),
            ('Filter', '1x1x100', {'kernel': '1x1', 'filters': '100'}),
            ('Layer', 'Conv2D*', {'kind': 'Conv2D', 'star': '*'}),
            ('Activ.', 'L. ReLU', {'': 'Leaky ReLU 0.2'}),
            ('Activ.', 'sigmoid*', {'': 'sigmoid'}),
            ('Learning rate α', '10^-4', {'': '0.0001'}),
            ('Learning rate α', '5*10^-5', {'': '5e-05'}),
        ]:
            self.assertEqual(read_cell(column, text, 'dcgan'), aspects)
        self.assertEqual(read_cell('Activ.', 'sigmoid*', 'wgan_gp'), {'': '-'})

    def test_in_3d(self):
        for column, text, deep in [
            ('Input', '1x1x64x64', '1x160x64x64'),
            ('Output', '256x1x4x4', '256x10x4x4'),
            ('Output', '1x4096', '1x40960'),
            ('Filter', '1x1x4096', '1x1x40960'),
            ('Output', '1024x1x4x4', '1024x10x4x4'),
            ('Output', '1x16384', '1x163840'),
            ('Filter', '1x1x16384', '1x1x163840'),
            ('Filter', '1x1x100', '1x1x100'),
            ('Filter', '4x4x128', '4x4x4x128'),
            ('Layer', 'Deconv2D', 'Deconv3D'),
            ('Stride', '2', '2'),
        ]:
            self.assertEqual(
                cell_text(cell_in_3d(read_cell(column, text, 'cae3d'))), deep
            )
