"""Base classes of the tests of fused Ops, which compare graphs with and
without the rewrites.

:mod:`kneerepro.engine.fused.patterns` is tested through the rewrites that use
it.
"""

import theano
import theano.tensor as T

from tests.engine.compare import (
    DEVICE,
    EngineTest,
    TorchMode,
    cuda_rewrites_mode,
    torch_mode,
    values,
)


def count_ops(function, op_class):
    """How many nodes of a function have an Op or scalar Op of a class."""
    return sum(
        isinstance(node.op, op_class)
        or isinstance(getattr(node.op, 'scalar_op', None), op_class)
        for node in function.maker.fgraph.apply_nodes
    )


class FusedTest(EngineTest):
    def modes(self):
        """With the rewrites, without them, and with the rewrites but
        Theano's own linker, which runs the Ops' NumPy implementations."""
        # Operations that became part of a larger one could not be counted.
        fused = torch_mode(DEVICE).excluding(
            'torch_compiled', 'torch_composites'
        )
        return [
            fused,
            fused.excluding('torch'),
            TorchMode('py', fused.provided_optimizer),
        ]

    def assert_fused(self, expected, inputs, outputs, **kwargs):
        """The function has these numbers of Ops of each class with the
        rewrites, and none of them without."""
        for mode, factor in (self.modes()[0], 1), (self.modes()[1], 0):
            function = theano.function(inputs, outputs, mode=mode, **kwargs)
            for op_class, number in expected.items():
                self.assertEqual(
                    count_ops(function, op_class), factor * number
                )


class CudaRewritesTest(EngineTest):
    """Optimises graphs as for CUDA, on whatever device they run."""

    def modes(self):
        mode = cuda_rewrites_mode()
        return [mode, TorchMode('py', mode.provided_optimizer)]

    def counts_of(self, op_classes, inputs, outputs):
        """How many Ops of each class there are."""
        function = theano.function(
            inputs, outputs, mode=self.modes()[0], on_unused_input='ignore'
        )
        return [count_ops(function, op_class) for op_class in op_classes]


class ImagesTest(FusedTest):
    """Has images `x`, and a vector `c` of numbers for their channels."""

    AXES = 0, 2, 3

    def setUp(self):
        self.x, self.c = T.dtensor4(), T.dvector()

    def counts_of(self, op_class, outputs):
        """How many Ops of a class there are, with the rewrites and without.

        The values of the outputs are compared as well."""
        inputs = [self.x, self.c]
        self.assert_same(
            inputs,
            outputs,
            values(self.x.dtype, 2, 3, 4, 5),
            values('float64', 3),
        )
        functions = [
            theano.function(
                inputs, outputs, mode=mode, on_unused_input='ignore'
            )
            for mode in self.modes()[:2]
        ]
        return [count_ops(function, op_class) for function in functions]
