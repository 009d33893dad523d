import theano
import theano.tensor as T
from theano.scalar import Sub
from theano.tensor import Sum

from tests.engine.compare import FLOATS, values
from tests.engine.fused.helpers import ImagesTest, count_ops


class SumsTest(ImagesTest):
    def test_deviations_from_the_mean(self):
        centred = self.x - self.x.mean(self.AXES, keepdims=True)
        (zero,) = self.assert_same(
            [self.x], [centred.sum(self.AXES)], values('float64', 2, 3, 4, 5)
        )
        self.assertEqual(zero.shape, (3,))
        self.assertEqual(
            self.counts_of(Sum, [self.c + centred.sum(self.AXES)]), [0, 2]
        )
        self.assertEqual(
            self.counts_of(Sum, [self.c * centred.sum(self.AXES) / self.c]),
            [0, 2],
        )
        self.assertEqual(
            self.counts_of(Sub, [centred.sum(self.AXES) - self.c]), [0, 2]
        )
        self.assertEqual(
            self.counts_of(
                Sum, [T.grad(T.sqr(centred).mean(self.AXES).sum(), self.x)]
            ),
            [1, 2],
        )

    def test_differences_from_other_values(self):
        x = self.x
        for other in [
            x.mean(self.AXES, keepdims=True) / x.shape[1],
            x.sum(self.AXES, keepdims=True) / x.shape[0],
            x.sum(self.AXES, keepdims=True) / 40,
            T.sqr(x).mean(self.AXES, keepdims=True),
            x.mean((0, 1, 2), keepdims=True),
        ]:
            numbers = self.counts_of(Sum, [(x - other).sum(self.AXES)])
            self.assertEqual(*numbers)
        # A mean over all axes would do as well, but is not recognised.
        self.assert_same(
            [x], [(x - x.mean()).sum()], values('float64', 2, 3, 4, 5)
        )

    def test_sizes_that_are_known(self):
        x = T.addbroadcast(self.x, 1)
        mean = x.mean((1, 2, 3), keepdims=True)
        self.assert_same(
            [self.x],
            [(x - mean).sum((1, 2, 3))],
            values('float64', 2, 1, 4, 5),
        )

    def test_written_as_a_sum(self):
        c, mean = (
            self.c.dimshuffle('x', 0, 'x', 'x'),
            self.x.mean(self.AXES, keepdims=True),
        )
        for centred in self.x + -mean, -mean + self.x:
            self.assertEqual(
                self.counts_of(Sum, [(c * centred).sum(self.AXES)]), [0, 2]
            )
        for difference in self.x + -T.exp(c), T.exp(-c) + -self.x:
            self.assertEqual(self.counts_of(Sub, [difference])[0], 1)

    def test_inverse_sizes(self):
        # Where sizes are known, Theano multiplies by their rounded inverse.
        for dtype in FLOATS:
            self.x = T.tensor(dtype, (False,) * 4)
            x = T.unbroadcast(self.x[:2, :, :3, :5].reshape((2, 3, 3, 5)))
            centred = x - x.mean(self.AXES, keepdims=True)
            self.assertEqual(
                self.counts_of(Sum, [centred.sum(self.AXES)]), [0, 2]
            )
            other = x - x.sum(self.AXES, keepdims=True) * 0.03333
            numbers = self.counts_of(Sum, [other.sum(self.AXES)])
            self.assertEqual(*numbers)

    def test_terms(self):
        a, b = T.dtensor4(), T.dtensor4()
        c, d = (
            self.c.dimshuffle('x', 0, 'x', 'x'),
            T.exp(self.c).dimshuffle('x', 0, 'x', 'x'),
        )
        sums = [a.sum(self.AXES), b.sum(self.AXES)]
        centred = a - a.mean(self.AXES, keepdims=True)
        data = [
            values('float64', 2, 3, 4, 5),
            values('float64', 2, 3, 4, 5),
            values('float64', 3),
        ]

        def sums_in(terms, others):
            inputs, outputs = [a, b, self.c], [terms.sum(self.AXES), *others]
            self.assert_same(inputs, outputs, *data)
            function = theano.function(
                inputs, outputs, mode=self.modes()[0], on_unused_input='ignore'
            )
            return count_ops(function, Sum)

        self.assertEqual(sums_in(a * c + b / d, sums), 2)
        self.assertEqual(sums_in(a * c - b / d - centred * c, sums), 2)
        self.assertEqual(sums_in(centred * c - centred * d, []), 0)
        # One of the sums is missing, or a term has another form.
        self.assertEqual(sums_in(a * c + b / d, sums[:1]), 2)
        self.assertEqual(sums_in(a * c + b * d + c, sums), 3)
        self.assertEqual(sums_in(a * c + b * b, sums), 3)
        # These terms may cancel, whereas their rounded sums would not.
        self.assertEqual(sums_in(a - b, sums), 3)

    def test_terms_of_other_shapes(self):
        row = T.TensorType('float64', (True, False, True, False))()
        c = self.c.dimshuffle('x', 0, 'x', 'x')
        outputs = [
            (self.x * c + row * c).sum(self.AXES),
            row.sum(self.AXES),
            self.x.sum(self.AXES),
        ]
        self.assert_same(
            [self.x, self.c, row],
            outputs,
            values('float64', 2, 3, 4, 5),
            values('float64', 3),
            values('float64', 1, 3, 1, 5),
        )

    def test_integers(self):
        i = T.itensor4()
        self.assert_same(
            [i],
            [
                (i - i.sum(self.AXES, keepdims=True)).sum(self.AXES),
                (i + -i).sum(),
            ],
            values('int32', 2, 3, 4, 5),
        )
