import numpy as np
import theano
import theano.tensor as T
from theano.scan_module.scan_op import Scan
from theano.tensor import Alloc

from tests.engine.compare import EngineTest, values


class LoopConstantsTest(EngineTest):
    def setUp(self):
        self.x = T.dtensor3()
        self.value = values('float64', 5, 3, 4)

    def modes(self):
        return super().modes()[:1]

    def sequences(self, outputs):
        """The dimensions of the sequences of the loops, and whether each is a
        constant."""
        function = theano.function([self.x], outputs, mode=self.modes()[0])
        return [
            (sequence.ndim, isinstance(sequence.owner.op, Alloc))
            for node in function.maker.fgraph.toposort()
            if isinstance(node.op, Scan)
            for sequence in node.op.outer_seqs(node)
        ]

    def test_gradients_of_parts(self):
        def step(x, h):
            both = T.concatenate([x, h], 1) * 2
            return T.tanh(both[:, :4] * both[:, 4:])

        states, _ = theano.scan(
            step, sequences=self.x, outputs_info=T.ones_like(self.x[0])
        )
        gradient = T.grad(T.sqr(states).sum(), self.x)
        self.assert_same([self.x], gradient, self.value)
        self.assertNotIn((3, True), self.sequences(gradient))

    def test_numbers_take_the_place_of_constant_elements(self):
        zeros = T.zeros_like(self.x)
        states, _ = theano.scan(
            lambda z, x, h: h * 0.5 + T.exp(z) + x,
            sequences=[zeros + 1, self.x],
            outputs_info=T.zeros_like(self.x[0]),
        )
        self.assert_same([self.x], states, self.value)
        for ndim, is_constant in self.sequences(states):
            self.assertEqual(is_constant, ndim == 1)

    def test_constant_sequences_may_still_be_too_short(self):
        sums, _ = theano.scan(
            lambda z, h: h + z,
            sequences=T.alloc(np.float64(1), self.x.shape[0], 4),
            outputs_info=T.zeros((4,), 'float64'),
            n_steps=self.x.shape[1],
        )
        function = theano.function([self.x], sums, mode=self.modes()[0])
        np.testing.assert_array_equal(
            function(self.value), np.arange(1, 4)[:, None] * np.ones(4)
        )
        with self.assertRaisesRegex(ValueError, 'steps'):
            function(self.value[:2])
