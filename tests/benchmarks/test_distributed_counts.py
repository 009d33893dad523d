import unittest

import numpy as np

from tests.benchmarks.common import NEEDS_TORCH, benchmark, torch

if torch:
    from theano.tensor import Dot
    from theano.tensor.nnet.abstract_conv import (
        AbstractConv2d,
        AbstractConv3d_gradInputs,
        AbstractConv3d_gradWeights,
    )

    from kneerepro.engine.fused.conv_bias import ConvolutionWithBias


@NEEDS_TORCH
class FlopsTest(unittest.TestCase):
    def test_operations(self):
        flops_of = benchmark('distributed_counts').flops_of

        def flops(op, given, made):
            return flops_of(
                op,
                [torch.empty(shape) for shape in given],
                [torch.empty(shape) for shape in made],
            )

        images, filters, results = (2, 3, 9, 9), (5, 3, 4, 4), (2, 5, 6, 6)
        products = 2 * (2 * 5 * 6 * 6) * (3 * 4 * 4)
        forward = AbstractConv2d()
        for op in forward, ConvolutionWithBias(forward):
            found = flops(op, [images, filters, (5,)], [results])
            self.assertEqual(found, products)
        volumes = [(*shape, shape[-1]) for shape in (images, filters, results)]
        images, filters, results = volumes
        products *= 6 * 4
        self.assertEqual(
            flops(AbstractConv3d_gradInputs(), [filters, results], [images]),
            products,
        )
        self.assertEqual(
            flops(AbstractConv3d_gradWeights(), [images, results], [filters]),
            products,
        )
        self.assertEqual(flops(Dot(), [(2, 3), (3, 4)], [(2, 4)]), 48)
        self.assertEqual(flops(None, [(2, 3)], [(2, 3)]), 0)


@NEEDS_TORCH
class CountTest(unittest.TestCase):
    """Compiles a narrow network, which takes seconds: nothing else counts in
    compiled graphs.
    """

    def test_autoencoder(self):
        counts = benchmark('distributed_counts')
        (found,) = counts.count('cae2d', width=1 / 64)
        # One call with all gradients, and the loss.
        self.assertEqual((found.waited, found.last), ((), (found.least + 4,)))
        operations = found.flops.shape[1]
        self.assertGreater(operations, 50)
        # Whatever multiplies does so for each example.
        np.testing.assert_allclose(found.flops[1], 2 * found.flops[0])
        # The optimiser's work is the same for any number of examples.
        same = found.moved[0] == found.moved[1]
        self.assertTrue(0 < same.sum() < operations)
        flops, moved = found.of_examples(5)
        np.testing.assert_allclose(flops, 5 * found.flops[0])
        np.testing.assert_allclose(moved[same], found.moved[0][same])
