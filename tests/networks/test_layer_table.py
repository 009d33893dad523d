import unittest

import lasagne
from lasagne.nonlinearities import tanh

from kneerepro.networks.layer_table import layer_table
from kneerepro.thesis.table_cells import cell_text
from layers import Conv2DLayer


class LayerTableTest(unittest.TestCase):
    def test_layers_that_no_table_has(self):
        network = lasagne.layers.InputLayer((None, 2, 8, 6))
        network = lasagne.layers.MaxPool2DLayer(network, 2)
        network = lasagne.layers.NonlinearityLayer(network, tanh)
        network = Conv2DLayer(
            network, 3, (3, 1), pad='same', nonlinearity=None
        )
        rows = layer_table(network)
        self.assertEqual(
            [cell_text(row['Layer']) for row in rows],
            ['Input', 'MaxPool2DLayer', 'Conv2D'],
        )
        self.assertEqual(
            [cell_text(row['Activ.']) for row in rows], ['-', 'tanh', '-']
        )
        self.assertEqual(
            [
                cell_text(rows[2][name])
                for name in ('Input', 'Filter', 'Stride', 'Pad', 'Output')
            ],
            ['2x1x4x3', '3x1x3', '1', 'same', '3x1x4x3'],
        )
