"""Shared variables whose values stay on the device between calls.

On CUDA they always do. On the CPU they can, so most of what runs on CUDA is
tested without CUDA.
"""

import copy
import pickle

import numpy as np
import theano
import theano.tensor as T
from theano.compile.mode import Mode
from theano.gof.link import Container

from tests.engine import test_linker
from tests.engine.compare import (
    REFERENCE,
    EngineTest,
    TorchLinker,
    TorchMode,
    torch,
    torch_mode,
    values,
)
from tests.engine.test_linker import shared


class Resident:
    """Makes a test keep the values of shared variables on the device."""

    device = 'cpu'

    def setUp(self):
        if self.device == 'cuda' and not torch.cuda.is_available():
            self.skipTest('no CUDA device')
        super().setUp()

    def modes(self):
        linker = TorchLinker(self.device, resident=True)
        return [
            TorchMode(linker, torch_mode('cpu').provided_optimizer),
            Mode(linker, None),
        ]


class SharedVariableTest(Resident, test_linker.SharedVariableTest):
    def test_borrowed_value_is_the_value(self):
        super().test_borrowed_value_is_the_value()
        for mode in self.modes():
            s = shared(3)
            f = theano.function([], updates=[(s, s + 1)], mode=mode)
            f()
            self.assertIs(s.get_value(borrow=True), s.get_value(borrow=True))


class ArgumentsTest(Resident, test_linker.ArgumentsTest):
    pass


class ResultsTest(Resident, test_linker.ResultsTest):
    pass


class CopyTest(Resident, test_linker.CopyTest):
    pass


class ErrorsTest(Resident, test_linker.ErrorsTest):
    pass


class StorageTest(Resident, EngineTest):
    def stored(self, variable):
        return variable.container.storage[0]

    def test_stays_on_the_device(self):
        for mode in self.modes():
            weights, x = shared(3, 4), T.matrix()
            f = theano.function(
                [x],
                (weights * x).sum(),
                mode=mode,
                updates=[(weights, weights - x)],
            )
            for _ in range(3):
                f(values('float32', 3, 4))
                tensor = self.stored(weights).tensor
                self.assertEqual(tensor.device.type, self.device)

    def test_comes_to_the_host_on_demand(self):
        for mode in self.modes():
            s = shared(3)
            f = theano.function([], updates=[(s, s + 1)], mode=mode)
            f()
            self.assertIsInstance(s.get_value(), np.ndarray)
            self.assertIsInstance(self.stored(s), np.ndarray)
            f()
            self.assertNotIsInstance(self.stored(s), np.ndarray)
            np.testing.assert_array_equal(s.get_value(), [2, 3, 4])

    def test_constant_parameters_move_once(self):
        # Variables that are only read stay on the device as well.
        for mode in self.modes():
            s, x = shared(3), T.vector()
            f = theano.function([x], x * s, mode=mode)
            f(np.ones(3, 'float32'))
            tensor = self.stored(s).tensor
            f(np.ones(3, 'float32'))
            self.assertIs(self.stored(s).tensor, tensor)

    def test_integers_stay_on_the_host(self):
        # The host would have to wait for a counter that decides what is
        # computed.
        for mode in self.modes():
            count, x = theano.shared(0), T.matrix()
            f = theano.function(
                [x], x[count], mode=mode, updates=[(count, count + 1)]
            )
            data = values('float32', 3, 4)
            for i in range(3):
                np.testing.assert_array_equal(f(data), data[i])
                self.assertIsInstance(self.stored(count), np.ndarray)
            self.assertEqual(count.get_value(), 3)

    def test_numbers_computed_on_the_device_stay_there(self):
        for mode in self.modes():
            total, x = theano.shared(np.float32(0)), T.vector()
            f = theano.function(
                [x], [], mode=mode, updates=[(total, total + x.sum())]
            )
            f(np.float32([1, 2]))
            self.assertEqual(
                self.stored(total).tensor.device.type, self.device
            )
            f(np.float32([1, 2]))
            self.assertEqual(total.get_value(), 6)

    def functions_of(self, variable, *modes):
        return [
            theano.function(
                [],
                variable.sum(),
                mode=mode,
                updates=[(variable, variable * 2 + 1)],
            )
            for mode in modes
        ]

    def test_with_functions_of_another_device(self):
        for mode in self.modes():
            s = shared(2, 3)
            functions = self.functions_of(s, mode, torch_mode('cpu'))
            value = s.get_value()
            for function in functions * 3:
                self.assertEqual(function(), value.sum())
                value = value * 2 + 1
            np.testing.assert_array_equal(s.get_value(), value)

    def test_with_functions_of_theanos_linkers(self):
        # They know nothing about devices, but can use a value once somebody
        # has read it.
        for mode in self.modes():
            s = shared(2, 3)
            here, there = self.functions_of(s, mode, REFERENCE)
            self.assertEqual(here(), 15)
            with self.assertRaises(AttributeError):
                there()
            s.get_value(borrow=True)
            self.assertEqual(there(), 36)
            self.assertEqual(here(), 78)

    def test_tensors_as_values(self):
        for mode in self.modes():
            s = shared(3)
            f = theano.function([], s * 1, updates=[(s, s + 1)], mode=mode)
            f()
            tensor = torch.ones(3, device=self.device)
            s.set_value(tensor)
            f()
            # The tensor was not borrowed, so it stays as it was.
            self.assertEqual(tensor.sum(), 3)
            np.testing.assert_array_equal(s.get_value(), [2, 2, 2])
            for wrong in torch.ones(3, 3), torch.ones(3).double():
                with self.assertRaises(TypeError):
                    s.set_value(wrong)

    def test_tensors_as_arguments(self):
        x = T.vector()
        for mode in self.modes():
            f = theano.function([x], x * 2, mode=mode)
            np.testing.assert_array_equal(
                f(torch.ones(2, device=self.device)), [2, 2]
            )

    def test_shared_of_a_tensor(self):
        tensor = torch.arange(3, dtype=torch.float32, device=self.device)
        for borrow in False, True:
            for mode in self.modes():
                s = theano.shared(tensor, borrow=borrow)
                self.assertEqual(s.type, T.fvector)
                f = theano.function(
                    [], s.sum(), mode=mode, updates=[(s, s * 2)]
                )
                self.assertEqual([f(), f()], [3, 6])
                np.testing.assert_array_equal(s.get_value(), [0, 4, 8])
                np.testing.assert_array_equal(tensor.cpu(), [0, 1, 2])

    def test_set_to_zero(self):
        for mode in self.modes():
            s = shared(3)
            theano.function([], updates=[(s, s + 1)], mode=mode)()
            s.zero()
            np.testing.assert_array_equal(s.get_value(), [0, 0, 0])

    def test_pickles_need_no_pytorch(self):
        for mode in self.modes():
            s = shared(3)
            theano.function([], updates=[(s, s + 1)], mode=mode)()
            text = pickle.dumps(s.container, -1)
            self.assertNotIn(b'torch', text)
            self.assertNotIn(b'engine', text)
            copied = pickle.loads(text)
            self.assertIs(type(copied), Container)
            self.assertIs(type(copied.type), T.TensorType)
            np.testing.assert_array_equal(copied.value, [1, 2, 3])

    def test_copied_together(self):
        # Copies of a network and of its training step share their variable.
        for mode in self.modes():
            s, x = shared(3), T.vector()
            train = theano.function([x], [], updates=[(s, s + x)], mode=mode)
            read = theano.function([], [s * 1], mode=mode)
            train(np.ones(3, 'float32'))
            train_2, read_2, s_2 = copy.deepcopy((train, read, s))
            train_2(np.ones(3, 'float32'))
            np.testing.assert_array_equal(read_2()[0], [2, 3, 4])
            np.testing.assert_array_equal(s_2.get_value(), [2, 3, 4])
            np.testing.assert_array_equal(read()[0], [1, 2, 3])

    def test_training(self):
        x, y = T.matrix('x'), T.matrix('y')
        start = values('float32', 4, 3, low=-1, high=1)
        batches = [
            (
                values('float32', 5, 4, low=-1, high=1),
                values('float32', 5, 3, low=-1, high=1),
            )
            for _ in range(5)
        ]

        def run(mode):
            weights, bias = (
                theano.shared(start),
                theano.shared(np.zeros(3, 'float32')),
            )
            speed = theano.shared(np.zeros((4, 3), 'float32'))
            loss = T.mean(T.sqr(T.nnet.sigmoid(T.dot(x, weights) + bias) - y))
            grad_weights, grad_bias = T.grad(loss, [weights, bias])
            new = np.float32(0.9) * speed - np.float32(0.5) * grad_weights
            f = theano.function(
                [x, y],
                loss,
                mode=mode,
                updates=[
                    (speed, new),
                    (weights, weights + new),
                    (bias, bias - grad_bias),
                ],
            )
            return [
                *(f(*batch) for batch in batches),
                weights.get_value(),
                bias.get_value(),
                speed.get_value(),
            ]

        self.assert_same_run(run)


class CudaSharedVariableTest(SharedVariableTest):
    device = 'cuda'


class CudaArgumentsTest(ArgumentsTest):
    device = 'cuda'


class CudaResultsTest(ResultsTest):
    device = 'cuda'


class CudaCopyTest(CopyTest):
    device = 'cuda'


class CudaErrorsTest(ErrorsTest):
    device = 'cuda'


class CudaStorageTest(StorageTest):
    device = 'cuda'
