import unittest

import numpy as np
import theano
import theano.tensor as T

from kneerepro.compat import cuda_ops
from tests.modes import AS_WRITTEN


class BasicOpsTest(unittest.TestCase):
    def test_variables_stay_where_they_are(self):
        x = T.matrix()
        for function in [
            cuda_ops.gpu_from_host,
            cuda_ops.host_from_gpu,
            cuda_ops.gpu_contiguous,
            cuda_ops.as_cuda_ndarray_variable,
            lambda x: cuda_ops.as_gpuarray_variable(
                x, cuda_ops.infer_context_name(x)
            ),
        ]:
            self.assertIs(function(x), x)

    def test_arrays_become_variables(self):
        constant = cuda_ops.as_cuda_ndarray_variable(np.ones(2))
        self.assertEqual(constant.data.tolist(), [1, 1])

    def test_memory(self):
        n = T.lscalar()
        for variable in [
            cuda_ops.gpu_alloc_empty(n, 2, 3),
            cuda_ops.GpuAllocEmpty('float32', None)(n, 2, 3),
        ]:
            value = theano.function([n], variable, mode=AS_WRITTEN)(4)
            self.assertEqual(value.shape, (4, 2, 3))
            self.assertEqual(value.dtype, 'float32')

    def test_no_variable_comes_from_a_gpu(self):
        node = cuda_ops.host_from_gpu(T.exp(T.matrix())).owner
        self.assertNotIsInstance(node.op, cuda_ops.HostFromGpu)
        self.assertNotIsInstance(node.op, cuda_ops.GpuFromHost)
