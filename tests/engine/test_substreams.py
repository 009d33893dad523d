import contextlib
from unittest import mock

import numpy as np
from theano.sandbox import rng_mrg

from tests.engine.compare import EngineTest

with contextlib.suppress(ImportError):  # without PyTorch, EngineTest skips
    from kneerepro.engine import substreams


class SubstreamsTest(EngineTest):
    """The starts of the streams, without Theano's C code for them."""

    def test_is_used(self):
        self.assertEqual(
            type(rng_mrg.multMatVect.dot_modulo).__module__,
            substreams.__name__,
        )

    def test_as_theano(self):
        rng = np.random.RandomState(0)
        greatest = np.array([rng_mrg.M1 - 1] * 3 + [rng_mrg.M2 - 1] * 3)
        for state in [
            greatest,
            np.eye(6)[5],
            *rng.randint(0, rng_mrg.M2, (20, 6)),
        ]:
            state = state.astype('int32')
            for a, b, step in [
                (rng_mrg.A1p72, rng_mrg.A2p72, rng_mrg.ff_2p72),
                (rng_mrg.A1p134, rng_mrg.A2p134, rng_mrg.ff_2p134),
            ]:
                made = step(state)
                self.assertEqual(made.dtype, 'int32')
                np.testing.assert_array_equal(
                    made,
                    np.concatenate(
                        [
                            rng_mrg.matVecModM(a, state[:3], rng_mrg.M1),
                            rng_mrg.matVecModM(b, state[3:], rng_mrg.M2),
                        ]
                    ),
                )

    def test_all_streams_as_theano(self):
        for seed, count in (
            (1, 1),
            (1, 2),
            (12345, 100),
            (int(rng_mrg.M2) - 1, 77),
        ):
            with self.subTest(seed=seed, count=count):
                streams = rng_mrg.MRG_RandomStreams(seed)
                expected = [streams.rstate]
                for _ in range(count - 1):
                    expected.append(rng_mrg.ff_2p72(expected[-1]))
                found = streams.get_substream_rstates(count, 'float32')
                self.assertEqual(found.dtype, 'int32')
                np.testing.assert_array_equal(found, expected)
                # The next variable's streams begin 2**134 steps later.
                np.testing.assert_array_equal(
                    streams.rstate, rng_mrg.ff_2p134(expected[0])
                )

    def test_a_compiled_function_of_theano_stays(self):
        with mock.patch.object(rng_mrg.multMatVect, 'dot_modulo', 'its'):
            substreams.install()
            self.assertEqual(rng_mrg.multMatVect.dot_modulo, 'its')
