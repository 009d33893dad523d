"""Randomly generated graphs."""

import numpy as np
import theano.tensor as T
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.compare import EngineTest, values

DTYPES = ['float32', 'float64', 'int64']
SIZES = st.integers(0, 3)
UNARY = [
    T.neg,
    T.abs_,
    T.sqr,
    T.sgn,
    T.tanh,
    T.nnet.sigmoid,
    T.floor,
    lambda x: T.exp(T.clip(x, -3, 3)),
    lambda x: T.sqrt(abs(x) + 1),
    lambda x: T.nnet.relu(x, 0.2),
    lambda x: T.cast(x, 'float64'),
    lambda x: T.cast(T.clip(x, -9, 9), 'int64'),
]
BINARY = [
    T.add,
    T.sub,
    T.mul,
    T.maximum,
    T.minimum,
    T.lt,
    T.eq,
    lambda x, y: x / (abs(y) + 1),
    lambda x, y: T.switch(x > 0, x, y),
]


class Graph:
    """Random inputs, and variables that are computed from them step by step.

    Attributes
    ----------
    inputs, variables : list of (Variable, tuple)
        Variables with their shapes; `variables` begins with the inputs.
    """

    def __init__(self, draw):
        self.draw = draw
        self.inputs, self.variables = [], []
        for _ in range(draw(st.integers(1, 3))):
            shape = draw(st.tuples(SIZES, SIZES))
            variable = T.TensorType(
                draw(st.sampled_from(DTYPES)), [n == 1 for n in shape]
            )()
            self.inputs.append((variable, shape))
            self.variables.append((variable, shape))
        for _ in range(draw(st.integers(1, 7))):
            step = draw(
                st.sampled_from(
                    [
                        self.unary,
                        self.binary,
                        self.reduce,
                        self.shuffle,
                        self.reshape,
                        self.take,
                        self.change,
                        self.join,
                        self.dot,
                        self.softmax,
                        self.broadcast,
                    ]
                )
            )
            step(*draw(st.sampled_from(self.variables)))

    def add(self, variable, shape):
        self.variables.append((variable, tuple(shape)))

    def other(self, shape):
        """A variable of the same shape."""
        return self.draw(
            st.sampled_from([x for x, its in self.variables if its == shape])
        )

    def axis(self, shape):
        return self.draw(st.integers(0, len(shape) - 1))

    def unary(self, x, shape):
        self.add(self.draw(st.sampled_from(UNARY))(x), shape)

    def binary(self, x, shape):
        function = self.draw(st.sampled_from(BINARY))
        self.add(T.cast(function(x, self.other(shape)), x.dtype), shape)

    def reduce(self, x, shape):
        if not shape:
            return
        axis = self.axis(shape)
        functions = [T.sum, T.mean, T.prod]
        if shape[axis]:
            functions += [T.max, T.min, T.argmax]
        rest = shape[:axis] + shape[axis + 1 :]
        self.add(self.draw(st.sampled_from(functions))(x, axis=axis), rest)

    def shuffle(self, x, shape):
        order = self.draw(st.permutations(range(len(shape))))
        self.add(x.dimshuffle(*order, 'x'), [shape[i] for i in order] + [1])

    def reshape(self, x, shape):
        size = int(np.prod(shape))
        self.add(x.reshape((size,)), (size,))

    def take(self, x, shape):
        if not shape:
            return
        start, stop = self.draw(SIZES), self.draw(SIZES)
        step = self.draw(st.sampled_from([1, 2, -1, -2]))
        index = slice(start, stop, step)
        rows = len(range(*index.indices(shape[0])))
        self.add(x[index], (rows, *shape[1:]))
        if shape[0]:
            places = self.draw(
                st.lists(st.integers(0, shape[0] - 1), max_size=4)
            )
            self.add(x[np.array(places, 'int64')], (len(places), *shape[1:]))

    def change(self, x, shape):
        if not shape or not shape[0]:
            return
        row = self.draw(st.integers(0, shape[0] - 1))
        function = self.draw(
            st.sampled_from([T.set_subtensor, T.inc_subtensor])
        )
        self.add(function(x[row], T.ones_like(x[row])), shape)

    def join(self, x, shape):
        if shape:
            axis = self.axis(shape)
            longer = list(shape)
            longer[axis] *= 2
            self.add(T.join(axis, x, self.other(shape)), longer)

    def dot(self, x, shape):
        if len(shape) == 2:
            self.add(T.dot(x, self.other(shape).T), (shape[0], shape[0]))

    def softmax(self, x, shape):
        if len(shape) == 2 and 'float' in x.dtype and 0 not in shape:
            self.add(T.nnet.softmax(x), shape)

    def broadcast(self, x, shape):
        if shape:
            self.add(x + T.cast(T.shape_padleft(x.sum(0)), x.dtype), shape)


class RandomGraphsTest(EngineTest):
    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def test_any_graph(self, data):
        graph = Graph(data.draw)
        inputs = [x for x, _ in graph.inputs]
        outputs = [y for y, _ in graph.variables[len(inputs) :]]
        differentiable = [x for x in inputs if 'float' in x.dtype]
        loss = sum(
            (
                T.sum(T.cast(y, 'float64') ** 2)
                for y in outputs
                if 'float' in y.dtype
            ),
            T.constant(0.0),
        )
        if differentiable:
            outputs = outputs + T.grad(
                loss, differentiable, disconnected_inputs='ignore'
            )
        found = self.assert_same(
            inputs,
            outputs,
            *(
                values(x.dtype, *shape, low=-2, high=3)
                for x, shape in graph.inputs
            ),
            # Products of several numbers in single precision are less exact.
            tolerance=1e-4,
        )
        for y, (_, shape) in zip(found, graph.variables[len(inputs) :]):
            self.assertEqual(y.shape, shape)
