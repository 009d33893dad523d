import theano
import theano.tensor as T
from lasagne.layers import (
    InputLayer,
    LSTMLayer,
    get_all_params,
    get_output,
)
from theano.sandbox.rng_mrg import MRG_RandomStreams

from tests.engine.compare import values
from tests.engine.native.common import NativeTest


class LoopsTest(NativeTest):
    def test_taps(self):
        x, start = T.matrix(), T.matrix()
        outputs, _ = theano.scan(
            lambda before, now, first, second, total: (
                now + first * 0.5 - second,
                total + before.sum(),
                now * total,
            ),
            sequences={'input': x, 'taps': [-1, 0]},
            outputs_info=[
                {'initial': start, 'taps': [-2, -1]},
                T.constant(0, dtype='float32'),
                None,
            ],
        )
        self.assert_same_native(
            [x, start],
            [
                *outputs,
                outputs[0][-1],
                outputs[0][-2:],
                *T.grad(outputs[0].sum() + outputs[2].sum(), [x, start]),
            ],
            values('float32', 6, 3),
            values('float32', 2, 3),
        )

    def test_numbers_of_steps(self):
        x, n = T.vector(), T.lscalar()
        powers, _ = theano.scan(lambda p: p * 2, outputs_info=x, n_steps=n)
        f = self.function([x, n], [powers[-1], powers.shape])
        for steps in 3, 1, 3, 1, 3:
            last, shape = f([1, 3], steps)
            self.assertEqual(last.tolist(), [2**steps, 3 * 2**steps])
            self.assertEqual(shape.tolist(), [steps, 2])
        self.assertEqual(self.versions(f), 2)

    def test_loops_in_loops(self):
        x = T.matrix()
        sums, _ = theano.map(
            lambda row: theano.scan(
                lambda x, total: total * 0.5 + x,
                sequences=row,
                outputs_info=T.constant(0, dtype='float32'),
            )[0],
            x,
        )
        self.assert_same_native(
            [x],
            [sums, T.grad((sums**2).sum(), x)],
            values('float32', 3, 4),
        )

    def test_random_numbers(self):
        def run():
            streams = MRG_RandomStreams(1)
            found, updates = theano.scan(
                lambda: streams.uniform((2, 3)), n_steps=4
            )
            f = self.function([], [found], updates=updates)
            return [f()[0].tolist() for _ in range(3)], self.versions(f)

        with self.on_pytorch():
            expected, _ = run()
        self.assertEqual(run(), (expected, 1))

    def test_recurrent_layer(self):
        first = InputLayer((2, 5, 3))
        network = LSTMLayer(first, 4)
        loss = (get_output(network) ** 2).sum()
        parameters = get_all_params(network, trainable=True)
        self.assert_same_native(
            [first.input_var],
            [loss, *T.grad(loss, parameters)],
            values('float32', 2, 5, 3),
        )

    def test_until_is_left_to_pytorch(self):
        n = T.vector()
        found, _ = theano.scan(
            lambda x: (x * 2, theano.scan_module.until(x.sum() > 5)),
            outputs_info=n,
            n_steps=10,
        )
        f = self.function([n], found)
        for _ in range(3):
            self.assertEqual(f([1, 1])[-1].tolist(), [8, 8])
        self.assertEqual(self.versions(f), 0)
