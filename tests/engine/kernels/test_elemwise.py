"""These tests cover elemwise, scalars and scalar_tables."""

import itertools
from unittest import mock

import numpy as np
import theano
import theano.scalar as scalar
import theano.tensor as T
from theano.tensor import xlogx
from theano.tensor.elemwise import Elemwise
from theano.tensor.nnet.sigm import sigmoid, softplus, ultra_fast_sigmoid

from tests.engine.compare import FLOATS, INTEGERS, TYPES, EngineTest, values

try:
    import torch

    from kneerepro.engine.dispatch import build
except ImportError:
    pass  # without PyTorch, EngineTest skips


class UnaryTest(EngineTest):
    # The ranges in which the functions are defined.
    FUNCTIONS = {
        'abs_': (-5, 5),
        'sgn': (-5, 5),
        'ceil': (-5, 5),
        'floor': (-5, 5),
        'trunc': (-5, 5),
        'round_half_to_even': (-5, 5),
        'round_half_away_from_zero': (-5, 5),
        'neg': (-5, 5),
        'inv': (1, 5),
        'log': (1, 5),
        'log2': (1, 5),
        'log10': (1, 5),
        'log1p': (0, 5),
        'exp': (-5, 5),
        'exp2': (-5, 5),
        'expm1': (-5, 5),
        'sqr': (-5, 5),
        'sqrt': (0, 5),
        'deg2rad': (-5, 5),
        'rad2deg': (-5, 5),
        'cos': (-5, 5),
        'arccos': (-1, 1),
        'sin': (-5, 5),
        'arcsin': (-1, 1),
        'tan': (-1, 1),
        'arctan': (-5, 5),
        'cosh': (-5, 5),
        'arccosh': (1, 5),
        'sinh': (-5, 5),
        'arcsinh': (-5, 5),
        'tanh': (-5, 5),
        'arctanh': (-0.9, 0.9),
        'isnan': (-5, 5),
        'isinf': (-5, 5),
        'erf': (-2, 2),
        'erfc': (-2, 2),
        'erfcx': (-2, 2),
        'erfinv': (-0.9, 0.9),
        'erfcinv': (0.1, 1.9),
        'gammaln': (0.5, 5),
        'gamma': (0.5, 5),
        'psi': (0.5, 5),
        'i0': (-3, 3),
        'i1': (-3, 3),
        'j0': (0, 5),
        'j1': (0, 5),
        'tri_gamma': (0.5, 5),
    }

    def test_floats(self):
        for name, (low, high) in self.FUNCTIONS.items():
            for dtype in FLOATS:
                with self.subTest(name, dtype=dtype):
                    x = T.tensor(dtype, (False, False))
                    self.assert_same(
                        [x],
                        getattr(T, name)(x),
                        values(dtype, 3, 4, low=low, high=high),
                        tolerance=1e-4 if dtype == 'float32' else 1e-9,
                    )

    def test_integers(self):
        for name in (
            'abs_',
            'sgn',
            'neg',
            'sqr',
            'exp',
            'sqrt',
            'sin',
            'floor',
            'tanh',
        ):
            for dtype in INTEGERS:
                if (name, dtype) == ('neg', 'uint64'):
                    # Theano itself optimises this away, to 0.
                    continue
                with self.subTest(name, dtype=dtype):
                    x = T.tensor(dtype, (False,))
                    self.assert_same(
                        [x],
                        getattr(T, name)(x),
                        values(dtype, 7, low=0),
                        tolerance=2e-3,
                    )

    def test_not_a_number(self):
        x = T.vector()
        special = np.float32([np.nan, np.inf, -np.inf, 0, -0.0, 1])
        for name in (
            'isnan',
            'isinf',
            'sgn',
            'abs_',
            'exp',
            'log',
            'sqrt',
            'tanh',
            'floor',
            'inv',
        ):
            self.assert_same([x], getattr(T, name)(x), special)

    def test_activations(self):
        for dtype in FLOATS:
            x = T.tensor(dtype, (False,))
            wide = np.array(
                [-100, -40, -5, -1, -0.1, 0, 0.1, 1, 5, 40, 100], dtype
            )
            self.assert_same(
                [x], [sigmoid(x), softplus(x), ultra_fast_sigmoid(x)], wide
            )
            self.assert_same(
                [x], T.grad(sigmoid(x).sum() + softplus(x).sum(), x), wide
            )

    def test_casts(self):
        for source, target in itertools.product(TYPES, TYPES):
            with self.subTest(source=source, target=target):
                x = T.tensor(source, (False,))
                # The cast of a negative number to an unsigned type is not
                # defined.
                low = 0 if target.startswith('u') else -5
                self.assert_same(
                    [x], T.cast(x, target), values(source, 9, low=low)
                )


class BinaryTest(EngineTest):
    def test_types(self):
        for a, b in itertools.product(TYPES, TYPES):
            with self.subTest(a=a, b=b):
                x, y = T.tensor(a, (False,)), T.tensor(b, (False,))
                outputs = [
                    f(x, y)
                    for f in (
                        T.add,
                        T.mul,
                        T.maximum,
                        T.minimum,
                        T.eq,
                        T.neq,
                        T.lt,
                        T.ge,
                    )
                ]
                if 'bool' not in (a, b):
                    outputs.append(x - y)
                self.assert_same([x, y], outputs, values(a, 9), values(b, 9))

    def test_division(self):
        for a, b in itertools.product(
            ['int8', 'int32', 'int64', 'uint8', 'float32', 'float64'], repeat=2
        ):
            with self.subTest(a=a, b=b):
                x, y = T.tensor(a, (False,)), T.tensor(b, (False,))
                divisor = values(b, 30)
                divisor[divisor == 0] = 3
                self.assert_same(
                    [x, y],
                    [T.true_div(x, y), x // y, x % y],
                    values(a, 30),
                    divisor,
                )

    def test_integer_division_by_zero(self):
        x, y = T.lvector(), T.lvector()
        self.assert_same(
            [x, y], [x // y, x % y], np.array([5, -5, 0]), np.array([0, 0, 0])
        )

    def test_power(self):
        for a, b in [
            ('float32', 'float32'),
            ('float64', 'int32'),
            ('int32', 'int32'),
            ('float32', 'int8'),
        ]:
            x, y = T.tensor(a, (False,)), T.tensor(b, (False,))
            self.assert_same(
                [x, y],
                x**y,
                values(a, 9, low=1),
                values(b, 9, low=0, high=4),
                tolerance=1e-4,
            )

    def test_bits(self):
        for dtype in 'int8', 'int32', 'int64', 'uint8', 'bool':
            x, y = T.tensor(dtype, (False,)), T.tensor(dtype, (False,))
            self.assert_same(
                [x, y],
                [x & y, x | y, x ^ y, ~x],
                values(dtype, 20),
                values(dtype, 20),
            )

    def test_angles(self):
        x, y = T.vector(), T.vector()
        self.assert_same(
            [x, y], T.arctan2(x, y), values('float32', 9), values('float32', 9)
        )


class SeveralInputsTest(EngineTest):
    def test_switch_and_clip(self):
        for dtype in 'int32', 'float32', 'float64':
            x, y = T.tensor(dtype, (False,)), T.tensor('float32', (False,))
            c = T.tensor('int8', (False,))
            self.assert_same(
                [c, x, y],
                [
                    T.switch(c, x, y),
                    T.switch(x > 0, x, 0),
                    T.clip(x, -1, 2),
                    T.clip(x, y, y + 1),
                ],
                values('int8', 9, low=0, high=2),
                values(dtype, 9),
                values('float32', 9),
            )

    def test_many_terms(self):
        x, y, z = T.vector(), T.dvector(), T.bvector()
        self.assert_same(
            [x, y, z],
            [x + y + z + 1, x * y * z * 2],
            values('float32', 5),
            values('float64', 5),
            values('int8', 5),
        )

    def test_broadcasting(self):
        x, row, column = T.matrix(), T.row(), T.col()
        number, vector = T.scalar(), T.vector()
        self.assert_same(
            [x, row, column, number, vector],
            [
                x + row,
                x * column,
                row - column,
                x / number,
                x + vector,
                number + row,
            ],
            values('float32', 3, 4),
            values('float32', 1, 4),
            values('float32', 3, 1),
            np.float32(2),
            values('float32', 4),
        )

    def test_dimensions_that_happen_to_be_one_are_not_broadcast(self):
        x, y = T.matrix(), T.matrix()
        arguments = values('float32', 3, 1), values('float32', 3, 4)
        self.assert_refused(ValueError, [x, y], x + y, *arguments)
        f = theano.function([x, y], x + y, mode=self.modes()[0])
        with self.assertRaisesRegex(
            ValueError, r'mis-match along axis 1.*\(3, 1\), \(3, 4\)'
        ):
            f(*arguments)

    def test_empty(self):
        x, y = T.matrix(), T.matrix()
        empty = np.zeros((0, 4), 'float32')
        self.assert_same([x, y], [x + y, T.exp(x), x > y], empty, empty)

    def test_composite(self):
        a, b = scalar.float32('a'), scalar.float32('b')
        op = Elemwise(scalar.Composite([a, b], [scalar.exp(a) * b + 2, a - b]))
        x, y = T.matrix(), T.matrix()
        self.assert_same(
            [x, y], op(x, y), values('float32', 3, 4), values('float32', 3, 4)
        )

    def test_constants_of_a_composite_are_on_the_device(self):
        a = scalar.float32('a')
        op = Elemwise(scalar.Composite([a], [scalar.switch(a, a, 2)]))
        kernel = build(op(T.matrix()).owner, torch.device('meta'))
        with mock.patch.object(torch, 'where', wraps=torch.where) as where:
            kernel.function(torch.empty(3, 4, device='meta'))
        for value in where.call_args[0]:
            self.assertEqual(value.device.type, 'meta')

    def test_complex(self):
        x = T.tensor('complex64', (False,))
        data = (values('float32', 5) + 1j * values('float32', 5)).astype(
            'complex64'
        )
        self.assert_same(
            [x], [x * x, T.real(x), T.imag(x), abs(x), T.conj(x)], data
        )


class LogarithmTest(EngineTest):
    def test_products_with_a_logarithm(self):
        """They are 0 where the factor is."""
        x, y = T.vectors('xy')
        self.assert_same(
            [x, y],
            [
                xlogx.xlogx(x),
                xlogx.xlogy0(x, y),
                *T.grad(xlogx.xlogx(x + 1).sum() * y.sum(), [x, y]),
            ],
            np.float32([0, 1, 2, 0]),
            np.float32([0, 3, 4, np.nan]),
        )


class InPlaceTest(EngineTest):
    def test_result_of_another_type_than_the_sum(self):
        for count in 2, 3:
            inputs = [T.imatrix(), *(T.matrix() for _ in range(count - 1))]
            op = Elemwise(scalar.Add(scalar.transfer_type(0)), {0: 0})
            function = theano.function(
                [theano.In(inputs[0], mutable=True), *inputs[1:]],
                op(*inputs),
                accept_inplace=True,
                mode=self.modes()[0],
            )
            data = [np.ones((2, 3), 'int32')] + [
                np.full((2, 3), 1.6, 'float32')
            ] * (count - 1)
            found = function(*data)
            self.assertEqual(found.dtype, 'int32')
            self.assertTrue((found == int(1 + 1.6 * (count - 1))).all())
            np.testing.assert_array_equal(data[0], found)
