import json
from unittest import mock

import numpy as np
import theano
from lasagne.layers import InputLayer, LSTMLayer, get_output

from tests.benchmarks.common import NEEDS_TORCH, benchmark, torch
from tests.folders import FolderTest
from tests.modes import AS_WRITTEN
from tests.scripts import call


@NEEDS_TORCH
class RecurrentTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.recurrent = benchmark('recurrent')

    def test_pytorch_alone_computes_the_same(self):
        x = np.random.RandomState(0).normal(size=(2, 4, 3)).astype('float32')
        first = InputLayer(x.shape)
        network = LSTMLayer(first, 3)
        expected = theano.function(
            [first.input_var],
            get_output(network),
            mode=AS_WRITTEN,
        )(x)
        model = self.recurrent.LSTM(3)
        gates = 'ingate', 'forgetgate', 'cell', 'outgate'

        def set_parameter(target, names, axis, transpose=False):
            arrays = [getattr(network, name).get_value() for name in names]
            value = np.concatenate(arrays, axis)
            target.data = torch.from_numpy(value.T if transpose else value)

        set_parameter(
            model.inputs.weight, [f'W_in_to_{g}' for g in gates], 1, True
        )
        set_parameter(model.inputs.bias, [f'b_{g}' for g in gates], 0)
        set_parameter(
            model.recurrent.weight, [f'W_hid_to_{g}' for g in gates], 1, True
        )
        set_parameter(
            model.peepholes,
            [f'W_cell_to_{g}' for g in ('ingate', 'forgetgate', 'outgate')],
            0,
        )
        model.peepholes.data = model.peepholes.data.reshape(3, 3)
        with torch.no_grad():
            found = model(torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(
            found.swapaxes(0, 1), expected, rtol=1e-4, atol=1e-5
        )

    def test_measures_the_engine_and_pytorch_alone(self):
        with mock.patch.multiple(self.recurrent, C_CODE=False, _PAUSE=0):
            found = self.recurrent.measure(np.ones((2, 2, 3), 'f'), False, 1)
        self.assertEqual(set(found), {'torch', 'native'})
        loss = self.recurrent.native_step(np.ones((2, 2, 3), 'f'), True)
        self.assertGreater(float(loss()), float(loss()))

    def test_prints_both_rows(self):
        path = self.path('rows.json')
        seconds = {'torch': 0.01, 'native': 0.02, 'theano': 0.04}
        with mock.patch.object(
            self.recurrent, 'measure', return_value=seconds
        ):
            printed = call(self.recurrent.main, '--json', path)
        self.assertEqual(
            printed.splitlines()[-2:],
            [
                f'{name}, torch 10.0 ms, native 20.0 ms (engine: 2.00 times '
                'as fast), theano 40.0 ms (engine: 4.00 times as fast)'
                for name in ('forward', 'training step')
            ],
        )
        with open(path) as file:
            rows = json.load(file)['rows']
        self.assertEqual([row['train'] for row in rows], [False, True])
